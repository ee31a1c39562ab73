"""StyleGAN2 (Karras et al. 2020) and the spaces it is edited in: z, w, w+, s, features, kernels."""

from dataclasses import dataclass

from pipeline.errors import UserError
from pipeline.generators.base import Space
from pipeline.generators.mapping import MappingNetwork
from pipeline.generators.style_based import NoisyStyleGAN
from pipeline.generators.synthesis import SynthesisNetwork


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

    @property
    def code_shapes(self) -> dict[Space, tuple[int, ...]]:
        """What codes of each space look like, per code."""
        ups, others = sum(self.channels[:-1]), 2 * sum(self.channels)
        return {
            Space.Z: (self.z_dim,),
            Space.W: (self.w_dim,),
            Space.W_PLUS: (self.num_ws, self.w_dim),
            Space.S: (ups + others,),
        }


def channels_for(resolution: int, base: int, maximum: int = 512) -> tuple[int, ...]:
    """Channel counts ``min(base / r, maximum)`` of the blocks r = 4, 8, ... ``resolution``."""
    blocks = range(2, resolution.bit_length())
    return tuple(min(base // 2**exponent, maximum) for exponent in blocks)


class StyleGAN2(NoisyStyleGAN):
    """StyleGAN2 with access to z, w, w+, s, activations and parameters; see :class:`StyleBased`."""

    config: StyleGAN2Config
    mapping: MappingNetwork
    synthesis: SynthesisNetwork

    def __init__(
        self,
        config: StyleGAN2Config,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> None:
        mapping = MappingNetwork.of(config)
        synthesis = SynthesisNetwork(config.channels, config.w_dim, config.conv_clamp)
        super().__init__(config, mapping, synthesis, truncation_psi, truncation_cutoff)
        self.name = "stylegan2"
