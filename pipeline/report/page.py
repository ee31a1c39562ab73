"""A page of sections that needs nothing beside itself, for whatever has no report of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

from pipeline.report.files import write_text
from pipeline.report.markup import render_template


@dataclass(frozen=True)
class PageSection:
    """A heading, and HTML below it."""

    name: str
    title: str
    body: Markup


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        title: its heading.
        facts: names and short texts below it.
        notes: sentences that a reader has to know first.
        sections: in their order.
    """

    title: str
    facts: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    sections: Sequence[PageSection] = ()


@dataclass(frozen=True)
class Record:
    """What is needed to make something again: command, configuration, environment."""

    command: str
    configuration: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def section(self) -> PageSection:
        """The last section of a page."""
        body = render_template("sections/record.html.j2", {"report": self})
        return PageSection("record", "Record", body)


def write_page(page: Page, path: Path) -> None:
    """Write the page, all or nothing.

    Raises:
        OSError: it cannot be written.
    """
    write_text(str(render_template("page.html.j2", {"page": page})), path)
