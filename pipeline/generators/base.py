"""What a generator is to the rest of the pipeline: a network, its latent spaces and its codes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.generators.fingerprints import tensor_hash


class Space(StrEnum):
    """A place where a generator can be edited."""

    Z = "z"
    W = "w"
    W_PLUS = "w+"
    S = "s"
    ACTIVATIONS = "activations"
    PARAMETERS = "parameters"


OFFERED_BY: Mapping[Space, str] = {
    Space.Z: "any but pix2pixHD",
    **dict.fromkeys((Space.W, Space.W_PLUS, Space.S), "any StyleGAN, or SemanticStyleGAN"),
    **dict.fromkeys((Space.ACTIVATIONS, Space.PARAMETERS), "any but SemanticStyleGAN"),
}
"""The architectures that offer a space, in words."""


@dataclass(frozen=True)
class Codes:
    """One batch of latents.

    Attributes:
        space: the space the values live in.
        values: z ``[n, z_dim]``, w ``[n, w_dim]``, w+ ``[n, num_ws, w_dim]``, or the styles of all
            layers side by side, s ``[n, num_styles]``.
        labels: class labels ``[n]`` or conditioning maps ``[n, c, h, w]``, where there are any.
    """

    space: Space
    values: Tensor
    labels: Tensor | None = None

    def __len__(self) -> int:
        return self.values.shape[0]

    def __getitem__(self, index: slice | Tensor) -> "Codes":
        labels = None if self.labels is None else self.labels[index]
        return replace(self, values=self.values[index], labels=labels)

    def with_values(self, values: Tensor) -> "Codes":
        """The same codes with other values in the same space."""
        return replace(self, values=values)

    def to(self, device: torch.device | str) -> "Codes":
        """The codes on another device."""
        labels = None if self.labels is None else self.labels.to(device)
        return replace(self, values=self.values.to(device), labels=labels)


class Generator(nn.Module, ABC):
    """A generator network and what it can do; all images are ``[n, 3, H, W]``, RGB, about [-1, 1].

    Attributes:
        name: the name it is configured under.
        resolution: height and width of its images.
        spaces: the spaces it offers.
    """

    name: str
    resolution: int
    spaces: frozenset[Space]

    @property
    def architecture(self) -> str:
        """What decides its images besides the weights, as text."""
        return type(self).__name__

    @property
    def device(self) -> torch.device:
        """Where its weights are; the CPU where it has none."""
        return next(chain(self.parameters(), self.buffers()), torch.empty(0)).device

    @cached_property
    def fingerprint(self) -> str:
        """Hash of architecture and weights, 16 hex digits; edits are tied to it.

        It is taken when it is first asked for and stays. From then on the weights must stay too:
        edits of weights are shifts given at rendering, never changes of the network.
        """
        return tensor_hash(self.state_dict(), self.architecture)[:16]

    @property
    def population(self) -> int | None:
        """How many different codes can be sampled; None where they never run out."""
        return None

    @property
    def sampling(self) -> dict[str, Any]:
        """What samples depend on besides weights and seed, as a store key can hold it."""
        return {}

    @property
    def kernels(self) -> Mapping[str, Tensor]:
        """The kernels that ``parameters`` gives access to, by layer; ``[out, in, k, k]`` each.

        Transposed convolutions keep theirs as ``[in, out, k, k]``, as torch does. Where there are
        any, ``render`` takes shifts of them.
        """
        return {}

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator) -> Codes:
        """Draw ``n`` codes in the space the generator is sampled in."""

    @abstractmethod
    def convert(self, codes: Codes, space: Space) -> Codes:
        """The same codes in a space further down (z, w, w+, s).

        Raises:
            UserError: there is no way from one to the other.
        """

    @abstractmethod
    def render(self, codes: Codes) -> Tensor:
        """Images of codes in any of the generator's spaces; differentiable in both modes."""

    def require(self, space: Space, wanted_by: str) -> None:
        """Refuse a space that the generator does not have.

        Raises:
            UserError: it has none; names generators that have it.
        """
        if space not in self.spaces:
            offered = ", ".join(sorted(self.spaces))
            raise UserError(
                f"{wanted_by} needs the space '{space}', which generator={self.name} does not "
                f"offer (it has: {offered}): use another generator ({OFFERED_BY[space]})."
            )
