"""The page for looking through directions: all of them over magnitude, to be sorted by numbers."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from torch import Tensor

from pipeline.metrics.base import Estimate
from pipeline.report.glossary import metric_info
from pipeline.report.images import shrink, to_pixels
from pipeline.report.markup import Picture, render_template
from pipeline.report.page import Page, PageSection

LONGEST = 128
WIDTH = 96  # on the page, at least
TOP = 4  # attributes named for each direction
SMALLEST_CHANGE = 1e-3  # below the noise of a predictor, as for calibration


@dataclass(frozen=True, eq=False)
class Inspected:
    """One direction.

    Attributes:
        number: its index among the edits.
        name: its name.
        images: ``[codes, magnitudes, 3, H, W]`` in [-1, 1].
        steps: the magnitudes in units of the edit.
        numbers: metrics by name, those of the sheet's ``sort``.
        effects: change of every readable attribute along the direction, in standard deviations of
            the data, half the difference of both ways.
        selectivity: the greatest of them over the greatest of an attribute that belongs to none of
            its parts; not a number where there are no attributes.
    """

    number: int
    name: str
    images: Tensor
    steps: Sequence[float]
    numbers: Mapping[str, Estimate]
    effects: Mapping[str, float]
    selectivity: float

    @property
    def leading(self) -> list[tuple[str, float]]:
        """The attributes that it moves most."""
        ranked = sorted(self.effects.items(), key=lambda item: -abs(item[1]))
        return ranked[:TOP]


@dataclass(frozen=True, eq=False)
class InspectionSheet:
    """Everything that the page shows.

    Attributes:
        title: its heading.
        facts: names and short texts below it.
        originals: the codes' images ``[codes, 3, H, W]``.
        directions: in the order of the method.
        note: a sentence on magnitudes and measuring.
        command: how one of them is given a name.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    originals: Tensor
    directions: Sequence[Inspected]
    note: str
    command: str


@dataclass(frozen=True)
class _Shown:
    """A direction as the template takes it."""

    direction: Inspected
    sortable: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Picture]]


def inspection_page(sheet: InspectionSheet) -> Page:
    """The page."""
    context = {
        "shown": [_shown(direction, sheet.originals) for direction in sheet.directions],
        "orders": _orders(sheet.directions),
        "labels": {name: metric_info(name).label for name in _metrics(sheet.directions)},
        "note": sheet.note,
        "command": sheet.command,
    }
    body: Markup = render_template("sections/inspection.html.j2", context)
    return Page(sheet.title, sheet.facts, (), [PageSection("directions", "Directions", body)])


def _shown(direction: Inspected, originals: Tensor) -> _Shown:
    keys = {name: estimate.value for name, estimate in direction.numbers.items()}
    keys |= {f"attribute:{name}": abs(value) for name, value in direction.effects.items()}
    keys |= {"number": float(direction.number), "selectivity": direction.selectivity}
    middle = sum(step < 0 for step in direction.steps)
    steps = [*direction.steps[:middle], 0.0, *direction.steps[middle:]]
    heads = [f"{step:.3g}" if step else "original" for step in steps]
    rows = []
    for code, (original, edited) in enumerate(zip(originals, direction.images, strict=True)):
        images = [*edited[:middle], original, *edited[middle:]]
        named = zip(images, heads, strict=True)
        rows.append([_picture(x, f"{direction.name}, code {code}: {head}") for x, head in named])
    known = {name: value for name, value in keys.items() if math.isfinite(value)}
    return _Shown(direction, json.dumps(known), heads, rows)


def _picture(image: Tensor, alt: str) -> Picture:
    small = shrink(image.float().cpu().clamp(-1, 1), LONGEST)
    return Picture.of(to_pixels(small), alt, max(WIDTH, small.shape[-1]))


def _orders(directions: Sequence[Inspected]) -> list[tuple[str, str, bool]]:
    """What can be sorted by: key, label, and whether the greatest come first."""
    orders = [("number", "the method's order", False)]
    if any(math.isfinite(direction.selectivity) for direction in directions):
        orders.append(("selectivity", "selectivity", True))
    for name in _metrics(directions):
        info = metric_info(name)
        orders.append((name, info.label, info.better == "higher"))
    attributes = dict.fromkeys(name for d in directions for name in d.effects)
    return orders + [
        (f"attribute:{name}", f"change of {name.replace('_', ' ')}", True) for name in attributes
    ]


def _metrics(directions: Sequence[Inspected]) -> list[str]:
    return list(dict.fromkeys(name for direction in directions for name in direction.numbers))


def selectivity(
    effects: Mapping[str, float], parts: Mapping[str, Sequence[str]]
) -> tuple[str | None, float]:
    """The attribute that moves most, and how much more than any that shares no part with it.

    Args:
        effects: changes of attributes, in standard deviations.
        parts: the parts that each belongs to.
    """
    if not effects:
        return None, math.nan
    leading = max(effects, key=lambda name: abs(effects[name]))
    own = set(parts.get(leading, ()))
    others = [abs(v) for name, v in effects.items() if own.isdisjoint(parts.get(name, ()))]
    greatest = max([*others, SMALLEST_CHANGE])
    return leading, abs(effects[leading]) / greatest
