"""Small pictures to read back."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int = 0, width: int = 10, height: int = 8) -> Image.Image:
    """Random colours."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """The bytes of a file."""
    buffer = BytesIO()
    image.save(buffer, form, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def folder_of(path: Path, names: list[str]) -> Path:
    """A folder with one PNG per name, each of its own content."""
    for seed, name in enumerate(names):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(encoded(picture(seed)))
    return path
