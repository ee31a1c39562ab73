"""What the tests of NaviGAN's methods share: a small perceptual distance, and one of every kind."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.generators.base import Codes, Generator
from pipeline.generators.label_maps import LabelMaps
from pipeline.generators.pggan import PGGAN, PGGANConfig
from pipeline.generators.stylegan import StyleGAN, StyleGANConfig
from tests.generators.conditional import ready, small_biggan, small_deep, small_pix2pixhd
from tests.generators.networks import small_network
from tests.generators.stylegan3_cases import small_stylegan3


class SmallEmbedding:
    """Two layers of random, normalised, smooth features."""

    name = fingerprint = "small"

    def __init__(self) -> None:
        random = torch.Generator().manual_seed(5)
        self.first = torch.randn(4, 3, 3, 3, generator=random, dtype=torch.float64) / 5
        self.second = torch.randn(5, 4, 3, 3, generator=random, dtype=torch.float64) / 6

    def __call__(self, images: Tensor) -> Tensor:
        """``[n, f]`` of images ``[n, 3, H, W]``."""
        fine = F.softplus(F.conv2d(images, self.first.to(images), padding=1))
        coarse = F.softplus(F.conv2d(fine, self.second.to(images), stride=2))
        levels = [x / (x.square().sum(1, keepdim=True) + 1e-8).sqrt() for x in (fine, coarse)]
        return torch.cat([x.flatten(1) / x[0, 0].numel() ** 0.5 for x in levels], dim=1)


def small_pggan() -> PGGAN:
    return ready(PGGAN(PGGANConfig(8, (6, 5), z_dim=4)), torch.float64)


def small_stylegan() -> StyleGAN:
    sizes = {"z_dim": 5, "w_dim": 6, "mapping_layers": 2, "mapping_width": 6}
    return ready(StyleGAN(StyleGANConfig(16, (6, 5, 4), **sizes)), torch.float64)


SMALL: dict[str, Callable[[], Generator]] = {
    "stylegan2": small_network,
    "stylegan": small_stylegan,
    "stylegan3": small_stylegan3,
    "pggan": small_pggan,
    "biggan": small_biggan,
    "biggan_deep": small_deep,
    "pix2pixhd": small_pix2pixhd,
}
"""One small random generator of every architecture, in float64."""


def codes_of(generator: Generator, n: int = 3, seed: int = 1) -> Codes:
    """Codes in float64; label maps where the generator paints those."""
    if generator.name == "pix2pixhd":
        random = torch.Generator().manual_seed(seed)
        classes = torch.randint(4, (n, 16, 16), generator=random)
        return generator.codes(LabelMaps(classes, classes % 3))  # type: ignore[operator, no-any-return]
    codes = generator.sample(n, torch.Generator().manual_seed(seed))
    return codes.with_values(codes.values.double())
