"""Regions bounded by straight lines."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.regions.region import (
    Outline,
    Region,
    pixel_centres,
    require_inside,
    require_pixels,
)


class Polygon(Region):
    """A closed polygon; where it crosses itself, the even-odd rule says what is inside.

    Args:
        name: the name it is reported under.
        vertices: at least three (row, column) fractions; the last is joined to the first.

    Raises:
        UserError: it has too few vertices or reaches beyond the image.
    """

    def __init__(self, name: str, vertices: Sequence[Sequence[float]]) -> None:
        self.name = name
        if len(vertices) < 3 or any(len(v) != 2 for v in vertices):
            raise UserError(
                f"region={name}: a polygon needs at least three vertices [row, column], "
                f"got {[list(v) for v in vertices]}."
            )
        self.vertices: Outline = [(float(row), float(column)) for row, column in vertices]
        require_inside(name, self.vertices)

    def mask(self, resolution: int, images: Tensor | None = None) -> Tensor:
        """Float32 ``[resolution, resolution]``; see :meth:`Region.mask`."""
        centres = pixel_centres(resolution)
        inside = torch.zeros(resolution, resolution, dtype=torch.bool)
        for start, end in zip(self.vertices, self.vertices[1:] + self.vertices[:1], strict=True):
            inside ^= _right_of_edge(centres, start, end)
        return require_pixels(self.name, inside.float())

    def outline(self) -> list[Outline]:
        """The polygon itself."""
        return [self.vertices]


def _right_of_edge(centres: Tensor, start: tuple[float, float], end: tuple[float, float]) -> Tensor:
    """Pixels ``[n, n]`` whose ray to the left crosses the edge (half-open in rows)."""
    (top, left), (bottom, right) = sorted((start, end))
    crosses = (top <= centres) & (centres < bottom)
    slope = (right - left) / (bottom - top) if bottom > top else 0.0
    crossing = left + (centres - top) * slope
    return crosses[:, None] & (crossing[:, None] <= centres[None, :])
