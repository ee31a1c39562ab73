"""Jobs as the cells of a table, and numbers read off what they left."""

from collections.abc import Mapping, Sequence

from pipeline.metrics.base import Estimate
from pipeline.report.collate import read_estimate
from pipeline.report.jobs import Job
from pipeline.report.tables import Cell, Missing

NOT_RUN = Missing("not run")


def by_cell(jobs: Sequence[Job], *keys: str) -> dict[tuple[str, ...], Job]:
    """Jobs by the values of some overrides, e.g. ``("target", "method")``.

    Jobs without one of the keys are left out. Of several jobs of a cell the last counts that has
    numbers, else the last.
    """
    found: dict[tuple[str, ...], Job] = {}
    for job in jobs:
        if not all(key in job.overrides for key in keys):
            continue
        cell = tuple(job.overrides[key] for key in keys)
        if cell not in found or job.problem is None or found[cell].problem is not None:
            found[cell] = job
    return found


def metric_cell(job: Job | None, name: str) -> Cell:
    """A job's number, or why there is none."""
    if (empty := empty_cell(job)) is not None or job is None:
        return empty
    return job.metrics.get(name, Missing("not measured"))


def empty_cell(job: Job | None) -> Missing | None:
    """Why a job has no numbers; None where it has."""
    if job is None:
        return NOT_RUN
    return None if job.problem is None else Missing(job.problem)


def attribute_change(job: Job) -> Estimate | None:
    """How far a job moved the attribute it was calibrated for, in standard deviations."""
    entry = job.details.get("attributes", {}).get(job.details.get("attribute"))
    return None if entry is None else read_estimate(entry)


def reached(job: Job) -> bool:
    """Whether a strength of 1 is the change asked for."""
    return bool(job.details.get("reached", False))


def state(job: Job | None) -> str:
    """In a word or two, whether a cell has numbers, and whether they are at the change wanted."""
    if job is None:
        return "not run"
    if job.problem is not None:
        return "failed" if job.problem.startswith("failed") else "no numbers"
    return "reached" if reached(job) else "NOT REACHED"


def problems(cells: Mapping[tuple[str, ...], Job]) -> list[str]:
    """What to say below a table: why cells have no numbers, or not those that they should have."""
    found = []
    for cell, job in cells.items():
        where = ", ".join(cell)
        if job.problem is not None:
            found.append(f"{where}: {job.problem}.")
        elif not reached(job):
            wanted = job.details.get("change", 1.0)
            attribute = str(job.details.get("attribute")).replace("_", " ")
            found.append(
                f"{where}: no step tried changes {attribute} by {wanted:g} standard deviations; "
                "measured is the step that does about as much as can be done, so these numbers are "
                "of a smaller edit."
            )
    return found


def discovery_seconds(job: Job) -> Mapping[str, float]:
    """The seconds of each step of the discovery, back then where it came from the store."""
    return {name: float(s) for name, s in job.details.get("discovery", {}).items()}


def measured_name(jobs: Sequence[Job], *names: str) -> str:
    """The first of some metrics that any job has, the last where none has: fid, fd_embedded."""
    return next((n for n in names if any(n in job.metrics for job in jobs)), names[-1])
