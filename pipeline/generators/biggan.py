"""BigGAN (Brock et al. 2019, Fig. 15 and appendix B)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.generators.class_conditional import ClassConditional, ClassConditionalConfig
from pipeline.generators.layers_biggan import (
    ConditionalBatchNorm,
    OutputBatchNorm,
    Shifts,
    SpectralConv2d,
    SpectralLinear,
    double,
)


@dataclass(frozen=True, kw_only=True)
class BigGANConfig(ClassConditionalConfig):
    """Architecture of a BigGAN; every block doubles the size.

    Where ``shared_dim`` is 0, every norm has a scale and an offset per class instead.

    Attributes:
        hierarchical: z is cut into chunks, one for the input and one for each block.
    """

    hierarchical: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hierarchical and (self.z_dim % len(self.channels) or not self.shared_dim):
            raise UserError(
                f"A hierarchical z_dim={self.z_dim} must be a multiple of {len(self.channels)}, "
                "one chunk for the input and one for each block, and needs shared_dim of at least "
                f"1 (it is {self.shared_dim})."
            )

    @property
    def resolution(self) -> int:
        """Height and width of the images."""
        return int(4 * 2**self.blocks)

    @property
    def chunk(self) -> int:
        """How much of z each block reads."""
        return self.z_dim // len(self.channels) if self.hierarchical else 0


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, at twice the size (Fig. 15b).

    The shortcut's 1 x 1 convolution runs before the doubling, which gives the same numbers.
    """

    def __init__(self, config: BigGANConfig, in_channels: int, out_channels: int) -> None:
        super().__init__()
        condition = (config.shared_dim or config.num_classes) + config.chunk
        spectral = config.shared_dim > 0
        self.bn1, self.bn2 = (
            ConditionalBatchNorm(channels, condition, eps=config.bn_eps, spectral=spectral)
            for channels in (in_channels, out_channels)
        )
        self.conv1 = SpectralConv2d(in_channels, out_channels, 3, up=True)
        self.conv2 = SpectralConv2d(out_channels, out_channels, 3)
        self.conv_sc = SpectralConv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, condition: Tensor, rows: Tensor, shifts: Shifts) -> Tensor:
        """Features ``[n, in, h, w]`` to ``[n, out, 2 h, 2 w]``."""
        h: Tensor = self.conv1(F.relu(self.bn1(x, condition, rows)), shifts)
        h = self.conv2(F.relu(self.bn2(h, condition, rows)), shifts)
        return h + double(self.conv_sc(x, shifts))


class BigGAN(ClassConditional):
    """BigGAN in evaluation mode, with access to z, features and kernels.

    A hierarchical z is edited layer by layer through ``z_slices``: a direction that is zero outside
    a slice acts on that layer alone, as a row of w+ does in a StyleGAN.

    Args:
        config: the architecture.
        truncation: see :class:`ClassConditional`.
        classes: see :class:`ClassConditional`.
    """

    config: BigGANConfig

    def __init__(
        self,
        config: BigGANConfig,
        truncation: float | None = None,
        classes: Sequence[int] | None = None,
    ) -> None:
        super().__init__("biggan", config, truncation, classes)
        channels = config.channels
        if config.shared_dim:
            self.shared = nn.Embedding(config.num_classes, config.shared_dim)
        self.linear = SpectralLinear(config.chunk or config.z_dim, 16 * channels[0])
        pairs = zip(channels, channels[1:], strict=False)
        self.add_blocks([ResidualBlock(config, before, after) for before, after in pairs])
        self.output_norm = OutputBatchNorm(channels[-1])
        self.to_rgb = SpectralConv2d(channels[-1], 3, 3)

    @property
    def z_slices(self) -> dict[str, slice]:
        """The part of z that each layer reads: all for ``linear`` unless z is hierarchical."""
        if not self.config.hierarchical:
            return {"linear": slice(0, self.z_dim)}
        blocks = [f"layers.{i}" for i, x in enumerate(self.layers) if isinstance(x, ResidualBlock)]
        chunk = self.config.chunk
        return {k: slice(i * chunk, (i + 1) * chunk) for i, k in enumerate(["linear", *blocks])}

    def conditions(self, z: Tensor, embedding: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The first chunk of z, and for each block the embedding with the block's own chunk."""
        if not self.config.hierarchical:
            return z, [embedding] * self.config.blocks
        first, *others = z.split(self.config.chunk, dim=1)
        return first, [torch.cat([embedding, chunk], dim=1) for chunk in others]
