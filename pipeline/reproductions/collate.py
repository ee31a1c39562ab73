"""From the jobs of a sweep to a reproduction: tables, claims with verdicts, and a page."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from markupsafe import Markup
from omegaconf import DictConfig

from pipeline.errors import UserError
from pipeline.experiment import make
from pipeline.records import write_json
from pipeline.report.collate import read_jobs, write_tables
from pipeline.report.markup import render_template
from pipeline.report.page import Page, PageSection, write_page
from pipeline.report.table_formats import html_table
from pipeline.report.tables import Table
from pipeline.reproductions.base import Claim, Figure, Reproduction, reported

CLAIMS = "claims.json"
_CLASSES = {"holds": "holds", "does not hold": "fails", "not decided": "open"}


@dataclass(frozen=True)
class Reproduced:
    """What a reproduction made of the jobs of a sweep."""

    tables: Sequence[Table]
    claims: Sequence[Claim]
    figures: Sequence[Figure]
    progress: str


def reproduction_of(config: DictConfig) -> Reproduction | None:
    """The reproduction that a configuration names, if it does."""
    if config.get("reproduction") is None:
        return None
    reproduction: Reproduction = make(config.reproduction)
    return reproduction


def reproduce(sweep: Path, reproduction: Reproduction) -> Reproduced:
    """What can be said so far.

    Raises:
        UserError: there is no job in the folder.
    """
    jobs, known = read_jobs(sweep), reported(reproduction.name)
    if not jobs:
        raise UserError(f"There are no jobs in {sweep}: give the folder of a sweep (multirun).")
    done = sum(job.problem is None for job in jobs)
    return Reproduced(
        reproduction.tables(jobs, known),
        reproduction.claims(jobs, known),
        reproduction.figures(jobs, known),
        f"{done} of {len(jobs)}",
    )


def collate_reproduction(sweep: Path, reproduction: Reproduction) -> Reproduced:
    """Write ``table.{csv,md,tex,html,json}``, further tables as ``table_2.*``, and ``claims.json``.

    ``table.html`` is the page with everything: claims, tables, curves and pictures.

    Raises:
        UserError: there is no job in the folder, or the claims cannot be written.
        OSError: another file cannot be written.
    """
    found = reproduce(sweep, reproduction)
    for number, table in enumerate(found.tables, 1):
        write_tables(table, sweep, "table" if number == 1 else f"table_{number}")
    write_json(sweep / CLAIMS, found.claims)
    write_page(_page(reproduction, found, sweep), sweep / "table.html")
    return found


def _page(reproduction: Reproduction, found: Reproduced, sweep: Path) -> Page:
    claims = [(claim, _CLASSES[claim.verdict]) for claim in found.claims]
    sections = []
    if claims:
        body = render_template("claims.html.j2", {"claims": claims})
        sections.append(PageSection("claims", "What the paper claims", body))
    for number, table in enumerate(found.tables, 1):
        sections.append(PageSection(f"table-{number}", table.title, html_table(table)))
    for number, (heading, group) in enumerate(groupby(found.figures, lambda f: f.heading), 1):
        shown = [(figure, *_drawn(figure)) for figure in group]
        body = render_template("figures.html.j2", {"figures": shown})
        sections.append(PageSection(f"figures-{number}", heading or "Figures", body))
    facts = [("paper's result", reproduction.name), ("jobs with results", found.progress)]
    return Page(reproduction.title, [*facts, ("sweep", sweep.name)], reproduction.about, sections)


def _drawn(figure: Figure) -> tuple[Markup, str]:
    """The figure itself as HTML, and how much room it wants."""
    if isinstance(figure.content, str):
        return Markup(figure.content), "drawing"  # our own SVG
    png = figure.content if isinstance(figure.content, bytes) else figure.content.read_bytes()
    width, height = (int.from_bytes(png[start : start + 4], "big") for start in (16, 20))
    address = "data:image/png;base64," + base64.b64encode(png).decode()
    image = Markup('<img src="{}" alt="{}">').format(address, figure.caption)
    return image, "wide" if width > height else "narrow"
