"""Bringing faces into the frame that face recognisers are trained on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

FACE_SIZE = 112
# ArcFace's frame of 112 x 112 pixels, as (column, row): eyes, nose, corners of the mouth, each
# pair left to right on the image (Deng et al. 2019; the numbers are of its published code).
TEMPLATE = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)

FindLandmarks = Callable[[Tensor], tuple[Tensor, Tensor]]


class Aligner(Protocol):
    """Cuts the face out of each image."""

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Faces ``[n, 3, 112, 112]`` in [-1, 1], and bool ``[n]``: whether there was one."""


@dataclass(frozen=True)
class FixedCrop:
    """The same rectangle of every image: for images that are aligned already.

    Attributes:
        top: upper edge, as a fraction of the height.
        left: left edge, as a fraction of the width.
        size: height and width of the rectangle, as fractions of the image's.
    """

    top: float = 0.0
    left: float = 0.0
    size: float = 1.0

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The rectangle at 112 x 112, antialiased; valid where all of it is finite."""
        height, width = images.shape[-2:]
        rows = slice(round(self.top * height), round((self.top + self.size) * height))
        columns = slice(round(self.left * width), round((self.left + self.size) * width))
        faces = _resize(images[..., rows, columns], FACE_SIZE, FACE_SIZE)
        return faces.clamp(-1, 1), faces.isfinite().all(-1).all(-1).all(-1)


# The face within FFHQ-aligned images: rows 35 to 223, columns 32 to 220 of 256 (Richardson et al.
# 2021, pSp, identity loss). Wrong for any other alignment.
FFHQ_CROP = FixedCrop(35 / 256, 32 / 256, 188 / 256)


@dataclass(frozen=True)
class LandmarkAligner:
    """A similarity transform of five found landmarks onto ArcFace's template.

    Attributes:
        find: gives landmarks ``[n, 5, 2]`` as (column, row) in pixels, in the order of
            :data:`TEMPLATE`, and bool ``[n]``: whether a face was found.
    """

    find: FindLandmarks

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Aligned faces; those of images without a face are meaningless."""
        points, valid = self.find(images)
        template = torch.tensor(TEMPLATE).to(points)
        points = torch.where(valid[:, None, None], points, template)
        return warp(images, similarity(points, template), FACE_SIZE), valid


def similarity(points: Tensor, target: Tensor) -> Tensor:
    """Least-squares similarity transform without reflection (Umeyama 1991, in the plane).

    In complex numbers it is w = a z + b, with a the centred target's projection on the points.

    Args:
        points: ``[n, k, 2]``, (column, row), not all the same.
        target: ``[k, 2]``, where they should come to lie.

    Returns:
        Matrices ``[n, 2, 3]`` that map (column, row, 1) to the target's frame, float64.
    """
    z = torch.view_as_complex(points.double().contiguous())
    w = torch.view_as_complex(target.double().contiguous())
    z0, w0 = z - z.mean(-1, keepdim=True), w - w.mean(-1, keepdim=True)
    a = (z0.conj() * w0).sum(-1) / z0.abs().square().sum(-1)
    b = w.mean(-1) - a * z.mean(-1)
    rows = [torch.stack([a.real, -a.imag, b.real], -1), torch.stack([a.imag, a.real, b.imag], -1)]
    return torch.stack(rows, -2)


def warp(images: Tensor, matrices: Tensor, size: int) -> Tensor:
    """Images ``[n, 3, H, W]`` seen in the frame that matrices ``[n, 2, 3]`` map their pixels to.

    Bilinear, black (-1) outside, ``[n, 3, size, size]``. Pixel centres are at whole numbers.
    Where the frame is much smaller than the image, the image is first shrunk with antialiasing.
    """
    matrices = matrices.to(images.device)
    scale = matrices[:, :, 0].norm(dim=1)
    if len(images) and (largest := scale.max().item()) < 0.5:
        shrunk = [max(1, round(side * largest)) for side in images.shape[-2:]]
        ratio = scale.new_tensor([images.shape[-1] / shrunk[1], images.shape[-2] / shrunk[0]])
        linear = matrices[:, :, :2] * ratio
        shift = matrices[:, :, 2] + matrices[:, :, :2] @ ((ratio - 1) / 2)
        images, matrices = _resize(images, *shrunk), torch.cat([linear, shift[:, :, None]], 2)
    inverse = torch.linalg.inv(matrices[:, :, :2])
    line = torch.arange(size, dtype=torch.float64, device=images.device)
    target = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)
    places = (target - matrices[:, None, None, :, 2]) @ inverse.mT[:, None]
    extent = places.new_tensor([images.shape[-1], images.shape[-2]])
    grid = ((2 * places + 1) / extent - 1).to(images.dtype)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1


def _resize(images: Tensor, height: int, width: int) -> Tensor:
    return F.interpolate(images, size=(height, width), mode="bilinear", antialias=True)
