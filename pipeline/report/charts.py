"""Charts as inline SVG, coloured by the page's style sheet so that they follow light and dark."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Literal

from pipeline.metrics.base import Estimate
from pipeline.report.axes import Scale, linear_scale, log_scale, spread, ticks
from pipeline.report.content import Curve
from pipeline.report.numbers import format_estimate, format_strength

Role = Literal["inside", "outside", "plain"]


@dataclass(frozen=True)
class Series:
    """One curve of a chart: what it is called, its points, and which colour it takes."""

    label: str
    curve: Curve
    role: Role = "plain"


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: what it is called, how long it is, and which colour it takes."""

    label: str
    estimate: Estimate
    role: Role = "plain"


def line_chart(
    series: Sequence[Series],
    title: str,
    x_label: str,
    y_label: str,
    marker: float | None = None,
    logarithmic: bool = False,
    width: int = 420,
    height: int = 255,
    round_ticks: bool = False,
) -> str:
    """Curves with their 95 % bands.

    Args:
        series: the curves; values that are NaN, or not positive on a logarithmic axis, leave gaps.
        title: what a reader who cannot see the chart is told first.
        x_label: name of the horizontal axis.
        y_label: name of the vertical axis, with its unit.
        marker: a strength to be marked by a vertical line.
        logarithmic: whether the vertical axis is.
        width: of the drawing, in its own units; it is scaled to the page.
        height: likewise.
        round_ticks: whether the horizontal axis has ticks at round numbers, for curves that were
            not measured at the same places.
    """
    names = 7 * max(len(s.label) for s in series) if len(series) > 1 else 0
    left, right = 52, width - 14 - names
    y = (log_scale if logarithmic else linear_scale)(_extent(series), height - 44, 30)
    strengths = sorted({x for s in series for x in s.curve.strengths})
    alone = len(strengths) == 1
    x = Scale(strengths[0] - alone, strengths[-1] + alone, left, right)
    below = _strength_ticks(x, strengths, height)
    if round_ticks:
        x = linear_scale(strengths, left, right)
        below = _round_ticks(x, height)
    parts = [*_horizontal_grid(y, left, right), *below]
    if marker is not None and x.low <= marker <= x.high:
        parts.append(_line("marker", x(marker), y.start, x(marker), y.end))
    for one in series:
        parts += _curve(one, x, y)
    if len(series) > 1:
        parts += _end_labels(series, x, y)
    parts += [
        _text(0, 13, y_label, "start", "axis"),
        _text((left + right) / 2, height - 6, x_label, "middle", "axis"),
    ]
    return _svg(parts, title, width, height)


def bar_chart(bars: Sequence[Bar], title: str, x_label: str, width: int = 420) -> str:
    """Horizontal bars from zero with their 95 % intervals, in the order given.

    Args:
        bars: the bars.
        title: what a reader who cannot see the chart is told first.
        x_label: name of the axis, with its unit.
        width: of the drawing, in its own units; it is scaled to the page.
    """
    row, top = 21, 8
    left = 16 + round(6.6 * max(len(bar.label) for bar in bars))
    height = top + row * len(bars) + 44
    numbers = [x for bar in bars for x in (bar.estimate.value, *bar.estimate.ci95)]
    x = linear_scale(numbers, left, width - 12)
    floor = top + row * len(bars) + 4
    parts = []
    for number, text in ticks(x):
        parts.append(_line("zero" if number == 0 else "grid", x(number), top - 4, x(number), floor))
        parts.append(_text(x(number), floor + 15, text, "middle"))
    for index, bar in enumerate(bars):
        parts += _bar(bar, x, top + row * index, row, left)
    parts.append(_text((left + width - 12) / 2, height - 6, x_label, "middle", "axis"))
    return _svg(parts, title, width, height)


def colour_bar(
    stops: Sequence[str],
    scale_ticks: Sequence[tuple[float, str]],
    label: str,
    identity: str,
    width: int,
) -> str:
    """A colour scale.

    Args:
        stops: colours at equal steps.
        scale_ticks: share of the way along the bar, and text, of every tick.
        label: what the numbers are, with the unit.
        identity: unique name on the page.
        width: of the bar.
    """
    colours = "".join(
        f'<stop offset="{i / (len(stops) - 1):.4f}" stop-color="{c}"/>' for i, c in enumerate(stops)
    )
    parts = [
        f'<linearGradient id="{identity}">{colours}</linearGradient>',
        f'<rect x="0" y="0" width="{width}" height="10" fill="url(#{identity})"/>',
    ]
    for share, text in scale_ticks:
        place, anchor = share * width, {0.0: "start", 1.0: "end"}.get(share, "middle")
        parts += [_line("tick", place, 10, place, 14), _text(place, 26, text, anchor)]
    parts.append(_text(width / 2, 42, label, "middle", "axis"))
    return _svg(parts, f"colour scale: {label}", width, 46)


def _extent(series: Sequence[Series]) -> list[float]:
    """Numbers that the axis has to hold; an interval does not make it negative."""
    values = [x for s in series for x in (*s.curve.values, *s.curve.highs)]
    lows = [x for s in series for x in s.curve.lows]
    return values + (lows if min(values, default=0) < 0 else [max(x, 0.0) for x in lows])


def _horizontal_grid(y: Scale, left: float, right: float) -> Iterator[str]:
    for number, text in ticks(y):
        yield _line("zero" if number == 0 else "grid", left, y(number), right, y(number))
        yield _text(left - 6, y(number) + 4, text, "end")


def _strength_ticks(x: Scale, strengths: Sequence[float], height: int) -> Iterator[str]:
    """Ticks where something was measured, as many as have room."""
    last = -math.inf
    for strength in strengths:
        place = x(strength)
        yield _line("tick", place, height - 44, place, height - 40)
        if place - last >= 30:
            yield _text(place, height - 27, format_strength(strength), "middle")
            last = place


def _round_ticks(x: Scale, height: int) -> Iterator[str]:
    for number, text in ticks(x):
        yield _line("tick", x(number), height - 44, x(number), height - 40)
        yield _text(x(number), height - 27, text, "middle")


def _curve(series: Series, x: Scale, y: Scale) -> Iterator[str]:
    points = list(zip(series.curve.strengths, series.curve.estimates(), strict=True))
    for run in _runs(points, y, with_interval=True):
        if len(run) == 1:
            (strength, estimate), (low, high) = run[0], map(y, run[0][1].ci95)
            yield _line(f"error {series.role}", x(strength), low, x(strength), high)
            continue
        above = [f"{x(s):.1f},{y(e.ci95[1]):.1f}" for s, e in run]
        below = [f"{x(s):.1f},{y(e.ci95[0]):.1f}" for s, e in reversed(run)]
        yield f'<polygon class="band {series.role}" points="{" ".join(above + below)}"/>'
    for run in _runs(points, y, with_interval=False):
        places = " ".join(f"{x(s):.1f},{y(e.value):.1f}" for s, e in run)
        yield f'<polyline class="line {series.role}" points="{places}"/>'
        for strength, estimate in run:
            told = f"{series.label} at {format_strength(strength)}: {format_estimate(estimate)}"
            yield (
                f'<circle class="dot {series.role}" cx="{x(strength):.1f}" '
                f'cy="{y(estimate.value):.1f}" r="3">'
                f"<title>{escape(told)}, n = {estimate.n}</title></circle>"
            )


def _runs(
    points: Sequence[tuple[float, Estimate]], y: Scale, with_interval: bool
) -> Iterator[list[tuple[float, Estimate]]]:
    """Neighbouring points that can be drawn."""

    def drawable(point: tuple[float, Estimate]) -> bool:
        estimate = point[1]
        finite = math.isfinite(estimate.value) and (estimate.value > 0 or not y.logarithmic)
        return finite and (not with_interval or all(map(math.isfinite, estimate.ci95)))

    for good, run in groupby(points, drawable):
        if good:
            yield list(run)


def _end_labels(series: Sequence[Series], x: Scale, y: Scale) -> Iterator[str]:
    ends = [next((v for v in reversed(s.curve.values) if math.isfinite(v)), y.low) for s in series]
    ends = [max(v, y.low) for v in ends]
    for one, place in zip(series, spread([y(v) for v in ends], 15), strict=True):
        yield _text(x.end + 8, place + 4, one.label, "start", f"name {one.role}")


def _bar(bar: Bar, x: Scale, top: float, row: float, left: float) -> Iterator[str]:
    middle = top + row / 2
    value, (low, high) = bar.estimate.value, bar.estimate.ci95
    yield f"<g><title>{escape(bar.label)}: {escape(format_estimate(bar.estimate))}</title>"
    yield _text(left - 8, middle + 4, bar.label, "end", f"name {bar.role}")
    if math.isfinite(value):
        start, end = sorted((x(0), x(value)))
        yield (
            f'<rect class="bar {bar.role}" x="{start:.1f}" y="{middle - 5.5}" '
            f'width="{end - start:.1f}" height="11"/>'
        )
    if math.isfinite(low) and math.isfinite(high):
        yield _line("whisker", x(low), middle, x(high), middle)
    yield "</g>"


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "number") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _svg(parts: Sequence[str], title: str, width: int, height: int) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )
