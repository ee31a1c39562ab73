"""Charts as SVG."""

import math
from xml.etree import ElementTree

import pytest

from pipeline.metrics.base import Estimate
from pipeline.report.axes import Scale, linear_scale, log_scale, spread, ticks
from pipeline.report.charts import Bar, Series, bar_chart, colour_bar, line_chart
from pipeline.report.content import Curve

NAN = math.nan


def chart(*curves: Curve, logarithmic: bool = False) -> ElementTree.Element:
    """A chart of curves, parsed."""
    series = [Series(f"<{i}>", curve, "inside") for i, curve in enumerate(curves)]
    return ElementTree.fromstring(line_chart(series, "a & b", "x", "y", 1.0, logarithmic))


def curve(*values: float, width: float = 0.1) -> Curve:
    """A curve at strengths 0, 1, ..."""
    lows, highs = [v - width for v in values], [v + width for v in values]
    return Curve(range(len(values)), values, lows, highs, 9)


def points(element: ElementTree.Element) -> list[tuple[float, float]]:
    """The places that a line or band goes through."""
    return [tuple(map(float, p.split(","))) for p in element.get("points", "").split()]  # type: ignore[misc]


def test_points_lie_where_the_numbers_say() -> None:
    """Equal steps in strength and value are equal steps on the page."""
    [line] = chart(curve(0.0, 1.0, 2.0)).findall("polyline")
    (x0, y0), (x1, y1), (x2, y2) = points(line)
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.11)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.11)
    assert x0 < x1
    assert y0 > y1


def test_a_gap_where_a_value_is_missing() -> None:
    """Nothing is drawn through NaN; a single interval is a line, and none is nothing."""
    drawn = chart(Curve((0, 1, 2, 3), (1, NAN, 2, 3), (0, NAN, NAN, 2), (2, NAN, NAN, 4), 9))
    assert [len(points(line)) for line in drawn.findall("polyline")] == [1, 2]
    assert drawn.findall("polygon") == []
    assert [e.get("class") for e in drawn.findall("line")].count("error inside") == 2
    assert len(drawn.findall("circle")) == 3


def test_bands_span_the_intervals() -> None:
    """From the low ends to the high ends, around the line."""
    drawn = chart(curve(1.0, 2.0, 4.0, width=0.5))
    band, line = points(drawn.findall("polygon")[0]), points(drawn.findall("polyline")[0])
    assert len(band) == 6
    for (_, top), (_, middle), (_, bottom) in zip(band[:3], line, band[:2:-1], strict=True):
        assert middle - top == pytest.approx(bottom - middle, abs=0.11)
        assert top < middle


def test_every_point_tells_its_number() -> None:
    """The tooltip has value, interval and n."""
    told = [t.text for t in chart(curve(0.25, 0.75)).findall("circle/title")]
    assert told == ["<0> at 0: 0.25 [0.15, 0.35], n = 9", "<0> at 1: 0.75 [0.65, 0.85], n = 9"]


def test_logarithmic_axis_leaves_out_zero() -> None:
    """Decades are equally high; 0 has no place."""
    drawn = chart(curve(0.0, 0.01, 0.1, 1.0, width=0.001), logarithmic=True)
    [line] = drawn.findall("polyline")
    heights = [y for _, y in points(line)]
    assert len(heights) == 3
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.11)


@pytest.mark.parametrize("values", [(NAN, NAN), (0.0, 0.0), (1e-12, 2e-12), (5.0,), (-1.0, -3.0)])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_odd_curves_are_drawn(values: tuple[float, ...], logarithmic: bool) -> None:
    """No number is nowhere."""
    drawn = chart(curve(*values), curve(*values), logarithmic=logarithmic)
    assert "nan" not in ElementTree.tostring(drawn, "unicode")


def test_bars() -> None:
    """A bar is as long as its number, from zero to either side; NaN has none."""
    nothing = Estimate(NAN, (NAN, NAN), 0)
    bars = [
        Bar("a", Estimate(2.0, (1.0, 3.0), 4)),
        Bar("b", Estimate(-1.0, (NAN, NAN), 1)),
        Bar("c", nothing),
    ]
    drawn = ElementTree.fromstring(bar_chart(bars, "t", "x"))
    up, down = drawn.iter("rect")
    width, left = (float(up.get(k, "")) for k in ("width", "x"))
    assert width == pytest.approx(2 * float(down.get("width", "")), abs=0.2)
    assert float(down.get("x", "")) + float(down.get("width", "")) == pytest.approx(left, abs=0.2)
    assert len([w for w in drawn.iter("line") if w.get("class") == "whisker"]) == 1


def test_colour_bar() -> None:
    """Stops from end to end, ticks where they belong."""
    drawn = ElementTree.fromstring(
        colour_bar(["#000", "#888", "#fff"], [(0, "0"), (0.5, "1"), (1, "2")], "unit", "c", 200)
    )
    assert [s.get("offset") for s in drawn.iter("stop")] == ["0.0000", "0.5000", "1.0000"]
    assert [t.get("x1") for t in drawn.iter("line")] == ["0.0", "100.0", "200.0"]


@pytest.mark.parametrize(
    "numbers", [[0.013, 0.0001], [-0.3, 1.02], [0.92, 1.0], [0.0], [3e-9], [7e8, 1.0]]
)
def test_ticks_are_round_and_span_the_numbers(numbers: list[float]) -> None:
    """Four to eight of them, evenly apart, the first and last at the ends."""
    scale = linear_scale(numbers, 0, 1)
    places = [x for x, _ in ticks(scale)]
    assert 3 <= len(places) <= 8
    assert places[0] == pytest.approx(scale.low)
    assert places[-1] == pytest.approx(scale.high)
    assert scale.low <= min(numbers) <= max(numbers) <= scale.high
    assert len({text for _, text in ticks(scale)}) == len(places)


def test_similarities_have_no_zero_on_the_axis_and_errors_do() -> None:
    """An axis starts at zero unless its numbers vary little."""
    assert linear_scale([0.92, 1.0], 0, 1).low > 0.8
    assert linear_scale([0.01, 0.04], 0, 1).low == 0


def test_log_ticks_are_powers_of_ten() -> None:
    """Written alike along one axis."""
    assert [text for _, text in ticks(log_scale([0.002, 0.3], 0, 1))] == [
        "0.001",
        "0.01",
        "0.1",
        "1",
    ]
    assert [text for _, text in ticks(log_scale([2e-5, 3e-3], 0, 1))] == [
        "10⁻⁵",
        "10⁻⁴",
        "10⁻³",
        "10⁻²",
    ]
    assert log_scale([5.0, 50.0], 0, 1)(10.0) == pytest.approx(0.5)


def test_labels_are_moved_apart() -> None:
    """By as little as is needed, in their order."""
    assert spread([10.0, 12.0], 15) == [3.5, 18.5]
    assert spread([40.0, 12.0], 15) == [40.0, 12.0]


def test_scale_clips() -> None:
    """What lies beyond the axis is put at its end."""
    assert [Scale(0, 2, 100, 0)(x) for x in (-1, 1, 5)] == [100, 50, 0]
