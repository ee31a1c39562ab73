"""The discriminators of pix2pixHD and their losses (Wang et al. 2018, section 3.2)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Features = list[Tensor]
"""Outputs of all layers of a discriminator, the logits of its patches last."""


class PatchDiscriminator(nn.Module):
    """Judges every patch of an image beside its label map (Isola et al. 2017, appendix 6.1).

    Args:
        inputs: channels of map and image.
        channels: of the first layer; each further one has twice as many.
        layers: how many halve the size.
    """

    def __init__(self, inputs: int, channels: int, layers: int) -> None:
        super().__init__()
        widths = [channels * 2**i for i in range(layers + 1)]
        rows = [nn.Sequential(nn.Conv2d(inputs, channels, 4, 2, 2), nn.LeakyReLU(0.2))]
        for i, (before, after) in enumerate(zip(widths, widths[1:], strict=False), 1):
            convolution = nn.Conv2d(before, after, 4, 2 if i < layers else 1, 2)
            rows.append(nn.Sequential(convolution, nn.InstanceNorm2d(after), nn.LeakyReLU(0.2)))
        rows.append(nn.Sequential(nn.Conv2d(widths[-1], 1, 4, 1, 2)))
        self.rows = nn.ModuleList(rows)

    def forward(self, x: Tensor) -> Features:
        """Features of ``[n, inputs, h, w]``."""
        features: Features = []
        for row in self.rows:
            features.append(row(features[-1] if features else x))
        return features


class MultiscaleDiscriminator(nn.Module):
    """Patch discriminators of the image and of its halvings.

    Args:
        inputs: channels of map and image.
        channels: see :class:`PatchDiscriminator`; likewise ``layers``.
        layers: of each.
        scales: how many discriminators.
    """

    def __init__(self, inputs: int, channels: int, layers: int, scales: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            PatchDiscriminator(inputs, channels, layers) for _ in range(scales)
        )

    def forward(self, maps: Tensor, images: Tensor) -> list[Features]:
        """Features at every scale of maps ``[n, c, h, w]`` and images ``[n, 3, h, w]``."""
        x, seen = torch.cat([maps, images], dim=1), []
        for discriminator in self.scales:
            seen.append(discriminator(x))
            x = F.avg_pool2d(x, 3, 2, padding=1, count_include_pad=False)
        return seen


def adversarial_loss(seen: Sequence[Features], real: bool) -> Tensor:
    """Squared distance of all logits from 1 or 0 (LSGAN, Mao et al. 2017), mean over scales."""
    losses = [(features[-1].float() - float(real)).square().mean() for features in seen]
    return torch.stack(losses).mean()


def feature_matching(fake: Sequence[Features], real: Sequence[Features]) -> Tensor:
    """Mean absolute difference of features, over layers and scales (Eq. 4)."""
    pairs = [
        (a, b)
        for ours, theirs in zip(fake, real, strict=True)
        for a, b in zip(ours[:-1], theirs[:-1], strict=True)
    ]
    return torch.stack([(a - b.detach()).abs().float().mean() for a, b in pairs]).mean()
