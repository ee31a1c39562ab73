"""Mean error maps side by side, as a sheet (Editing in Style, Figure 7a and Appendix B)."""

from collections.abc import Mapping

import torch
from PIL import Image
from torch import Tensor

from pipeline.report.images import heat_map
from pipeline.report.numbers import format_number
from pipeline.report.sheets import contact_sheet


def map_sheet(maps: Mapping[str, Tensor], title: str, cell: int = 192) -> Image.Image:
    """Maps on one scale for all, and each on its own below.

    Args:
        maps: numbers ``[H, W]`` from 0, by name.
        title: what they are.
        cell: side of a map on the sheet.
    """
    peaks = {name: float(values.nan_to_num(0.0).max()) or 1.0 for name, values in maps.items()}
    top = max(peaks.values(), default=1.0)
    rows = [
        [heat_picture(values, top) for values in maps.values()],
        [heat_picture(values, peaks[name]) for name, values in maps.items()],
    ]
    columns = [f"{name}, up to {format_number(peak, 3)}" for name, peak in peaks.items()]
    labels = [f"0 to {format_number(top, 3)}", "own scale"]
    return contact_sheet(rows, columns, labels, title, cell=cell)


def heat_picture(values: Tensor, high: float) -> Tensor:
    """Numbers ``[H, W]`` from 0 up as colours ``[3, H, W]`` in [-1, 1]."""
    pixels = torch.from_numpy(heat_map(values, 0.0, high)).permute(2, 0, 1)
    return pixels.float() / 127.5 - 1
