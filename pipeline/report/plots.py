"""The sections of a report that are charts."""

from collections.abc import Mapping

from markupsafe import Markup

from pipeline.report.charts import Bar, Role, Series, bar_chart, line_chart
from pipeline.report.content import AttributeChange, Report
from pipeline.report.glossary import in_order, metric_info

SHOWN_OUTSIDE = 12
"""How many attributes outside the region have a bar; the table behind the chart has all."""


_PAIR: dict[str, Role] = {"mse_in": "inside", "mse_out": "outside"}


def curves(report: Report) -> Mapping[str, object] | None:
    """Error in and out of the region against strength, and the other metrics beneath."""
    if not any(curve.strengths for curve in report.curves.values()):
        return None
    names = in_order([name for name, curve in report.curves.items() if curve.strengths])
    pair = [(name, role) for name, role in _PAIR.items() if name in names]
    series = [Series(role, report.curves[name], role) for name, role in pair]
    return {
        "main": [_error_chart(report, series, log) for log in (False, True)] if series else [],
        "small": [_small_chart(report, name) for name in names if name not in _PAIR],
        "rows": [(metric_info(name), report.curves[name]) for name in names],
    }


def changes(report: Report) -> Mapping[str, object] | None:
    """By how much the selected edit moves every attribute."""
    if not report.changes:
        return None
    ordered = sorted(report.changes, key=_size, reverse=True)
    inside = [c for c in ordered if c.inside]
    outside = [c for c in ordered if not c.inside]
    shown = [*inside, *outside[:SHOWN_OUTSIDE]]
    bars = [Bar(c.label, c.change, "inside" if c.inside else "outside") for c in shown]
    title = f"Change of the attributes inside and outside of {report.region}"
    axis = "change in standard deviations of the data"
    return {
        "chart": Markup(bar_chart(bars, title, axis)),
        "rows": [*inside, *outside],
        "shown_outside": SHOWN_OUTSIDE if len(outside) > SHOWN_OUTSIDE else None,
        "region": report.region,
    }


def _error_chart(report: Report, series: list[Series], logarithmic: bool) -> Markup:
    kind = ", logarithmic" if logarithmic else ""
    return Markup(
        line_chart(
            series,
            f"Mean squared error inside and outside of {report.region} against strength{kind}",
            report.strength_label,
            f"mean squared error, RGB in [0, 1]{kind}",
            report.strength,
            logarithmic,
        )
    )


def _small_chart(report: Report, name: str) -> Markup:
    info = metric_info(name)
    return Markup(
        line_chart(
            [Series(info.label, report.curves[name])],
            f"{info.label} against strength",
            report.strength_label.partition(" (")[0],
            f"{info.label}, {info.unit}" if info.unit else info.label,
            report.strength,
            width=340,
            height=210,
        )
    )


def _size(change: AttributeChange) -> float:
    value = abs(change.change.value)
    return value if value == value else -1.0
