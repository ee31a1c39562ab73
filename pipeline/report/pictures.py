"""The sections of a report that are pictures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from markupsafe import Markup
from torch import Tensor

from pipeline.report.charts import colour_bar
from pipeline.report.content import DirectionRow, Report, Strip
from pipeline.report.images import heat_map, palette, shrink, to_pixels
from pipeline.report.markup import Picture
from pipeline.report.numbers import format_number, format_strength, power_of_ten
from pipeline.report.outlines import mask_path, outline_path

LONGEST = 256
"""Longest side of an embedded image; larger ones are averaged down."""
ROOM = 1048
"""Width of a row of images on the page, in CSS pixels."""
GALLERY_ROOM = 520
"""Likewise of the images of one direction, two of which stand side by side."""
PANEL = 320
"""Side of a heat map, at most."""
DECADES = 3
"""Span of the logarithmic heat map, in powers of ten."""
FIXED = "outline"
_GAP = 3


@dataclass(frozen=True)
class Row:
    """A sample's pictures by strength, the original at 0, and that of what the edit takes from."""

    label: str
    pictures: Sequence[tuple[float, Picture]]
    reference: Picture | None = None


def outlines(report: Report) -> Mapping[str, object]:
    """The paths of all outlines, which the pictures refer to by name."""
    paths = {} if report.outline is None else {FIXED: outline_path(report.outline)}
    masks = {s.index: s.mask for s in report.strips if s.mask is not None}
    paths |= {f"{FIXED}-{index}": mask_path(mask) for index, mask in masks.items()}
    return {"paths": paths}


def strips(report: Report) -> Mapping[str, object] | None:
    """Samples over strength, with the region drawn in.

    Raises:
        ValueError: the strips have different strengths, which no columns can hold.
    """
    if not report.strips:
        return None
    if any(list(s.strengths) != list(report.strips[0].strengths) for s in report.strips):
        raise ValueError("the strips have different strengths")
    references = any(strip.reference is not None for strip in report.strips)
    columns = max(1 + len(report.strips[0].strengths) + references, len(report.strips))
    native = min(report.strips[0].original.shape[-1], LONGEST)
    width = fitting(native, columns, ROOM)
    rows = [_row(strip, width, _outline_name(strip, report)) for strip in report.strips]
    strengths = [strength for strength, _ in rows[0].pictures]
    nearest = min(range(len(strengths)), key=lambda i: abs(strengths[i] - report.strength))
    return {
        "rows": rows,
        "strengths": strengths,
        "marked": nearest,
        "report": report,
        "shape": tuple(report.strips[0].original.shape[-2:]),
        "shown": native,
        "references": references,
    }


def difference(report: Report) -> Mapping[str, object] | None:
    """The squared error per pixel on a linear and on a logarithmic scale."""
    if report.difference is None:
        return None
    errors = shrink(report.difference, LONGEST)
    peak = float(errors.nan_to_num(0.0).max()) or 1.0
    side = max(1, PANEL // errors.shape[-1]) * errors.shape[-1]
    outline = FIXED if report.outline is not None else None
    panels = [
        _heat_panel(errors, 0.0, peak, side, outline),
        _heat_panel(errors, peak / 10**DECADES, peak, side, outline),
    ]
    mean = _mean_original(report, side, outline)
    return {"mean": mean, "panels": panels, "report": report, "decades": DECADES}


def directions(report: Report) -> Mapping[str, object] | None:
    """The directions, each with a few images."""
    if not report.directions:
        return None
    return {
        "rows": [(row, _gallery(row)) for row in report.directions],
        "effects": any(row.effect is not None for row in report.directions),
        "report": report,
    }


def _row(strip: Strip, width: int, outline: str | None) -> Row:
    """The edited images in the order of strength, with the original at 0."""
    images = {0.0: strip.original}
    images |= {s: i for s, i in zip(map(float, strip.strengths), strip.edited, strict=True) if s}
    pictures = [
        (strength, _picture(image, _told(strip, strength), width, outline))
        for strength, image in sorted(images.items())
    ]
    taken = strip.reference
    told = f"Sample {strip.index}, reference"
    reference = None if taken is None else _picture(taken, told, width, None)
    return Row(f"{strip.index}", pictures, reference)


def _told(strip: Strip, strength: float) -> str:
    at = f"edited at strength {format_strength(strength)}" if strength else "original"
    return f"Sample {strip.index}, {at}"


def _picture(image: Tensor, alt: str, width: int, outline: str | None) -> Picture:
    return Picture.of(to_pixels(shrink(image, LONGEST)), alt, width, outline)


def _outline_name(strip: Strip, report: Report) -> str | None:
    if strip.mask is not None:
        return f"{FIXED}-{strip.index}"
    return FIXED if report.outline is not None else None


def fitting(native: int, columns: int, room: int) -> int:
    """The width of an image at the largest zoom at which a row fits, from 64 to 192 CSS pixels.

    Zooms are whole numbers, or one and a half, or a half.
    """
    zoom = (room / columns - _GAP) / native
    zoom = math.floor(zoom) if zoom >= 2 else max(0.5, math.floor(2 * zoom) / 2)
    return round(min(max(native * zoom, 64), 192))


def _heat_panel(
    errors: Tensor, low: float, high: float, side: int, outline: str | None
) -> tuple[Picture, Markup, str]:
    logarithmic = low > 0
    kind = "logarithmic" if logarithmic else "linear"
    pixels = heat_map(errors, low, high, logarithmic)
    alt = f"Mean squared error per pixel, {kind} scale up to {format_number(high)}"
    label = "squared error, RGB in [0, 1]"
    stops = [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in palette(17).tolist()]
    bar = colour_bar(stops, _bar_ticks(low, high), label, f"colours-{kind}", side)
    return Picture.of(pixels, alt, side, outline), Markup(bar), kind


def _bar_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Both ends, and the middle or the powers of ten between them."""
    if low == 0:
        return [(0, "0"), (0.5, format_number(high / 2, 2)), (1, format_number(high, 2))]
    decades = math.log10(high / low)
    first = math.ceil(math.log10(low))
    powers = [(p, (p - math.log10(low)) / decades) for p in range(first, first + DECADES)]
    between = [(share, power_of_ten(p)) for p, share in powers if 0.27 < share < 0.87]
    return [(0, "≤ " + format_number(low, 2)), *between, (1, format_number(high, 2))]


def _mean_original(report: Report, side: int, outline: str | None) -> Picture | None:
    if not report.strips:
        return None
    mean = torch.stack([s.original.float().clamp(-1, 1) for s in report.strips]).mean(0)
    alt = f"Mean of the {len(report.strips)} originals shown above"
    return _picture(mean, alt, side, outline)


def _gallery(row: DirectionRow) -> Row | None:
    if row.strip is None:
        return None
    columns = 1 + len(row.strip.strengths)
    native = min(row.strip.original.shape[-1], LONGEST)
    return _row(row.strip, fitting(native, columns, GALLERY_ROOM), None)
