"""StyleGAN2 (Karras et al. 2020) and the spaces it is edited in: z, w, w+, s, features, kernels."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.mapping import MappingNetwork
from pipeline.generators.synthesis import ActivationHook, SynthesisNetwork

CHAIN = (Space.Z, Space.W, Space.W_PLUS, Space.S)
"""The spaces of codes, each computed from the one before."""


@dataclass(frozen=True)
class StyleGAN2Config:
    """Architecture of a StyleGAN2.

    Attributes:
        resolution: image size, a power of two of at least 8.
        channels: channels of each block, from 4 x 4 up to ``resolution``.
        mapping_layers: depth of the mapping network (8 in the paper, 2 in ADA's ``auto``).
        num_classes: classes of a class-conditional network, else 0.
        conv_clamp: bound on activations (ADA uses 256 with float16), or None.
    """

    resolution: int
    channels: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    mapping_lr_multiplier: float = 0.01
    num_classes: int = 0
    conv_clamp: float | None = None

    def __post_init__(self) -> None:
        blocks = len(self.channels)
        if blocks < 2 or self.resolution != 2 ** (blocks + 1) or min(self.channels) < 1:
            raise UserError(
                f"StyleGAN2: resolution={self.resolution} must be a power of two of at least 8, "
                f"with one entry of channels per block from 4 x 4 up; got {self.channels}."
            )

    @property
    def num_ws(self) -> int:
        """Number of w vectors the synthesis network reads."""
        return 2 * len(self.channels)


def channels_for(resolution: int, base: int, maximum: int = 512) -> tuple[int, ...]:
    """Channel counts ``min(base / r, maximum)`` of the blocks r = 4, 8, ... ``resolution``."""
    blocks = range(2, resolution.bit_length())
    return tuple(min(base // 2**exponent, maximum) for exponent in blocks)


class StyleGAN2(Generator):
    """StyleGAN2 with access to z, w, w+, s, activations and parameters.

    Args:
        config: the architecture.
        truncation_psi: pull of w towards its mean wherever z is mapped; 1 is none.
        truncation_cutoff: truncate only the first so many w+ layers; None truncates all.

    Raises:
        UserError: the cutoff is negative or exceeds the number of layers.
    """

    spaces = frozenset(Space)

    def __init__(
        self,
        config: StyleGAN2Config,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> None:
        super().__init__()
        if truncation_cutoff is not None and not 0 <= truncation_cutoff <= config.num_ws:
            raise UserError(
                f"truncation_cutoff={truncation_cutoff} must lie in 0..{config.num_ws}, the "
                "number of w+ layers, or be null for all of them."
            )
        self.name, self.config, self.resolution = "stylegan2", config, config.resolution
        self.truncation_psi, self.truncation_cutoff = truncation_psi, truncation_cutoff
        self.mapping = MappingNetwork(
            config.z_dim,
            config.w_dim,
            config.mapping_layers,
            config.mapping_lr_multiplier,
            config.num_classes,
        )
        self.synthesis = SynthesisNetwork(config.channels, config.w_dim, config.conv_clamp)

    @property
    def architecture(self) -> str:
        """The configuration as JSON."""
        return json.dumps(asdict(self.config))

    @property
    def num_ws(self) -> int:
        """Number of w vectors of a w+ code."""
        return self.config.num_ws

    @property
    def style_slices(self) -> dict[str, slice]:
        """Where each layer's styles lie in an s code."""
        return self.synthesis.style_slices

    def sample(self, n: int, generator: torch.Generator) -> Codes:
        """Standard normal z; a class-conditional network gets uniform labels."""
        z = torch.randn(n, self.config.z_dim, generator=generator)
        labels = None
        if self.config.num_classes:
            labels = torch.randint(self.config.num_classes, (n,), generator=generator)
        return Codes(Space.Z, z, labels).to(self.mapping.w_avg.device)

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
        return Codes(Space.S, self.synthesis.styles(codes.values), codes.labels)

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
        shape = {
            Space.Z: (self.config.z_dim,),
            Space.W: (self.config.w_dim,),
            Space.W_PLUS: (self.num_ws, self.config.w_dim),
            Space.S: (self.synthesis.num_styles,),
        }[codes.space]
        if tuple(codes.values.shape[1:]) != shape:
            raise UserError(
                f"generator={self.name} has codes of '{codes.space}' of shape {list(shape)}; "
                f"these are {list(codes.values.shape[1:])}."
            )

    def _truncated(self, codes: Codes) -> Codes:
        w = self.mapping(codes.values, codes.labels)
        near = w if self.truncation_psi == 1 else self.mapping.truncate(w, self.truncation_psi)
        if self.truncation_cutoff is None:
            return Codes(Space.W, near, codes.labels)
        layers = [near] * self.truncation_cutoff + [w] * (self.num_ws - self.truncation_cutoff)
        return Codes(Space.W_PLUS, torch.stack(layers, dim=1), codes.labels)

    def render(
        self,
        codes: Codes,
        noise: str = "const",
        shifts: Mapping[str, Tensor] | None = None,
        hook: ActivationHook | None = None,
    ) -> Tensor:
        """Images of codes in z, w, w+ or s; options as in :meth:`SynthesisNetwork.forward`."""
        styles = self.convert(codes, Space.S).values
        image: Tensor = self.synthesis(styles, noise, shifts, hook)
        return image
