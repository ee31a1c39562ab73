"""Sheets as files, and several of them as one."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

_PAPER = (255, 255, 255)


def sheet_png(sheet: Image.Image) -> bytes:
    """A sheet as a PNG file."""
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def stacked(files: Sequence[Path]) -> Image.Image:
    """Pictures of files, one below the other."""
    sheets = [Image.open(file).convert("RGB") for file in files]
    width, height = max(s.width for s in sheets), sum(s.height for s in sheets)
    whole, y = Image.new("RGB", (width, height), _PAPER), 0
    for sheet in sheets:
        whole.paste(sheet, (0, y))
        y += sheet.height
    return whole
