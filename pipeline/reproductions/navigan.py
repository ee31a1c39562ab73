"""NaviGAN (Cherepkov et al. 2021): Table 1, made again."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.jobs import Job
from pipeline.report.tables import Column, Missing, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction, Verdict
from pipeline.reproductions.cells import NOT_RUN, by_cell

METHODS = ("svd", "optimization", "spectrum", "hybrid")
ENOUGH = 3  # attributes that each method should move selectively


class Table1(Reproduction):
    """What the directions of the four methods do, by attribute regressors in place of a person."""

    name = "navigan/table1"
    title = "NaviGAN, Table 1: effects discovered by the four methods in one layer"
    about = (
        "A direction counts for the attribute that it moves most, where this moves by at least 0.2 "
        "standard deviations, and 3 times as far as any attribute of other parts.",
        "The paper's names were given by hand, to 64 directions in layer 4 of a generator of "
        "horses: the numbers of effects can be compared in their order only.",
    )

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """Effects of every method, their number, and the paper's."""
        columns = [
            Column("effects", "distinct effects", "", "higher"),
            Column("directions", "selective directions"),
            Column("selectivity", "best selectivity", "", "higher"),
            Column("names", "attributes"),
            Column("reported", "effects, paper"),
            Column("reported_names", "names, paper"),
        ]
        cells = by_cell(jobs, "method")
        rows = [self._row(method, cells, reported) for method in METHODS]
        return [Table(self.title, ("method",), columns, rows, self.about)]

    def _row(self, method: str, cells: Mapping[tuple[str, ...], Job], reported: Reported) -> Row:
        names = list(reported.get("rows", {}).get(method, []))
        told = [len(names), ", ".join(names)] if names else [None, None]
        job = cells.get((f"navigan_{method}",))
        if job is None or job.problem is not None:
            empty = NOT_RUN if job is None else Missing(job.problem or "")
            return Row([method], [empty, empty, empty, empty, *told])
        found = effects(job)
        ratios = [row["selectivity"] for row in job.details.get("directions", ())]
        best = max((float(ratio) for ratio in ratios if ratio is not None), default=0.0)
        shown = ", ".join(name.replace("_", " ") for name in found)
        count = sum(len(rows) for rows in found.values())
        return Row([method], [len(found), count, best, shown or "none", *told], job.folder.name)

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """The hybrid scheme finds the most, the SVD the least; every method finds some."""
        cells = by_cell(jobs, "method")
        found = {
            method: effects(job)
            for method in METHODS
            if (job := cells.get((f"navigan_{method}",))) is not None and job.problem is None
        }
        return [
            _compared("the hybrid scheme discovers the most effects", found, "hybrid", 1),
            _compared("the SVD discovers the fewest effects", found, "svd", -1),
            *(_enough(method, found.get(method)) for method in METHODS),
        ]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """None: every job leaves a page of its own, ``inspection.html``."""
        return ()


def effects(job: Job) -> dict[str, list[float]]:
    """The attributes that some direction of a job moves selectively, and how selectively each."""
    found: dict[str, list[float]] = {}
    rows: Sequence[Mapping[str, Any]] = job.details.get("directions", ())
    for row in rows:
        if row["selective"]:
            found.setdefault(str(row["leading"]), []).append(float(row["selectivity"]))
    return found


def _compared(text: str, found: Mapping[str, Mapping[str, Any]], method: str, sign: int) -> Claim:
    """Whether a method has the most (1) or the fewest (-1) effects of all."""
    counts = {name: len(attributes) for name, attributes in found.items()}
    evidence = ", ".join(f"{name} {count}" for name, count in counts.items())
    if len(counts) < len(METHODS):
        missing = ", ".join(name for name in METHODS if name not in counts)
        return Claim(text, "not decided", f"not there yet: {missing}", counts)
    others = [sign * count for name, count in counts.items() if name != method]
    own = sign * counts[method]
    verdict: Verdict = "holds" if own > max(others) else "does not hold"
    if own == max(others):
        verdict = "not decided"
    return Claim(text, verdict, f"distinct attributes: {evidence}", counts)


def _enough(method: str, found: Mapping[str, Sequence[float]] | None) -> Claim:
    text = f"{method}: directions for at least {ENOUGH} attributes, each selective"
    if found is None:
        return Claim(text, "not decided", "not there yet")
    named = ", ".join(f"{name} ({max(rows):.1f})" for name, rows in found.items()) or "none"
    verdict: Verdict = "holds" if len(found) >= ENOUGH else "does not hold"
    return Claim(text, verdict, named, {"attributes": list(found)})
