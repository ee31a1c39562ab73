"""StarGAN's generator (Choi et al. 2018, Table 4): one network for all attributes.

Layers carry the names of the official release, so its tensors load by name.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.translators.base import Translator, TranslatorConfig, spread_out


@dataclass(frozen=True, kw_only=True)
class StarGANConfig(TranslatorConfig):
    """Architecture of a StarGAN generator; the numbers are the paper's.

    Attributes:
        channels: of the first layer.
        blocks: residual blocks.
        halvings: how often the size is halved before them.
    """

    channels: int = 64
    blocks: int = 6
    halvings: int = 2


class StarGAN(Translator):
    """The picture and its vector, spread over all pixels, through a row of convolutions.

    Norms are of each picture (the release saves running statistics too and never uses them).

    Args:
        config: the architecture.
    """

    off, on, name = 0.0, 1.0, "stargan"

    config: StarGANConfig

    def __init__(self, config: StarGANConfig) -> None:
        super().__init__(config)
        widths = [config.channels * 2**i for i in range(config.halvings + 1)]
        entry = nn.Conv2d(3 + len(config.attributes), widths[0], 7, padding=3, bias=False)
        self.main = nn.Sequential(
            *(entry, *_normed(widths[0])),
            *(layer for width in widths[:-1] for layer in _halving(width)),
            *(ResidualBlock(widths[-1]) for _ in range(config.blocks)),
            *(layer for width in widths[-2::-1] for layer in _doubling(width)),
            nn.Conv2d(widths[0], 3, 7, padding=3, bias=False),
            nn.Tanh(),
        )

    def forward(self, images: Tensor, vectors: Tensor) -> Tensor:
        """See :meth:`Translator.forward`; any size that halves evenly will do."""
        translated: Tensor = self.main(torch.cat([images, spread_out(vectors, images)], dim=1))
        return translated


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with instance norm, around which the input passes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        norm = nn.InstanceNorm2d(channels, affine=True)
        self.main = nn.Sequential(first, *_normed(channels), second, norm)

    def forward(self, x: Tensor) -> Tensor:
        """Features ``[n, c, h, w]`` to the same shape."""
        changed: Tensor = self.main(x)
        return x + changed


def _normed(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.InstanceNorm2d(channels, affine=True), nn.ReLU()


def _halving(channels: int) -> tuple[nn.Module, ...]:
    """Half the size, twice the channels."""
    convolution = nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1, bias=False)
    return convolution, *_normed(2 * channels)


def _doubling(channels: int) -> tuple[nn.Module, ...]:
    """Twice the size, half the channels (given)."""
    up = nn.ConvTranspose2d(2 * channels, channels, 4, stride=2, padding=1, bias=False)
    return up, *_normed(channels)
