"""The report as one HTML file that needs nothing beside itself."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from pipeline.report.content import Report
from pipeline.report.files import write_text
from pipeline.report.markup import render_template
from pipeline.report.pictures import outlines
from pipeline.report.sections import SECTIONS, facts

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rendered:
    """A section in HTML."""

    name: str
    title: str
    body: Markup


def render_report(report: Report) -> str:
    """The page.

    Every section is drawn on its own: one that cannot be drawn is replaced by a note that says so,
    and a warning is logged. The same report gives the same page.
    """
    drawn = ((s, _draw(s.name, f"sections/{s.name}.html.j2", s.build, report)) for s in SECTIONS)
    context = {
        "report": report,
        "facts": facts(report),
        "outlines": _draw("outlines", "outlines.html.j2", outlines, report),
        "sections": [Rendered(s.name, s.title, body) for s, body in drawn if body is not None],
    }
    return str(render_template("report.html.j2", context))


def write_report(report: Report, path: Path) -> None:
    """Write the page, all or nothing.

    Raises:
        OSError: it cannot be written.
    """
    write_text(render_report(report), path)


def _draw(
    name: str,
    template: str,
    build: Callable[[Report], Mapping[str, object] | None],
    report: Report,
) -> Markup | None:
    """A section's HTML, or a note in its place; None where there is nothing to show."""
    try:
        context = build(report)
        return None if context is None else render_template(template, context)
    except Exception as error:  # a plot that fails must not cost the run
        _log.warning("the report's section '%s' could not be drawn", name, exc_info=True)
        return render_template("failed.html.j2", {"error": f"{type(error).__name__}: {error}"})
