"""Labelled contact sheets as images, for folders and trackers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from pipeline.regions.region import Outline
from pipeline.report.content import Strip
from pipeline.report.images import shrink, to_pixels

_INK, _PAPER, _ABSENT = (34, 34, 34), (255, 255, 255), (238, 238, 238)
_LINE, _HALO = (63, 224, 232), (0, 0, 0)
_WANTED, _UNWANTED = (0, 110, 60), (190, 30, 30)
_GAP, _MARGIN, _TEXT = 3, 10, 13


@dataclass(frozen=True)
class Note:
    """A line below an image: what was wanted in green, what was not in red."""

    text: str
    wanted: bool


def contact_sheet(
    rows: Sequence[Sequence[Tensor | None]],
    column_labels: Sequence[str],
    row_labels: Sequence[str],
    title: str = "",
    outline: Sequence[Outline] | None = None,
    cell: int = 128,
    notes: Sequence[Sequence[Sequence[Note]]] = (),
) -> Image.Image:
    """Images in rows and columns, each named.

    Args:
        rows: images ``[3, H, W]``, RGB, clamped to [-1, 1]; None leaves a grey field.
        column_labels: one per column.
        row_labels: one per row.
        title: a line above; may be empty.
        outline: region drawn into every image, as (row, column) fractions.
        cell: side of an image on the sheet; small images are enlarged by whole numbers.
        notes: lines below every image, by row and column.
    """
    lines = max((len(below) for row in notes for below in row), default=0)
    height = cell + _GAP + lines * (_TEXT + 2)
    left = _MARGIN + round(max((_font().getlength(t) for t in row_labels), default=0)) + 8
    top = _MARGIN + (22 if title else 0) + 20
    columns = len(column_labels)
    size = (
        left + columns * (cell + _GAP) + _MARGIN,
        top + len(rows) * height + _MARGIN,
    )
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN - 2), _plain(title), _INK, _font())
    for column, text in enumerate(column_labels):
        middle = left + column * (cell + _GAP) + cell / 2
        draw.text((middle, top - 5), _plain(text), _INK, _font(), anchor="ms")
    for row, images in enumerate(rows):
        y = top + row * height
        draw.text((left - 8, y + cell / 2), _plain(row_labels[row]), _INK, _font(), anchor="rm")
        for column, image in enumerate(images):
            sheet.paste(_tile(image, cell, outline), (left + column * (cell + _GAP), y))
        for column, below in enumerate(notes[row] if notes else ()):
            for line, note in enumerate(below):
                place = (left + column * (cell + _GAP), y + cell + line * (_TEXT + 2))
                colour = _WANTED if note.wanted else _UNWANTED
                draw.text(place, _plain(note.text), colour, _font())
    return sheet


def strip_sheet(
    strips: Sequence[Strip],
    title: str = "",
    outline: Sequence[Outline] | None = None,
    cell: int = 128,
) -> Image.Image:
    """Strips of edits over strength: one row per sample, the original first."""
    strengths = strips[0].strengths if strips else ()
    rows = [[strip.original, *strip.edited] for strip in strips]
    labels = ["original", *(f"{s:.4g}" for s in strengths)]
    if any(strip.reference is not None for strip in strips):
        rows = [[*row, strip.reference] for row, strip in zip(rows, strips, strict=True)]
        labels.append("reference")
    return contact_sheet(rows, labels, [f"no. {s.index}" for s in strips], title, outline, cell)


def _tile(image: Tensor | None, cell: int, outline: Sequence[Outline] | None) -> Image.Image:
    tile = Image.new("RGB", (cell, cell), _ABSENT)
    if image is None:
        return tile
    picture = Image.fromarray(to_pixels(shrink(image, cell)), "RGB")
    zoom = max(1, cell // max(picture.size))
    width, height = picture.width * zoom, picture.height * zoom
    picture = picture.resize((width, height), Image.Resampling.NEAREST)
    _draw_outline(ImageDraw.Draw(picture), outline or (), width, height)
    tile.paste(picture, ((cell - width) // 2, (cell - height) // 2))
    return tile


def _draw_outline(
    draw: ImageDraw.ImageDraw, outline: Sequence[Outline], width: int, height: int
) -> None:
    for colour, thickness in ((_HALO, 3), (_LINE, 1)):
        for polygon in outline:
            points = np.array([*polygon, polygon[0]])[:, ::-1] * (width - 1, height - 1)
            draw.line([(x, y) for x, y in points.tolist()], colour, thickness)


def _plain(text: str) -> str:
    """Text in the signs that the built-in font has."""
    return text.replace("−", "-").replace("–", "-").replace("×", "x")


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_TEXT)
