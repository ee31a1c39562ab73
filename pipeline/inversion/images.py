"""Pictures to invert, from files."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from pipeline.datasets.images import UNREADABLE, upright
from pipeline.disk import reason
from pipeline.errors import UserError


def read_image(file: Path) -> Image.Image:
    """A picture in RGB, turned upright as its EXIF says.

    Raises:
        UserError: it is no picture, or a damaged one.
    """
    try:
        return upright(file.read_bytes())
    except UNREADABLE as error:
        raise UserError(
            f"codes.images: '{file}' cannot be read as a picture ({reason(error)}): mend it or "
            "take it out."
        ) from error


def require_square(file: Path, image: Image.Image, framed: str) -> None:
    """Refuse a picture that a generator of squares cannot draw as it is.

    Args:
        file: its name.
        image: the picture.
        framed: how the generator's pictures are framed.

    Raises:
        UserError: its sides differ; says what would do.
    """
    if image.width != image.height:
        raise UserError(
            f"codes.images: '{file}' is {image.width} x {image.height} pixels, but the generator "
            f"draws squares (framed as '{framed}'): cut it to one, or for a photograph of a face "
            "add codes.align=ffhq."
        )


def to_float(pixels: Tensor) -> Tensor:
    """Uint8 ``[..., 3, H, W]`` as float32 in [-1, 1]."""
    return pixels.float().div_(127.5).sub_(1)


def to_bytes(images: Tensor) -> Tensor:
    """Floats ``[..., 3, H, W]``, clamped to [-1, 1], as uint8."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
