"""Sheets of a SemanticStyleGAN's samples: images, masks, and the pseudo-depth of each class."""

import colorsys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.utils import save_image

from pipeline.generators.semantic_stylegan import SemanticStyleGAN

SAMPLES, DETAILED = 48, 8
"""Samples of which the images are shown, and of how many of them the rest is shown too."""


def palette(classes: int) -> Tensor:
    """Colours in [-1, 1], ``[classes, 3]``: black, then hues that lie far apart."""
    golden = 0.618034
    hues = [colorsys.hsv_to_rgb(k * golden % 1, 0.75, 0.95) for k in range(1, classes)]
    return torch.tensor([(0.0, 0.0, 0.0), *hues]) * 2 - 1


def coloured(labels: Tensor, classes: int) -> Tensor:
    """Pictures ``[n, 3, h, w]`` in [-1, 1] of labels ``[n, h, w]``."""
    return palette(classes)[labels.long().cpu()].permute(0, 3, 1, 2)


def stretched(maps: Tensor, size: int) -> Tensor:
    """Maps ``[n, h, w]`` as grey pictures ``[n, 3, size, size]``, each over its own range."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    grey = 2 * (maps - low) / (high - low).clamp(min=1e-6) - 1
    return F.interpolate(grey.unsqueeze(1), size=size, mode="nearest").expand(-1, 3, -1, -1)


@torch.inference_mode()
def draw_parts_sheet(network: SemanticStyleGAN, path: Path, seed: int) -> None:
    """Write samples, and below them a row each: images, masks, depths of all classes but the first.

    Args:
        network: rendered at its truncation, with constant noise.
        path: the picture file.
        seed: of the samples.
    """
    codes = network.sample(SAMPLES, torch.Generator().manual_seed(seed))
    composition = network.compose(codes)
    images = composition.images.clamp(-1, 1).cpu()
    classes, size = len(network.config.classes), network.resolution
    shown = composition.depths[:DETAILED].cpu()
    rows = [images, images[:DETAILED], coloured(composition.labels[:DETAILED], classes)]
    rows += [stretched(shown[:, k], size) for k in range(1, classes)]
    save_image(torch.cat(rows), path, nrow=DETAILED, normalize=True, value_range=(-1, 1))
