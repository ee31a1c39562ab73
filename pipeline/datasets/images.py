"""Pictures from files as tensors: upright, RGB, square, of one size.

Decoded with Pillow: turned as EXIF says, converted to RGB (transparency is dropped, of 16 bits the
upper 8 are kept, colour profiles are not applied), cut to the largest square in the middle, and
resized with one of Pillow's filters. These are antialiased when they shrink an image, unlike
interpolation of the same names elsewhere, which moves Fréchet distances by whole units (Parmar et
al. 2022).
"""

import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import PIL
import torch
from PIL import Image, ImageOps
from torch import Tensor

from pipeline.datasets.source import ImageSource
from pipeline.disk import reason
from pipeline.errors import UserError, unknown_name

FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "box": Image.Resampling.BOX,
}
PIXELS_AT_ONCE = 2**24  # of a batch
LARGEST_BATCH = 64
UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    TypeError,
    struct.error,
    Image.DecompressionBombError,
)
"""What Pillow raises for files that are no images, are cut short, or are damaged."""


@dataclass(frozen=True)
class Resizing:
    """How pictures come to their size.

    Attributes:
        size: height and width.
        filter: one of :data:`FILTERS`.
    """

    size: int
    filter: str = "lanczos"

    def __post_init__(self) -> None:
        if not isinstance(self.size, int) or self.size < 1:
            raise UserError(f"dataset.size={self.size} must be a whole number of pixels, or null.")
        if self.filter not in FILTERS:
            raise unknown_name("dataset.filter", self.filter, FILTERS)

    def __str__(self) -> str:
        return (
            f"square from the middle, resized to {self.size} px by Pillow {PIL.__version__} "
            f"{self.filter} (antialiased)"
        )

    def apply(self, image: Image.Image) -> Image.Image:
        """The middle of an image at the size; an odd pixel more is cut at the right or bottom."""
        side = min(image.size)
        left, top = ((extent - side) // 2 for extent in image.size)
        square = image.crop((left, top, left + side, top + side))
        return square.resize((self.size, self.size), FILTERS[self.filter])


def decode(data: bytes, resizing: Resizing) -> Tensor:
    """An encoded image as uint8 ``[3, size, size]``, RGB.

    Raises:
        UNREADABLE: it is none that Pillow can read.
    """
    return as_tensor(resizing.apply(upright(data)))


def upright(data: bytes) -> Image.Image:
    """An encoded image, turned as EXIF says, in RGB.

    Raises:
        UNREADABLE: it is none that Pillow can read.
    """
    with Image.open(BytesIO(data)) as image:
        return _rgb(ImageOps.exif_transpose(image))


def as_tensor(image: Image.Image) -> Tensor:
    """An image in RGB as uint8 ``[3, H, W]``."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def batches(source: ImageSource, names: Sequence[str], resizing: Resizing) -> Iterator[Tensor]:
    """Images of some names in their order, float32 ``[n, 3, size, size]`` in [-1, 1].

    Only one batch is held at a time, smaller ones of larger images; the cores decode it together.

    Raises:
        UserError: an image cannot be read; names it.
    """
    step = max(1, min(LARGEST_BATCH, PIXELS_AT_ONCE // resizing.size**2))

    def decoded(entry: tuple[str, bytes]) -> Tensor:
        name, data = entry
        try:
            return decode(data, resizing)
        except UNREADABLE as error:
            raise source.unreadable(name, reason(error)) from error

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for start in range(0, len(names), step):
            entries = ((name, source.read(name)) for name in names[start : start + step])
            images = torch.stack(list(pool.map(decoded, entries)))
            yield images.float().div_(127.5).sub_(1)


def _rgb(image: Image.Image) -> Image.Image:
    """An image in RGB of 8 bits.

    Raises:
        ValueError: nothing says which of its values is white.
    """
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of the kind '{image.mode}' have no known range")
    if "transparency" in image.info:  # Pillow wants palettes with it to go this way
        image = image.convert("RGBA")
    return image.convert("RGB")
