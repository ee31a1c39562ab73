"""SemanticStyleGAN (Shi et al. 2022): the growing composition, and local interpolation."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.metrics.base import Estimate
from pipeline.report.collate import read_estimate
from pipeline.report.jobs import Job
from pipeline.report.tables import Cell, Column, Missing, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction
from pipeline.reproductions.comparing import Comparison, claim, decided

LOCAL = 3.0
"""How many times as much a class has to change per pixel where it is seen: the paper names none."""
NUMBERS = ("area", "mse_in", "mse_out", "mse_ratio")
NO_NUMBERS = "The paper shows images alone."


class LocalChanges(Reproduction):
    """What classes change where they are seen, and elsewhere.

    Attributes:
        labels: what rows are called by.
        text: the claim.
    """

    labels: tuple[str, ...]
    text: str
    about = (
        "Changes are squared, per pixel and channel on RGB in [0, 1]. Where a class is seen is "
        "what the generator's own mask says.",
        "The generator is small and was trained on the embedded domain; the paper's are of "
        "CelebAMask-HQ at 256 and 512 pixels.",
    )

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """A row per class."""
        columns = [
            Column("area", "share of the image"),
            *map(Column.of_metric, ("mse_in", "mse_out")),
            Column("mse_ratio", "inside over outside", "", "higher"),
        ]
        rows = [Row(self._named(row), _cells(row)) for row in _rows(jobs)]
        empty = Row([""] * len(self.labels), [Missing(_why(jobs))] * len(columns))
        return [Table(self.title, self.labels, columns, rows or [empty], [NO_NUMBERS])]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """Every class changes images where it is seen."""
        rows = [row for row in _rows(jobs) if "mse_ratio" in row]
        if not rows:
            return [Claim(self.text, "not decided", _why(jobs))]
        compared = [_compared(", ".join(self._named(row)), row) for row in rows]
        by = f"change per pixel where the class is seen over that elsewhere, against {LOCAL:g}"
        return [claim(self.text, compared, by)]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """The sheets of the jobs."""
        done = [job for job in jobs if job.problem is None]
        return [
            Figure(f"{job.folder.as_posix()}_{path.stem}", path.stem.replace("_", " "), path)
            for job in done
            for path in sorted(job.path.glob("*.png"))
        ]

    def _named(self, row: Mapping[str, Any]) -> list[str]:
        return [str(row[label]) for label in self.labels]


class GrowingImages(LocalChanges):
    """Classes added one by one."""

    name = "semantic_stylegan/composition"
    title = "SemanticStyleGAN: images that grow class by class"
    labels = ("class",)
    text = "every class can be added by itself: it changes the image where it is seen"


class LocalInterpolations(LocalChanges):
    """Single classes between two samples."""

    name = "semantic_stylegan/interpolation"
    title = "SemanticStyleGAN: structure and texture of single classes between two samples"
    labels = ("class", "codes")
    text = "codes of a class change the image where the class is seen, and little elsewhere"


def _rows(jobs: Sequence[Job]) -> Iterator[Mapping[str, Any]]:
    """The rows that jobs left; of several jobs with one class the first counts."""
    seen = set()
    for job in jobs:
        for row in job.details.get("rows", ()) if job.problem is None else ():
            named = (row["class"], row.get("codes"))
            if named not in seen:
                seen.add(named)
                yield row


def _cells(row: Mapping[str, Any]) -> list[Cell]:
    """A row's numbers; what comes first changes nothing."""
    return [read_estimate(row[name]) if name in row else None for name in NUMBERS]


def _compared(of: str, row: Mapping[str, Any]) -> Comparison:
    """Whether a class changes by so much more where it is seen."""
    ratio: Estimate = read_estimate(row["mse_ratio"])
    if ratio.n < 2 or math.isnan(ratio.ci95[0]):
        return Comparison(of, "open", remark="it is seen in no two images")
    return Comparison(of, decided(ratio, LOCAL), ratio)


def _why(jobs: Sequence[Job]) -> str:
    """Why there is no number."""
    return next((job.problem for job in jobs if job.problem is not None), "no job measured it")
