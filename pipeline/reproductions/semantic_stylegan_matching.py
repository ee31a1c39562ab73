"""SemanticStyleGAN against StyleGAN2: the same edit on both, where the attribute changes equally.

The generators draw different faces, so nothing comes in pairs: each has samples of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from torch import Tensor

from pipeline.array_files import read_arrays
from pipeline.errors import UserError
from pipeline.metrics.base import Estimate
from pipeline.metrics.equal_change import Sweep, common_levels, compare_apart
from pipeline.report.jobs import Job
from pipeline.report.maps import map_sheet
from pipeline.report.stacking import sheet_png
from pipeline.report.tables import Cell, Column, Missing, Row, Table
from pipeline.reproductions.base import Figure
from pipeline.reproductions.cells import by_cell, empty_cell
from pipeline.reproductions.comparing import Comparison
from pipeline.reproductions.navigan_courses import estimate

OURS, OTHER = "semantic_stylegan", "stylegan2"
LEVELS = 4
SHOWN = ("effect", "mse_in", "mse_out", "id", "id_embedded")
MATCHED = (
    "Each edit is taken at several strengths, up to a change of the attribute by one standard "
    "deviation of the data (as calibrated on other codes). The errors outside are compared where "
    "the measured mean changes are equal, at four levels that both generators reach; the ratio is "
    "the geometric mean of the four."
)
APART = (
    "The generators draw different faces: samples of either are resampled by themselves, and no "
    "pairs are made."
)

Cells = Mapping[tuple[str, ...], Job]


@dataclass(frozen=True)
class Matched:
    """Error outside of SemanticStyleGAN over that of StyleGAN2 at equal changes.

    Attributes:
        ratio: geometric mean over the levels.
        most: the greatest level, in standard deviations of the data.
    """

    ratio: Estimate
    most: float


def generators(jobs: Sequence[Job]) -> tuple[str, str]:
    """The names that both generators go by in some jobs, the SemanticStyleGAN first."""
    told = [job.overrides.get("generator", "") for job in jobs]
    ours = next((name for name in told if name.startswith(OURS)), OURS)
    return ours, next((name for name in told if name and not name.startswith(OURS)), OTHER)


def cells_of(jobs: Sequence[Job]) -> Cells:
    """Jobs by target, method and generator."""
    return by_cell(jobs, "target", "method", "generator")


def grid(jobs: Sequence[Job], targets: Sequence[str], methods: Sequence[str]) -> list[list[str]]:
    """Targets and methods: those of the result, then others that were run."""
    found = []
    for key, own in (("target", targets), ("method", methods)):
        told = [job.overrides[key] for job in jobs if key in job.overrides]
        found.append(list(dict.fromkeys([*own, *told])))
    return found


def sweep_of(job: Job | None) -> Sweep | str:
    """Change of the attribute and error outside of every sample, or why there are none."""
    empty = empty_cell(job)
    if job is None or empty is not None:
        return "not run" if empty is None else empty.reason
    arrays = read_arrays(job.path)
    if not {"effect", "mse_out"} <= arrays.keys():
        return "no change of an attribute was measured"
    sense = 1.0 if job.details.get("change", 1.0) > 0 else -1.0
    return Sweep(sense * arrays["effect"].double(), arrays["mse_out"].double())


def matched(cells: Cells, target: str, method: str, pair: tuple[str, str]) -> Matched | str:
    """The ratio of a target and a method, or why there is none."""
    sweeps: list[Sweep] = []
    for generator in pair:
        found = sweep_of(cells.get((target, method, generator)))
        if isinstance(found, str):
            return f"{generator}: {found}"
        sweeps.append(found)
    try:
        levels = common_levels(sweeps, LEVELS)
    except UserError:
        return "one of them does not change the attribute the way that is wanted"
    return Matched(compare_apart(sweeps[0], sweeps[1], levels).overall, levels[-1])


def at_most(found: Matched | str, of: str, bound: float) -> Comparison:
    """Whether SemanticStyleGAN changes at most so much of what StyleGAN2 does outside."""
    if isinstance(found, str):
        return Comparison(of, "open", remark=found)
    low, high = found.ratio.ci95
    remark = f"changes up to {found.most:.2f} standard deviations"
    outcome = "better" if high <= bound else "worse" if low > bound else "open"
    return Comparison(of, outcome, found.ratio, remark)  # type: ignore[arg-type]


def numbers(title: str, jobs: Sequence[Job], targets: list[str], methods: list[str]) -> Table:
    """Every job at its greatest strength."""
    cells, pair = cells_of(jobs), generators(jobs)
    measured = {name for job in jobs for name in job.details.get("curves", {})}
    names = [name for name in SHOWN if name in measured or name in SHOWN[:3]]
    columns = [
        Column("effect", "change of the attribute", "standard deviations"),
        *map(Column.of_metric, names[1:]),
        Column("reached", "strength of 1"),
    ]
    rows = [
        _row((target, method, generator), cells.get((target, method, generator)), names)
        for target, method, generator in product(targets, methods, pair)
    ]
    headings = ("target", "method", "generator")
    return Table(title, headings, columns, rows, [MATCHED], grouped=2)


def _row(labels: tuple[str, ...], job: Job | None, names: Sequence[str]) -> Row:
    empty = empty_cell(job)
    if job is None or empty is not None:
        return Row(labels, [empty or Missing("not run")] * (len(names) + 1))
    curves = job.details.get("curves", {})
    cells: list[Cell] = [
        estimate(curves[name][-1]) if name in curves else Missing("not measured") for name in names
    ]
    state = "reached" if job.details.get("reached") else "NOT REACHED"
    link = f"{job.folder.as_posix()}/report.html" if job.report else None
    return Row(labels, [*cells, state], link)


def ratios(title: str, jobs: Sequence[Job], targets: list[str], methods: list[str]) -> Table:
    """The errors outside of both generators where the attribute changes equally."""
    cells, pair = cells_of(jobs), generators(jobs)
    columns = [
        Column("ratio", "error outside, SemanticStyleGAN over StyleGAN2", "", "lower"),
        Column("most", "changes compared, up to", "standard deviations"),
    ]
    rows = []
    for target, method in product(targets, methods):
        found = matched(cells, target, method, pair)
        told: list[Cell] = [Missing(found)] * 2 if isinstance(found, str) else []
        rows.append(Row((target, method), told or [found.ratio, found.most]))  # type: ignore[union-attr]
    return Table(title, ("target", "method"), columns, rows, [MATCHED, APART])


def pictures(jobs: Sequence[Job], targets: list[str], methods: list[str]) -> Iterator[Figure]:
    """Maps of differences of both generators on one scale, and the edits."""
    cells, pair = cells_of(jobs), generators(jobs)
    for target, method in product(targets, methods):
        there = {g: cells[target, method, g] for g in pair if (target, method, g) in cells}
        maps = {g: kept["map"] for g, job in there.items() if "map" in (kept := _arrays(job))}
        if maps:
            title = f"{target}, {method}: mean squared change of pixels, RGB in [0, 1]"
            caption = f"{method}: mean squared change, on one scale and each on its own."
            content = sheet_png(map_sheet(maps, title, 160))
            yield Figure(f"{target}_{method}_maps", caption, content, target)
        for generator, job in there.items():
            if (path := job.path / "strengths.png").is_file():
                yield Figure(
                    f"{target}_{method}_{generator}", f"{method}, {generator}", path, target
                )


def _arrays(job: Job) -> Mapping[str, Tensor]:
    return read_arrays(job.path) if job.problem is None else {}
