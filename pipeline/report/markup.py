"""Numbers and pictures as HTML; every number carries its exact value in a ``data`` element."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.metrics.base import Estimate
from pipeline.report import numbers
from pipeline.report.images import Pixels, data_uri
from pipeline.report.tables import Cell, Missing, show_cell

_NOTHING = Markup('<span class="none" title="{}">–</span>')


@dataclass(frozen=True)
class Picture:
    """An image on the page.

    Attributes:
        uri: the image itself, as an address.
        alt: what it shows, in words.
        width: on the page, in CSS pixels.
        height: likewise.
        sharp: whether its pixels are enlarged, and shown as squares.
        outline: name of the region's outline among the definitions of the page.
    """

    uri: str
    alt: str
    width: int
    height: int
    sharp: bool
    outline: str | None = None

    @classmethod
    def of(cls, pixels: Pixels, alt: str, width: int, outline: str | None = None) -> "Picture":
        """A picture of uint8 pixels ``[H, W, 3]`` at some width.

        At one and a half times its size and the like, pixels are squares on a fine screen, and
        averaged on a coarse one, where some would be wider than others.
        """
        height, native = pixels.shape[:2]
        sharp = width % native == 0
        if width > native and not sharp:
            pixels = pixels.repeat(round(2 * width / native), 0).repeat(
                round(2 * width / native), 1
            )
        return cls(data_uri(pixels), alt, width, round(width * height / native), sharp, outline)


def number(x: float, significant: int = 3) -> Markup:
    """A number in so many digits."""
    if math.isnan(x):
        return _NOTHING.format("not measured")
    return _data(x, numbers.format_number(x, significant))


def seconds(x: float) -> Markup:
    """A duration."""
    return _data(x, numbers.format_seconds(x))


def strength(x: float) -> Markup:
    """A strength, or why there is none."""
    return _NOTHING.format("not reached") if math.isnan(x) else _data(x, numbers.format_strength(x))


def value(estimate: Estimate) -> Markup:
    """The value of an estimate, in the digits that its interval warrants."""
    if math.isnan(estimate.value):
        return _NOTHING.format("not measured")
    shown = numbers.show_estimate(estimate)
    return _data(estimate.value, shown.value + shown.scale)


def interval(estimate: Estimate) -> Markup:
    """Its 95 % interval."""
    shown = numbers.show_estimate(estimate)
    if math.isnan(estimate.value) or shown.interval is None:
        return _NOTHING.format(f"no interval (n = {estimate.n})")
    low, high = map(_data, estimate.ci95, shown.interval)
    return Markup('<span class="ci">[{}, {}]{}</span>').format(low, high, shown.scale)


def table_cell(cell: Cell) -> Markup:
    """A cell of a table."""
    match cell:
        case Estimate():
            return value(cell) + " " + interval(cell)
        case Missing():
            return _NOTHING.format(cell.reason)
        case float():
            return number(cell) if math.isnan(cell) else _data(cell, str(show_cell(cell)))
    return escape(show_cell(cell).value)


def render_template(name: str, context: Mapping[str, object]) -> Markup:
    """One of the package's templates, filled in.

    Raises:
        jinja2.TemplateError: the context lacks what the template uses.
    """
    return Markup(_environment().get_template(name).render(context))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters |= {
        "number": number,
        "seconds": seconds,
        "strength": strength,
        "estimate": value,
        "interval": interval,
        "cell": table_cell,
    }
    return environment


def _data(exact: float, shown: str) -> Markup:
    return Markup('<data value="{}">{}</data>').format(repr(float(exact)), escape(shown))
