"""The sections of a report that are charts."""

from collections.abc import Mapping

from markupsafe import Markup

from pipeline.report.charts import Bar, Role, Series, bar_chart, line_chart
from pipeline.report.content import AttributeChange, Report
from pipeline.report.glossary import in_order, metric_info

SHOWN_OUTSIDE = 12
"""How many attributes outside the region have a bar; the table behind the chart has all."""


def curves(report: Report) -> Mapping[str, object] | None:
    """Error in and out of the region against strength, and the other metrics beneath."""
    if not report.curves:
        return None
    pair = {"mse_in": "inside", "mse_out": "outside"}
    series = [
        Series(label, report.curves[name], role)
        for (name, label), role in zip(pair.items(), _ROLES, strict=True)
        if name in report.curves
    ]
    names = in_order([name for name in report.curves if name not in pair])
    rows = in_order(list(report.curves))
    return {
        "main": [_error_chart(report, series, log) for log in (False, True)] if series else [],
        "small": [_small_chart(report, name) for name in names],
        "rows": [(name, metric_info(name), report.curves[name]) for name in rows],
        "region": report.region,
    }


def changes(report: Report) -> Mapping[str, object] | None:
    """By how much the selected edit moves every attribute."""
    if not report.changes:
        return None
    ordered = sorted(report.changes, key=_size, reverse=True)
    inside = [c for c in ordered if c.inside]
    outside = [c for c in ordered if not c.inside]
    shown = [*inside, *outside[:SHOWN_OUTSIDE]]
    bars = [Bar(c.label, c.change, _ROLES[not c.inside]) for c in shown]
    title = f"Change of the attributes inside and outside of {report.region}"
    axis = "change in standard deviations of the data"
    return {
        "chart": Markup(bar_chart(bars, title, axis)),
        "rows": [*inside, *outside],
        "left_out": len(outside) - SHOWN_OUTSIDE,
        "region": report.region,
    }


_ROLES: tuple[Role, Role] = ("inside", "outside")


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
            report.strength_label,
            f"{info.label}, {info.unit}" if info.unit else info.label,
            report.strength,
            width=340,
            height=210,
        )
    )


def _size(change: AttributeChange) -> float:
    value = abs(change.change.value)
    return value if value == value else -1.0
