"""What a reproduction is: one table or figure of a paper, made again from the files of a sweep.

It sees what the jobs left on the disk and nothing else, and sets what the paper reports beside it,
in columns of its own. Jobs that failed or are not there yet are cells that say so.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from omegaconf import OmegaConf

from pipeline.report.jobs import Job
from pipeline.report.tables import Table

Verdict = Literal["holds", "does not hold", "not decided"]
Reported = Mapping[str, Any]

REPORTED = Path(__file__).with_name("reported.yaml")


@dataclass(frozen=True)
class Claim:
    """Something that a paper says, held against what was measured.

    Attributes:
        text: the claim, in the paper's sense.
        verdict: ``not decided`` where intervals overlap, or where jobs are missing.
        evidence: why, in words with the decisive numbers.
        numbers: what the verdict rests on, as JSON can hold it.
        parts: the single comparisons in words, where there are several.
    """

    text: str
    verdict: Verdict
    evidence: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    parts: Sequence[str] = ()


@dataclass(frozen=True)
class Figure:
    """A picture on the page of a reproduction.

    Attributes:
        name: name of its file, without the ending.
        caption: what it shows.
        content: SVG text as :mod:`pipeline.report.charts` draws it, or a PNG: its bytes, or the
            file that a job left.
        heading: of the group of figures that it belongs to; figures of a group stand together.
    """

    name: str
    caption: str
    content: str | bytes | Path
    heading: str = ""


class Reproduction(ABC):
    """One table or figure of a paper.

    Attributes:
        name: ``PAPER/RESULT``: the experiment's name, and the key of what the paper reports.
        title: heading of its page.
        about: what a reader has to know: what is as in the paper, and what is not.
    """

    name: str
    title: str
    about: Sequence[str] = ()

    @abstractmethod
    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """What was measured beside what the paper reports; the first one is ``table.csv``."""

    @abstractmethod
    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """Every claim of the paper about this result, with a verdict."""

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """Curves, and pictures that the jobs left."""
        return ()


def reported(name: str) -> Reported:
    """What a paper reports for ``PAPER/RESULT``; empty where it gives no numbers."""
    found: Any = OmegaConf.to_container(OmegaConf.load(REPORTED))
    values: Reported = found.get(name) or {}
    return values
