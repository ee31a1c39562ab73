"""Folders like CelebAMask-HQ, of drawn rectangles, in both layouts."""

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 32


def merged_folder(folder: Path, count: int) -> Path:
    """``images/`` and ``masks/`` with merged ids."""
    random = np.random.default_rng(0)
    for i in range(count):
        picture = random.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
        ids = random.integers(0, 19, (4, 4), np.uint8).repeat(8, 0).repeat(8, 1)
        _save(picture, folder / "images" / f"{i:03d}.png")
        _save(ids, folder / "masks" / f"{i:03d}.png")
    return folder


def packed_folder(folder: Path, parts: dict[str, tuple[slice, slice]], count: int = 2) -> Path:
    """As the authors of the data set pack it; every image has the same parts."""
    for i in range(count):
        _save(np.full((SIZE, SIZE, 3), 40 * i, np.uint8), folder / "CelebA-HQ-img" / f"{i}.jpg")
        for name, place in parts.items():
            mask = np.zeros((SIZE, SIZE), np.uint8)
            mask[place] = 255
            _save(mask, folder / "CelebAMask-HQ-mask-anno" / "0" / f"{i:05d}_{name}.png")
    return folder


def _save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
