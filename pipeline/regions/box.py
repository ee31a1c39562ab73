"""Rectangular regions."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.regions.region import Outline, Region, pixel_range, require_inside, require_pixels


class Box(Region):
    """A rectangle: rows and columns whose centres lie in ``[centre - size/2, centre + size/2)``.

    Args:
        name: the name it is reported under.
        centre: (row, column) of its middle, as fractions of the image.
        size: (height, width), as fractions of the image.

    Raises:
        UserError: it is empty or reaches beyond the image.
    """

    def __init__(self, name: str, centre: Sequence[float], size: Sequence[float]) -> None:
        self.name = name
        if len(centre) != 2 or len(size) != 2 or min(size) <= 0:
            raise UserError(
                f"region={name}: centre={list(centre)} must be [row, column] and size={list(size)} "
                "[height, width], both greater than 0, as fractions of the image."
            )
        self.rows, self.columns = (
            (c - s / 2, c + s / 2) for c, s in zip(centre, size, strict=True)
        )
        require_inside(name, self._corners())

    @classmethod
    def from_pixels(
        cls, name: str, row: int, column: int, height: int, width: int, resolution: int = 256
    ) -> "Box":
        """A box written the way ReSeFa's reference does: half-open from ``centre - size // 2``."""
        low = (row - height // 2, column - width // 2)
        centre = [(low[0] + height / 2) / resolution, (low[1] + width / 2) / resolution]
        return cls(name, centre, [height / resolution, width / resolution])

    def _corners(self) -> Outline:
        (top, bottom), (left, right) = self.rows, self.columns
        return [(top, left), (top, right), (bottom, right), (bottom, left)]

    def mask(self, resolution: int, images: Tensor | None = None) -> Tensor:
        """Float32 ``[resolution, resolution]``; see :meth:`Region.mask`."""
        mask = torch.zeros(resolution, resolution)
        rows = pixel_range(*self.rows, resolution)
        columns = pixel_range(*self.columns, resolution)
        mask[slice(*rows), slice(*columns)] = 1
        return require_pixels(self.name, mask)

    def outline(self) -> list[Outline]:
        """Its four corners, clockwise from the top left."""
        return [self._corners()]
