"""The section of a report that shows photographs, their reconstructions and their edits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.report.content import Portrait, Report
from pipeline.report.glossary import in_order, metric_info
from pipeline.report.images import shrink, to_pixels
from pipeline.report.markup import Picture
from pipeline.report.numbers import format_strength
from pipeline.report.pictures import LONGEST, ROOM, fitting


@dataclass(frozen=True)
class Row:
    """A photograph's pictures: itself, its reconstruction, and that at every strength."""

    name: str
    psnr: float
    pictures: Sequence[Picture]


def inversion(report: Report) -> Mapping[str, object] | None:
    """Photographs with their reconstructions and edits, and how good the reconstructions are."""
    found = report.inversion
    if found is None or not found.portraits:
        return None
    strengths = list(found.portraits[0].strip.strengths)
    native = min(found.portraits[0].photo.shape[-1], LONGEST)
    width = fitting(native, 2 + len(strengths), ROOM)
    qualities = [
        (name, metric_info(name), found.quality[name], found.extremes[name])
        for name in in_order(list(found.quality))
    ]
    return {
        "found": found,
        "rows": [_row(portrait, width) for portrait in found.portraits],
        "heads": ["photograph", "reconstruction", *map(format_strength, strengths)],
        "qualities": qualities,
        "strength_label": report.strength_label,
    }


def _row(portrait: Portrait, width: int) -> Row:
    strip = portrait.strip
    told = ["the photograph", "its reconstruction"]
    told += [f"edited at strength {format_strength(s)}" for s in strip.strengths]
    images = [portrait.photo, strip.original, *strip.edited]
    pictures = [
        Picture.of(to_pixels(shrink(image, LONGEST)), f"{portrait.name}, {what}", width)
        for image, what in zip(images, told, strict=True)
    ]
    return Row(portrait.name, portrait.psnr, pictures)
