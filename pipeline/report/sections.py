"""What each section of a report shows: from the content to what its template fills in."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.metrics.base import Estimate
from pipeline.report.content import AttributeChange, Report
from pipeline.report.glossary import HEADLINE, in_order, metric_info
from pipeline.report.inversions import inversion
from pipeline.report.numbers import format_strength
from pipeline.report.pictures import difference, directions, strips
from pipeline.report.plots import changes, curves

Context = Mapping[str, object]


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        name: its anchor, and the name of its template.
        title: its heading.
        build: makes what its template fills in; None where the report has nothing of the kind.
    """

    name: str
    title: str
    build: Callable[[Report], Context | None]


def headline(report: Report) -> Context:
    """The findings in one sentence, and the most important numbers."""
    found = (next((n for n in group if n in report.metrics), None) for group in HEADLINE)
    selected = next((row for row in report.directions if row.selected), None)
    return {
        "report": report,
        "ratio": _known(report.metrics.get("mse_ratio")),
        "direction": selected.rank if selected else None,
        "target": _target(report),
        "outside": _largest([c for c in report.changes if not c.inside]),
        "tiles": [(metric_info(n), _source(report, n), report.metrics[n]) for n in found if n],
    }


def metrics(report: Report) -> Context | None:
    """Every number, and what it is."""
    rows = [
        (name, metric_info(name), _source(report, name), report.metrics[name])
        for name in in_order(list(report.metrics))
    ]
    return {"rows": rows, "notes": report.evaluators, "strength": report.strength} if rows else None


def timings(report: Report) -> Context | None:
    """What took how long."""
    if not report.timings:
        return None
    longest = max(t.seconds for t in report.timings) or 1.0
    rows = [(t, 100 * t.seconds / longest) for t in report.timings]
    return {"rows": rows, "total": sum(t.seconds for t in report.timings)}


def record(report: Report) -> Context:
    """What is needed to do it again: command, configuration, environment."""
    return {"report": report}


SECTIONS: tuple[Section, ...] = (
    Section("headline", "Findings", headline),
    Section("inversion", "Photographs", inversion),
    Section("strips", "Edits over strength", strips),
    Section("difference", "Where images change", difference),
    Section("curves", "Inside and outside", curves),
    Section("changes", "Attributes", changes),
    Section("directions", "Directions", directions),
    Section("metrics", "Metrics", metrics),
    Section("timings", "Timings", timings),
    Section("record", "Record", record),
)


def facts(report: Report) -> list[tuple[str, str]]:
    """What the run was, for the head of the page."""
    return [
        ("method", report.method),
        ("region", report.region),
        ("attribute", report.attribute or "none"),
        ("generator", report.generator),
        *([("dataset", report.dataset)] if report.dataset else []),
        ("samples", str(report.samples)),
        ("strength", format_strength(report.strength)),
        ("seed", str(report.seed)),
    ]


def _target(report: Report) -> AttributeChange | None:
    """The change of the attribute asked for, else the largest one in the region."""
    asked = [c for c in report.changes if c.name == report.attribute]
    return _largest(asked or [c for c in report.changes if c.inside])


def _largest(changes: Sequence[AttributeChange]) -> AttributeChange | None:
    known = [c for c in changes if _known(c.change)]
    return max(known, key=lambda c: abs(c.change.value), default=None)


def _known(estimate: Estimate | None) -> Estimate | None:
    return None if estimate is None or math.isnan(estimate.value) else estimate


def _source(report: Report, metric: str) -> str:
    """Whether an official network, a stand-in or a formula stands behind a metric."""
    note = next((n for n in report.evaluators if n.metric == metric), None)
    if note is not None:
        return "official" if note.official else "stand-in"
    return metric_info(metric).source
