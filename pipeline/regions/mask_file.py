"""Regions drawn in an image file."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.regions.region import Outline, Region, nearest_pixels, require_pixels


class MaskFile(Region):
    """A mask painted in an image file, stretched over the whole image.

    A pixel takes the value of the file's pixel under its centre: at least half grey is inside.

    Args:
        path: any image that Pillow reads; colours are taken as grey, black is outside.
        name: the name it is reported under; by default the file's.

    Raises:
        UserError: the file is missing, is no image, or is all black.
    """

    def __init__(self, path: str | Path, name: str | None = None) -> None:
        self.path = Path(path)
        self.name = name or self.path.stem
        self.pixels = require_pixels(self.name, _read_grey(self.path, self.name) >= 128)

    def mask(self, resolution: int, images: Tensor | None = None) -> Tensor:
        """Float32 ``[resolution, resolution]``; see :meth:`Region.mask`."""
        height, width = self.pixels.shape
        rows, columns = nearest_pixels(height, resolution), nearest_pixels(width, resolution)
        return require_pixels(self.name, self.pixels[rows][:, columns].float())

    def outline(self) -> list[Outline]:
        """Contours along the edges of the painted pixels, corners cut."""
        from skimage.measure import find_contours

        padded = np.pad(self.pixels.numpy().astype(np.float64), 1)
        scale = np.array(self.pixels.shape)
        found = find_contours(padded, 0.5)
        contours = [np.clip((contour - 0.5) / scale, 0, 1) for contour in found]
        return [[(float(row), float(column)) for row, column in contour] for contour in contours]


def _read_grey(path: Path, name: str) -> Tensor:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return torch.from_numpy(np.array(image.convert("L")))
    except OSError as error:
        raise UserError(
            f"region={name}: cannot read the mask {path} as an image ({error})."
        ) from error
