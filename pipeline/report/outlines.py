"""The border of a region as an SVG path over the unit square."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline.regions.region import Outline


def outline_path(outlines: Sequence[Outline]) -> str:
    """Closed polygons of (row, column) fractions as path data; x is the column, y the row."""
    return "".join(
        "M" + "L".join(f"{_short(column)} {_short(row)}" for row, column in polygon) + "Z"
        for polygon in outlines
    )


def mask_path(mask: Tensor) -> str:
    """The pixel edges between inside and outside of a mask ``[H, W]``, as path data."""
    inside = np.pad(mask.detach().cpu().numpy() > 0.5, 1)
    height, width = mask.shape
    across = [
        f"M{_short(start / width)} {_short(row / height)}H{_short(end / width)}"
        for row, start, end in _runs(inside[1:, 1:-1] != inside[:-1, 1:-1])
    ]
    down = [
        f"M{_short(column / width)} {_short(start / height)}V{_short(end / height)}"
        for column, start, end in _runs((inside[1:-1, 1:] != inside[1:-1, :-1]).T)
    ]
    return "".join(across + down)


def _runs(edges: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Line, start and end of every run of consecutive edges in the lines of an array."""
    steps = np.diff(np.pad(edges, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    for line, (starts, ends) in enumerate(zip(steps == 1, steps == -1, strict=True)):
        for start, end in zip(starts.nonzero()[0], ends.nonzero()[0], strict=True):
            yield line, int(start), int(end)


def _short(x: float) -> str:
    return f"{x:.4f}".rstrip("0").rstrip(".")
