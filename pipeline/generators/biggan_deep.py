"""BigGAN-deep (Brock et al. 2019, Fig. 16 and appendix B)."""

import math
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
class BigGANDeepConfig(ClassConditionalConfig):
    """Architecture of a BigGAN-deep.

    Attributes:
        up: whether each block doubles the size.
        statistics: rows of batch-norm statistics, one per truncation 0, ..., 1; or a single one.
        stored_vectors: spectral norms use two stored vectors each (DeepMind's weights) instead of
            one power iteration from one.
        rgb_outputs: outputs of the last convolution, of which the first three are the image.
        output_eps: added to the variance in the last norm.
    """

    up: tuple[bool, ...]
    statistics: int = 1
    stored_vectors: bool = False
    rgb_outputs: int = 3
    output_eps: float = 1e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        pairs = zip(self.channels, self.channels[1:], strict=False)
        if len(self.up) != self.blocks or any(a < b or a < 4 for a, b in pairs):
            raise UserError(
                f"channels={list(self.channels)} must not grow from block to block nor fall below "
                f"4, and up={list(self.up)} needs one entry for each block."
            )
        if self.rgb_outputs < 3 or self.statistics < 1:
            raise UserError(
                f"rgb_outputs={self.rgb_outputs} must be at least 3, and "
                f"statistics={self.statistics} at least 1."
            )

    @property
    def resolution(self) -> int:
        """Height and width of the images."""
        return int(4 * 2 ** sum(self.up))


def statistics_weights(rows: int, truncation: float, compat: bool = True) -> Tensor:
    """How much each row of the batch-norm statistics counts at a truncation, ``[rows]``.

    The rows belong to the truncations 0, ..., 1 in equal steps; between two of them the statistics
    are interpolated. The Hugging Face port does it the wrong way round, the lower row getting the
    upper one's weight; so where the floating-point quotient of truncation and step is a hair off
    its whole number, it takes a neighbour (of 51 rows: the next at 0.14, 0.28 and 0.56, the one
    before at 0.58 and 0.94).

    Args:
        rows: number of rows.
        truncation: in (0, 1].
        compat: interpolate as the port does.
    """
    if rows == 1:
        return torch.ones(1)
    step = 1 / (rows - 1)
    fraction, below = math.modf(truncation / step if compat else truncation * (rows - 1))
    low = min(int(below), rows - 1)
    upper = 1 - fraction if compat and fraction else fraction
    weights = torch.zeros(rows)
    weights[low] += 1 - upper
    weights[min(low + 1, rows - 1)] += upper
    return weights


class BottleneckBlock(nn.Module):
    """Convolutions of 1, 3, 3 and 1 at a quarter of the channels, and an identity shortcut.

    The shortcut drops the last channels where there are fewer at the output (Fig. 16b).
    """

    def __init__(
        self, config: BigGANDeepConfig, in_channels: int, out_channels: int, up: bool
    ) -> None:
        super().__init__()
        self.out_channels, self.up = out_channels, up
        inner, condition = in_channels // 4, config.shared_dim + config.z_dim
        stored = config.stored_vectors
        self.bn1, self.bn2, self.bn3, self.bn4 = (
            ConditionalBatchNorm(width, condition, config.statistics, config.bn_eps, stored)
            for width in (in_channels, inner, inner, inner)
        )
        self.conv1 = SpectralConv2d(in_channels, inner, 1, stored=stored)
        self.conv2 = SpectralConv2d(inner, inner, 3, stored=stored, up=up)
        self.conv3 = SpectralConv2d(inner, inner, 3, stored=stored)
        self.conv4 = SpectralConv2d(inner, out_channels, 1, stored=stored)

    def forward(self, x: Tensor, condition: Tensor, rows: Tensor, shifts: Shifts) -> Tensor:
        """Features ``[n, in, h, w]`` to ``[n, out, h', w']``."""
        h: Tensor = self.conv1(F.relu(self.bn1(x, condition, rows)), shifts)
        h = self.conv2(F.relu(self.bn2(h, condition, rows)), shifts)
        h = self.conv3(F.relu(self.bn3(h, condition, rows)), shifts)
        h = self.conv4(F.relu(self.bn4(h, condition, rows)), shifts)
        shortcut = x[:, : self.out_channels]
        return h + (double(shortcut) if self.up else shortcut)


class BigGANDeep(ClassConditional):
    """BigGAN-deep in evaluation mode, with access to z, features and kernels.

    Every layer reads all of z beside the class embedding, so z has no parts of its own per layer.

    Args:
        config: the architecture.
        truncation: see :class:`ClassConditional`; it also picks the batch-norm statistics, where
            there are several (None: those of 1).
        classes: see :class:`ClassConditional`.
        compat: pick the statistics as the Hugging Face port does, see :func:`statistics_weights`.
    """

    config: BigGANDeepConfig

    def __init__(
        self,
        config: BigGANDeepConfig,
        truncation: float | None = None,
        classes: Sequence[int] | None = None,
        compat: bool = True,
    ) -> None:
        super().__init__("biggan_deep", config, truncation, classes)
        self.compat = compat
        channels, stored = config.channels, config.stored_vectors
        self.shared = nn.Embedding(config.num_classes, config.shared_dim)
        self.linear = SpectralLinear(
            config.shared_dim + config.z_dim, 16 * channels[0], stored=stored
        )
        blocks = zip(channels, channels[1:], config.up, strict=False)
        self.add_blocks([BottleneckBlock(config, *block) for block in blocks], stored)
        self.output_norm = OutputBatchNorm(channels[-1], config.statistics, config.output_eps)
        self.to_rgb = SpectralConv2d(channels[-1], config.rgb_outputs, 3, stored=stored, used=3)

    def conditions(self, z: Tensor, embedding: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The class embedding followed by z, for every layer."""
        condition = torch.cat([embedding, z], dim=1)
        return condition, [condition] * len(self.config.up)

    def statistics(self) -> Tensor:
        """Weight of each row of the batch-norm statistics at the truncation."""
        truncation = 1.0 if self.truncation is None else self.truncation
        weights = statistics_weights(self.config.statistics, truncation, self.compat)
        return weights.to(self.output_norm.stored_mean)
