"""ReSeFa (Zhu et al. 2022), *Region-Based Semantic Factorization in GANs*: Table 1."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from pipeline.report.jobs import Job
from pipeline.report.tables import Cell, Column, Missing, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction
from pipeline.reproductions.cells import (
    attribute_change,
    by_cell,
    discovery_seconds,
    empty_cell,
    measured_name,
    metric_cell,
    problems,
    reached,
    state,
)
from pipeline.reproductions.comparing import Comparison, claim, decided, difference

OURS, BASELINES = "resefa", ("stylespace", "lowrankgan")
ERRORS = ("mse_in", "mse_out", "mse_ratio")
CALIBRATED = (
    "Every method edits with the one of its directions that moves the target's attribute most "
    "selectively, by the same change of that attribute on average: one standard deviation of the "
    "data (half of one for close_mouth). The papers chose directions and strengths by eye."
)
STYLESPACE = (
    "stylespace stands for the channels that the paper compares with: those found by gradients "
    "against semantic masks (Wu et al. 2021, Sec. 4), for every target; the channel ranking by "
    "examples (Sec. 5) is method=stylespace_attribute."
)
NETWORKS = (
    "Measured on the embedded domain (rendered faces of 64 px) by its own networks: FD (embedded) "
    "and ID (embedded) are no FID and no ArcFace similarity, so the paper's numbers stand in "
    "columns of their own and only orders can be compared."
)

Cells = Mapping[tuple[str, ...], Job]


class Table1(Reproduction):
    """Quality, locality, identity and speed of four local edits."""

    name = "resefa/table1"
    title = "ReSeFa, Table 1: local edits at the same change of an attribute"
    about = (
        CALIBRATED,
        STYLESPACE,
        NETWORKS,
        "The paper does not say which region and which scale of pixels its MSE is of; measured are "
        "both regions, with RGB in [0, 1].",
        "Time is that of finding the directions of a region, on this machine; where a result came "
        "from the store, the time it took when it was made.",
    )

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """A row per target and method."""
        cells = by_cell(jobs, "target", "method")
        quality, identity = self._metrics(jobs)
        columns = [
            Column.of_metric(quality),
            Column("paper_fid", "paper: FID", "", "lower"),
            Column.of_metric(identity),
            Column("paper_id", "paper: ID", "", "higher"),
            *map(Column.of_metric, ERRORS),
            Column("paper_mse", "paper: MSE", "", "lower"),
            Column("seconds", "discovery", "s", "lower"),
            Column("paper_speed", "paper: speed", "s", "lower"),
            Column("seconds_looking", "of it Jacobian, gradients", "s"),
            Column("seconds_solution", "of it solution", "s"),
            Column("change", "change of attribute", "sd"),
            Column("state"),
        ]
        rows = [
            Row(
                (target, method),
                _row(job, (quality, identity), _printed(reported, target, method)),
                link,
            )
            for target, method, job, link in self._lines(cells, reported)
        ]
        headings, notes = ("target", "method"), problems(cells)
        return [Table("ReSeFa, Table 1", headings, columns, rows, notes, grouped=1)]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """Identity and speed."""
        cells, identity = by_cell(jobs, "target", "method"), self._metrics(jobs)[1]
        targets = reported["attributes"]
        return [
            claim(
                "ReSeFa keeps the identity better than StyleSpace and LowRankGAN, in every edit",
                [_identity(cells, t, other, identity) for t, other in product(targets, BASELINES)],
                f"{identity} of ReSeFa minus that of the other on the same faces, in brackets 95 % "
                "intervals",
            ),
            claim(
                "ReSeFa finds the directions of a region faster than StyleSpace and LowRankGAN",
                [_speed(cells, target, other) for target, other in product(targets, BASELINES)],
                "time of the discovery, measured once each",
            ),
        ]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """The same faces as edited by every method."""
        cells = by_cell(jobs, "target", "method")
        return [
            Figure(f"{target}_{method}", method, job.path / "strips.png", f"{target}: strips")
            for target, method, job, _ in self._lines(cells, reported)
            if job is not None and (job.path / "strips.png").is_file()
        ]

    @staticmethod
    def _metrics(jobs: Sequence[Job]) -> tuple[str, str]:
        """Names of quality and identity, by the networks that measured."""
        return measured_name(jobs, "fid", "fd_embedded"), measured_name(jobs, "id", "id_embedded")

    @staticmethod
    def _lines(
        cells: Cells, reported: Reported
    ) -> Iterator[tuple[str, str, Job | None, str | None]]:
        """Target, method, job and link of every row: what the paper has, then what was run."""
        targets = dict.fromkeys([*reported["attributes"], *(target for target, _ in cells)])
        methods = dict.fromkeys([*reported["rows"], *(method for _, method in cells)])
        for target, method in product(targets, methods):
            job = cells.get((target, method))
            if job is not None or (target in reported["attributes"] and method in reported["rows"]):
                report = f"{job.folder.as_posix()}/report.html" if job and job.report else None
                yield target, method, job, report


def _row(job: Job | None, names: tuple[str, str], printed: Sequence[Cell]) -> list[Cell]:
    """The cells of a row: what was measured, with what the paper prints beside it."""
    fid, mse, identity, speed = printed
    if job is None or job.problem is not None:
        nothing = [None] * len(ERRORS)
        return [None, fid, None, identity, *nothing, mse, None, speed, None, None, None, state(job)]
    errors = (metric_cell(job, name) for name in ERRORS)
    total, looking, solution = _times(job)
    return [
        *(metric_cell(job, names[0]), fid, metric_cell(job, names[1]), identity),
        *(*errors, mse, total, speed, looking, solution),
        attribute_change(job) or Missing("the attribute cannot be read"),
        state(job),
    ]


def _times(job: Job) -> list[Cell]:
    """Seconds of the discovery: all, all but the solution, the solution."""
    seconds = discovery_seconds(job)
    if "solve" not in seconds:
        return [Missing("not recorded")] * 3
    total = sum(seconds.values())
    return [total, total - seconds["solve"], seconds["solve"]]


def _printed(reported: Reported, target: str, method: str) -> list[Cell]:
    """FID, MSE, ID and seconds as the paper prints them; empty where it has no such row."""
    row: Mapping[str, Any] = reported["rows"].get(method, {})
    numbers = row.get(target)
    if numbers is None:
        return [None] * 4
    return [*map(float, numbers), float(row["speed_s"])]


def _identity(cells: Cells, target: str, other: str, name: str) -> Comparison:
    """Identity of ReSeFa against a baseline; who fell short of the change has it easier."""
    of = f"{target}, {other}"
    ours, theirs = cells.get((target, OURS)), cells.get((target, other))
    if reason := lack(ours, theirs):
        return Comparison(of, "open", remark=reason)
    found = difference(ours, theirs, name) if ours and theirs else None
    if found is None or ours is None or theirs is None:
        return Comparison(of, "open", remark="not measured")
    estimate, paired = found
    outcome, remark = decided(estimate), "" if paired else "not the same samples"
    short = [m for m, job in ((OURS, ours), (other, theirs)) if not reached(job)]
    easier = {"better": OURS, "worse": other}.get(outcome)
    if easier in short:
        return Comparison(of, "open", estimate, f"{easier} did not reach the change")
    if short:
        remark = f"{outcome}, although {' and '.join(short)} did not reach the change"
    return Comparison(of, outcome, estimate, remark)


def _speed(cells: Cells, target: str, other: str) -> Comparison:
    """Seconds of ReSeFa's discovery against a baseline's."""
    of = f"{target}, {other}"
    ours, theirs = cells.get((target, OURS)), cells.get((target, other))
    if reason := lack(ours, theirs):
        return Comparison(of, "open", remark=reason)
    times = [sum(discovery_seconds(job).values()) for job in (ours, theirs) if job]
    if not all(times):
        return Comparison(of, "open", remark="not recorded")
    remark = f"{times[0]:.2f} s against {times[1]:.2f} s"
    return Comparison(of, "better" if times[0] < times[1] else "worse", None, remark)


def lack(*jobs: Job | None) -> str:
    """Why jobs cannot be compared; empty where they can."""
    empty = [cell.reason for cell in map(empty_cell, jobs) if cell is not None]
    return empty[0] if empty else ""
