"""What style-based generators share: the chain of spaces z -> w -> w+ -> s, and truncation."""

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from numbers import Real
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.synthesis import ActivationHook

CHAIN = (Space.Z, Space.W, Space.W_PLUS, Space.S)
"""The spaces of codes, each computed from the one before."""


class StyleBased(Generator):
    """A generator with a mapping network z -> w and styles that each layer reads from its own w.

    Attributes:
        config: the architecture, a dataclass.
        mapping: maps z (and labels) to w, with the mean w in a buffer ``w_avg``.

    Args:
        shapes: what codes of each space look like, per code.
        num_classes: classes of a class-conditional network, else 0.
        truncation_psi: pull of w towards its mean wherever z is mapped; 1 is none.
        truncation_cutoff: truncate only the first so many w+ layers; None truncates all.

    Raises:
        UserError: psi is no number; the cutoff is negative or exceeds the number of layers.
    """

    config: Any
    mapping: nn.Module

    def __init__(
        self,
        shapes: dict[Space, tuple[int, ...]],
        num_classes: int = 0,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> None:
        super().__init__()
        self.shapes, self.num_classes = shapes, num_classes
        check_truncation(truncation_psi, truncation_cutoff)
        self.truncation_psi, self.truncation_cutoff = truncation_psi, truncation_cutoff
        if truncation_cutoff is not None and not 0 <= truncation_cutoff <= self.num_ws:
            raise UserError(
                f"truncation_cutoff={truncation_cutoff} must lie in 0..{self.num_ws}, the "
                "number of w+ layers, or be null for all of them."
            )

    @property
    def architecture(self) -> str:
        """The configuration as JSON."""
        return json.dumps(asdict(self.config))

    @property
    def w_avg(self) -> Tensor:
        """The mean w ``[w_dim]``."""
        return self.mapping.get_buffer("w_avg")

    def map(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Codes w ``[n, w_dim]`` of z, without truncation."""
        w: Tensor = self.mapping(z, labels)
        return w

    @abstractmethod
    def styles(self, ws: Tensor) -> Tensor:
        """Codes s ``[n, num_styles]`` of w+ ``[n, num_ws, w_dim]``."""

    @property
    def num_ws(self) -> int:
        """Number of w vectors of a w+ code."""
        return self.shapes[Space.W_PLUS][0]

    def sample(self, n: int, generator: torch.Generator) -> Codes:
        """Standard normal z; a class-conditional network gets uniform labels."""
        z = torch.randn(n, *self.shapes[Space.Z], generator=generator)
        labels = None
        if self.num_classes:
            labels = torch.randint(self.num_classes, (n,), generator=generator)
        return Codes(Space.Z, z, labels).to(self.w_avg.device)

    def convert(self, codes: Codes, space: Space) -> Codes:
        """Down the chain z -> w -> w+ -> s; z is truncated on the way to w.

        Raises:
            UserError: there is no way, or the codes have another shape than this network's.
        """
        self._check(codes, space)
        if codes.space == space:
            return codes
        if codes.space == Space.Z:
            return self.convert(self._truncated(codes), space)
        if codes.space == Space.W:
            ws = codes.values.unsqueeze(1).expand(-1, self.num_ws, -1)
            return self.convert(Codes(Space.W_PLUS, ws, codes.labels), space)
        return Codes(Space.S, self.styles(codes.values), codes.labels)

    def _check(self, codes: Codes, space: Space) -> None:
        if codes.space not in CHAIN or space not in CHAIN[CHAIN.index(codes.space) :]:
            raise UserError(
                f"generator={self.name} cannot turn codes of '{codes.space}' into '{space}': "
                "the way is z -> w -> w+ -> s."
            )
        if codes.space == Space.Z and space == Space.W and self.truncation_cutoff is not None:
            raise UserError(
                f"truncation_cutoff={self.truncation_cutoff} gives each layer its own w: use the "
                "space 'w+', or truncation_cutoff=null."
            )
        shape = self.shapes[codes.space]
        if tuple(codes.values.shape[1:]) != shape:
            raise UserError(
                f"generator={self.name} has codes of '{codes.space}' of shape {list(shape)}; "
                f"these are {list(codes.values.shape[1:])}."
            )

    def _truncated(self, codes: Codes) -> Codes:
        w, psi = self.map(codes.values, codes.labels), self.truncation_psi
        near = w if psi == 1 else self.w_avg + psi * (w - self.w_avg)
        if self.truncation_cutoff is None:
            return Codes(Space.W, near, codes.labels)
        layers = [near] * self.truncation_cutoff + [w] * (self.num_ws - self.truncation_cutoff)
        return Codes(Space.W_PLUS, torch.stack(layers, dim=1), codes.labels)


class Synthesis(Protocol):
    """A synthesis network that keeps its styles layer by layer."""

    @property
    def style_slices(self) -> dict[str, slice]:
        """Where each layer's styles lie in an s code."""

    @property
    def kernels(self) -> Mapping[str, Tensor]:
        """The kernels that can be shifted."""

    def styles(self, ws: Tensor) -> Tensor:
        """Codes s ``[n, num_styles]`` of w+ ``[n, num_ws, w_dim]``."""


class NoisySynthesis(Synthesis, Protocol):
    """A synthesis network whose layers add noise."""

    def __call__(
        self,
        styles: Tensor,
        noise: str = "const",
        shifts: Mapping[str, Tensor] | None = None,
        hook: ActivationHook | None = None,
    ) -> Tensor:
        """Images ``[n, 3, r, r]`` of styles ``[n, s]``; see StyleGAN2's ``forward``."""


class StyleGANFamily(StyleBased):
    """StyleGAN, StyleGAN2 and StyleGAN3: all spaces, by one synthesis network.

    Attributes:
        synthesis: makes images of styles.

    Args:
        config: the architecture, with ``code_shapes``, ``num_classes`` and ``resolution``.
        mapping: see :class:`StyleBased`; likewise the truncation.
        synthesis: see above.

    Raises:
        UserError: the cutoff is negative or exceeds the number of layers.
    """

    spaces = frozenset(Space)
    synthesis: Synthesis

    def __init__(
        self,
        config: Any,
        mapping: nn.Module,
        synthesis: Synthesis,
        truncation_psi: float,
        truncation_cutoff: int | None,
    ) -> None:
        super().__init__(config.code_shapes, config.num_classes, truncation_psi, truncation_cutoff)
        self.config, self.resolution = config, config.resolution
        self.mapping, self.synthesis = mapping, synthesis

    @property
    def style_slices(self) -> dict[str, slice]:
        """Where each layer's styles lie in an s code."""
        return self.synthesis.style_slices

    @property
    def kernels(self) -> Mapping[str, Tensor]:
        """The kernels that can be shifted."""
        return self.synthesis.kernels

    def styles(self, ws: Tensor) -> Tensor:
        """Codes s ``[n, num_styles]`` of w+ ``[n, num_ws, w_dim]``."""
        return self.synthesis.styles(ws)


class NoisyStyleGAN(StyleGANFamily):
    """StyleGAN and StyleGAN2, whose layers add noise."""

    synthesis: NoisySynthesis

    def render(
        self,
        codes: Codes,
        noise: str = "const",
        shifts: Mapping[str, Tensor] | None = None,
        hook: ActivationHook | None = None,
    ) -> Tensor:
        """Images of codes in z, w, w+ or s; options as in the network's ``forward``."""
        styles = self.convert(codes, Space.S).values
        return self.synthesis(styles, noise, shifts, hook)


def check_truncation(psi: Any, cutoff: Any) -> None:
    """Refuse values that are no truncation, also before a large file is read.

    Raises:
        UserError: psi is no number, or the cutoff no whole number.
    """
    if not isinstance(psi, Real) or isinstance(psi, bool):
        raise UserError(f"generator.truncation_psi={psi}: must be a number, e.g. 0.7.")
    if cutoff is not None and (not isinstance(cutoff, int) or isinstance(cutoff, bool)):
        raise UserError(
            f"generator.truncation_cutoff={cutoff}: must be a whole number of layers, or null."
        )
