"""What the BigGAN family shares: codes, truncated sampling, classes, and the way to an image."""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.labels import class_weights
from pipeline.generators.layers_biggan import (
    OutputBatchNorm,
    SelfAttention,
    SpectralConv2d,
    SpectralLinear,
)
from pipeline.generators.progressive import check_shifts
from pipeline.generators.synthesis import ActivationHook


@dataclass(frozen=True, kw_only=True)
class ClassConditionalConfig(ABC):
    """What the architectures of the family have in common; the values are ImageNet's.

    Attributes:
        channels: of the 4 x 4 input and of the output of each block.
        attention: blocks that self-attention comes before (as many as blocks: after the last).
        z_dim: length of z.
        num_classes: number of classes.
        shared_dim: length of the class embedding that all layers share.
        bn_eps: added to the variance in the blocks' norms.
    """

    channels: tuple[int, ...]
    attention: tuple[int, ...] = ()
    z_dim: int = 128
    num_classes: int = 1000
    shared_dim: int = 128
    bn_eps: float = 1e-5

    def __post_init__(self) -> None:
        if self.blocks < 1 or min(self.channels) < 1:
            raise UserError(
                f"channels={list(self.channels)} must give the channels of the 4 x 4 input and of "
                "the output of each block, at least one block."
            )
        places = range(self.blocks + 1)
        if any(p not in places or self.channels[p] < 8 for p in self.attention):
            raise UserError(
                f"attention={list(self.attention)} must name blocks in 0..{self.blocks} that "
                "attention comes before, where there are 8 channels or more."
            )

    @property
    def blocks(self) -> int:
        """Number of residual blocks."""
        return len(self.channels) - 1

    @property
    @abstractmethod
    def resolution(self) -> int:
        """Height and width of the images."""


def truncated_normal(n: int, d: int, generator: torch.Generator, bound: float = 2.0) -> Tensor:
    """Standard normal values ``[n, d]`` kept within a bound, by inversion of the distribution."""
    outside = 0.5 * math.erfc(bound / math.sqrt(2))
    uniform = torch.rand(n, d, generator=generator, dtype=torch.float64)
    normal: Tensor = torch.special.ndtri(outside + uniform * (1 - 2 * outside))
    return normal.float()


class ClassConditional(Generator):
    """A class-conditional generator of the BigGAN family, edited in z, features and kernels.

    Codes are z ``[n, z_dim]`` with labels: classes ``[n]`` or weights of classes
    ``[n, num_classes]``.

    Args:
        name: the name it goes by.
        config: the architecture.
        truncation: factor in (0, 1] on a standard normal kept to [-2, 2], of which z is sampled;
            None is the plain standard normal of training.
        classes: the classes that codes are sampled of; None is all.

    Attributes:
        layers: blocks and attention in the order they run in; names of features count in it.
    """

    spaces = frozenset({Space.Z, Space.ACTIVATIONS, Space.PARAMETERS})
    linear: SpectralLinear
    output_norm: OutputBatchNorm
    to_rgb: SpectralConv2d

    def __init__(
        self,
        name: str,
        config: ClassConditionalConfig,
        truncation: float | None = None,
        classes: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.name, self.config, self.resolution = name, config, config.resolution
        self.truncation, self.classes = truncation, classes
        self.layers = nn.ModuleList()

    @property
    def truncation(self) -> float | None:
        """Truncation of sampling, in (0, 1], or None.

        Raises:
            UserError: set to anything else.
        """
        return self._truncation

    @truncation.setter
    def truncation(self, value: float | None) -> None:
        if value is not None and not 0 < value <= 1:
            raise UserError(
                f"truncation={value} must lie in (0, 1], or be null for the normal of training."
            )
        self._truncation = value

    @property
    def classes(self) -> Sequence[int] | None:
        """The classes that codes are sampled of, or None.

        Raises:
            UserError: set to classes that the network does not have.
        """
        return self._classes

    @classes.setter
    def classes(self, value: Sequence[int] | None) -> None:
        last = self.config.num_classes - 1
        if value is not None and (not value or min(value) < 0 or max(value) > last):
            raise UserError(
                f"classes={list(value)} must name classes in 0..{last}, e.g. classes=[0], or be "
                "null for all of them."
            )
        self._classes = value

    @property
    def architecture(self) -> str:
        """The configuration as JSON."""
        return json.dumps(asdict(self.config))

    @property
    def kernels(self) -> dict[str, Tensor]:
        """The kernels of all convolutions."""
        return {name: layer.weight for name, layer in self._convolutions().items()}

    @property
    def sampling(self) -> dict[str, Any]:
        """Truncation and classes."""
        classes = None if self.classes is None else list(self.classes)
        return {"truncation": self.truncation, "classes": classes}

    @property
    def z_dim(self) -> int:
        """Length of z."""
        return self.config.z_dim

    def add_blocks(self, blocks: Sequence[nn.Module], stored: bool = False) -> None:
        """Put the blocks in a row, and attention before those that the configuration names."""
        for position, channels in enumerate(self.config.channels):
            if position in self.config.attention:
                self.layers.append(SelfAttention(channels, stored))
            self.layers.extend(blocks[position : position + 1])

    def sample(self, n: int, generator: torch.Generator) -> Codes:
        """Normal z, truncated if so set, and uniform labels of the sampled classes."""
        if self.truncation is None:
            z = torch.randn(n, self.z_dim, generator=generator)
        else:
            z = self.truncation * truncated_normal(n, self.z_dim, generator)
        classes = torch.tensor(self.classes or range(self.config.num_classes))
        labels = classes[torch.randint(len(classes), (n,), generator=generator)]
        return Codes(Space.Z, z, labels).to(self.linear.weight.device)

    def convert(self, codes: Codes, space: Space) -> Codes:
        """The codes themselves: there is no space of codes but z.

        Raises:
            UserError: another space is asked for, or the codes have another shape.
        """
        if codes.space != Space.Z or space != Space.Z:
            raise UserError(
                f"generator={self.name} cannot turn codes of '{codes.space}' into '{space}': "
                "its codes are z."
            )
        if tuple(codes.values.shape[1:]) != (self.z_dim,):
            raise UserError(
                f"generator={self.name} has codes of 'z' of shape [{self.z_dim}]; "
                f"these are {list(codes.values.shape[1:])}."
            )
        return codes

    def embed(self, codes: Codes) -> Tensor:
        """Class embeddings ``[n, shared_dim]`` of labels; weights of classes mix them.

        Raises:
            UserError: the codes have no labels, or unknown ones.
        """
        weights = class_weights(codes.labels, self.config.num_classes, codes.values)
        return weights @ self.get_parameter("shared.weight") if self.config.shared_dim else weights

    @abstractmethod
    def conditions(self, z: Tensor, embedding: Tensor) -> tuple[Tensor, list[Tensor]]:
        """What the first layer reads, and what each block reads."""

    def statistics(self) -> Tensor:
        """Weight of each row of the batch-norm statistics."""
        return torch.ones_like(self.output_norm.stored_mean[:, 0])

    def render(
        self,
        codes: Codes,
        embedding: Tensor | None = None,
        shifts: Mapping[str, Tensor] | None = None,
        hook: ActivationHook | None = None,
    ) -> Tensor:
        """Images of z and labels, ``[n, 3, resolution, resolution]`` in [-1, 1].

        Args:
            codes: z, with labels unless an embedding is given.
            embedding: takes the place of the class embedding, ``[n, shared_dim]``.
            shifts: what to add to the kernels of named convolutions, ``[out, in, k, k]`` or one
                per sample; the network itself stays as it is.
            hook: sees, and may replace, features: ``linear`` (4 x 4), ``layers.0``, ``layers.1``,
                ... and ``to_rgb`` (before the tanh).

        Raises:
            UserError: labels or codes do not fit, or a shift does not.
        """
        z = self.convert(codes, Space.Z).values
        kernels = self._checked(shifts or {})
        hook = hook or (lambda _name, x: x)
        first, conditions = self.conditions(
            z, self.embed(codes) if embedding is None else embedding
        )
        rows, each = self.statistics(), iter(conditions)
        x = hook("linear", self.linear(first).unflatten(1, (self.config.channels[0], 4, 4)))
        for i, layer in enumerate(self.layers):
            own = () if isinstance(layer, SelfAttention) else (next(each), rows)
            x = hook(f"layers.{i}", layer(x, *own, kernels))
        x = F.relu(self.output_norm(x, rows))
        return torch.tanh(hook("to_rgb", self.to_rgb(x, kernels)))

    def _checked(self, shifts: Mapping[str, Tensor]) -> dict[nn.Module, Tensor]:
        layers = self._convolutions()
        check_shifts(shifts, self.kernels)
        return {layers[name]: shift for name, shift in shifts.items()}

    def _convolutions(self) -> dict[str, SpectralConv2d]:
        return {k: m for k, m in self.named_modules() if isinstance(m, SpectralConv2d)}
