"""What a region is: the pixels an edit may change.

All coordinates are fractions of the image, row before column, from the top left corner, so that one
region serves every resolution. A pixel belongs to a region where its centre does: pixel ``i`` of
``n`` has its centre at ``(i + 0.5) / n``. Masks are therefore hard, 0 or 1.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from pipeline.errors import UserError

Outline = list[tuple[float, float]]
_SLACK = 1e-9


class Region(ABC):
    """Some part of an image.

    Attributes:
        name: the name it is configured and reported under.
        per_image: whether every image has a mask of its own, found by looking at the image.
    """

    name: str
    per_image: bool = False

    @abstractmethod
    def mask(self, resolution: int, images: Tensor | None = None) -> Tensor:
        """The region's pixels at a resolution.

        Args:
            resolution: height and width of the mask.
            images: ``[n, 3, H, W]`` in [-1, 1]; only a region with ``per_image`` reads them.

        Returns:
            float32, 1 inside and 0 outside: ``[resolution, resolution]``, or one mask per image
            ``[n, resolution, resolution]`` where the region has ``per_image``.

        Raises:
            UserError: a fixed region covers no pixel at this resolution.
        """

    def outline(self) -> list[Outline] | None:
        """Closed polygons of (row, column) fractions for drawing; None where it varies by image."""
        return None


def pixel_range(low: float, high: float, resolution: int) -> tuple[int, int]:
    """Half-open range of the pixels whose centres lie in ``[low, high)``, as fractions.

    A centre within 1e-9 of a pixel from a border counts as lying on it, so that the rounding of
    fractions never decides.
    """
    start = math.ceil(low * resolution - 0.5 - _SLACK)
    stop = math.ceil(high * resolution - 0.5 - _SLACK)
    return max(start, 0), min(stop, resolution)


def pixel_centres(resolution: int) -> Tensor:
    """Centres of a row of pixels as fractions, float64 ``[resolution]``."""
    return (torch.arange(resolution, dtype=torch.float64) + 0.5) / resolution


def nearest_pixels(size: int, resolution: int) -> Tensor:
    """Which of ``size`` pixels lies under the centre of each of ``resolution`` pixels, int64."""
    return (2 * torch.arange(resolution) + 1) * size // (2 * resolution)


def require_inside(name: str, points: Outline) -> None:
    """Refuse a region that reaches beyond the image.

    Raises:
        UserError: a point lies outside [0, 1].
    """
    outside = [p for p in points if not all(-_SLACK <= x <= 1 + _SLACK for x in p)]
    if outside:
        row, column = outside[0]
        raise UserError(
            f"region={name} reaches beyond the image: its point (row {row:g}, column {column:g}) "
            "is not within 0..1. Positions and sizes are fractions of the image, row before column."
        )


def require_pixels(name: str, mask: Tensor) -> Tensor:
    """The mask itself, unless it is empty.

    Raises:
        UserError: no pixel is inside.
    """
    if not bool(mask.any()):
        raise UserError(
            f"region={name} covers the centre of no pixel at {mask.shape[-2]} x {mask.shape[-1]}; "
            "enlarge it or use a higher resolution."
        )
    return mask
