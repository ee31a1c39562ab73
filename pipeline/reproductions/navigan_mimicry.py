"""NaviGAN (Cherepkov et al. 2021): Figures 8 and 16, shifts of weights that no latent mimics."""

from collections.abc import Mapping, Sequence
from itertools import product

from PIL.Image import Image
from torch import Tensor

from pipeline.array_files import read_arrays
from pipeline.metrics.base import Estimate
from pipeline.report.jobs import Job
from pipeline.report.sheets import contact_sheet
from pipeline.report.stacking import sheet_png
from pipeline.report.tables import Cell, Column, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction
from pipeline.reproductions.cells import by_cell, empty_cell
from pipeline.reproductions.comparing import Comparison, claim, decided
from pipeline.reproductions.navigan_courses import LATENT

SPACES = ("z", "w", "w+", "activations")
MIMICKED = 0.25  # of a squared distance left: half of the change in amplitude
MSE = "left_mse"


class Figure8(Reproduction):
    """What is left of an edit when the best latent shift has done what it can."""

    name = "navigan/figure8"
    title = "NaviGAN, Figures 8 and 16: the latent shift that mimics a shift of weights best"
    about = (
        "One shift for all codes, found by Adam on some and judged on others. What is left of a "
        "difference is given as a share of what the edit does: 0 is perfect mimicry, 1 is no "
        f"better than doing nothing. Below {MIMICKED:g}, half of the change in amplitude (both "
        "distances are squares), an edit counts as mimicked. The squared error is met in part by "
        "colours that all images share; the perceptual distance is closer to what is seen.",
        "GANSpace's direction is a shift of w: that it is mimicked in W and W+ shows that the "
        "search finds what there is to find.",
    )

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """What is left by space, and how far the attribute came."""
        cells = by_cell(jobs, "method", "task.space")
        perceptual = left_perceptual(jobs)
        columns = [
            Column(MSE, "left of the squared change", "share"),
            Column(perceptual, f"left of {perceptual.removeprefix('left_')}", "share"),
            Column("wanted", "attribute: edit", "standard deviations"),
            Column("reached", "attribute: mimicked", "standard deviations"),
            Column("learned", "loss where learned", "share"),
            Column("attribute", "attribute"),
        ]
        rows = [
            row(method, space, cells.get((method, space)), perceptual)
            for method, space in product(methods(jobs), SPACES)
        ]
        notes = [*self.about, "The paper shows images and no numbers."]
        return [Table(self.title, ("method", "space"), columns, rows, notes)]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """No space can; and the search is able to."""
        cells = by_cell(jobs, "method", "task.space")
        weights = [m for m in methods(jobs) if m != LATENT]
        text = (
            "no shift in Z, W, W+ or the activations before the layer reproduces the effect of a "
            "shift of weights"
        )
        by = f"share that is left on held-out codes, against {MIMICKED:g}"
        kinds = {left_perceptual(jobs): "perceptual distance", MSE: "squared error, Eq. 5"}
        found = [
            claim(
                f"{text} ({said})",
                [left(cells, m, space, name) for m, space in product(weights, SPACES)],
                by,
            )
            for name, said in kinds.items()
        ]
        if LATENT in methods(jobs):
            able = [left(cells, LATENT, space, MSE, mimicked=True) for space in ("w", "w+")]
            control = "the same search finds a shift of w again, in W and in W+"
            found.append(claim(control, able, by))
        return found

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """Original, edit and the best of every space side by side."""
        cells, found = by_cell(jobs, "method", "task.space"), []
        for method in methods(jobs):
            images = {
                space: kept["images"]
                for space in SPACES
                if (job := cells.get((method, space))) is not None
                and "images" in (kept := read_arrays(job.path))
            }
            if images:
                caption = f"{method}: held-out codes, the edit, and what mimics it best."
                found.append(Figure(method, caption, sheet_png(sheet(method, images))))
        return found


def methods(jobs: Sequence[Job]) -> list[str]:
    """The methods whose edits are mimicked."""
    return list(dict.fromkeys(job.overrides["method"] for job in jobs if "method" in job.overrides))


def left_perceptual(jobs: Sequence[Job]) -> str:
    """The name under which jobs give what is left of the perceptual distance."""
    names = {name for job in jobs for name in job.metrics if name.startswith("left_")}
    return next(iter(sorted(names - {MSE})), "left_lpips_embedded")


def row(method: str, space: str, job: Job | None, perceptual: str) -> Row:
    """A job's numbers."""
    empty = empty_cell(job)
    if job is None or empty is not None:
        return Row((method, space), [empty] * 6)
    numbers: list[Cell] = [job.metrics.get(name) for name in (MSE, perceptual, "wanted", "reached")]
    learned = job.details.get("curve", [None])[-1]
    link = f"{job.folder.as_posix()}/report.html" if job.report else None
    return Row((method, space), [*numbers, learned, job.details.get("attribute")], link)


def left(
    cells: Mapping[tuple[str, ...], Job],
    method: str,
    space: str,
    name: str,
    mimicked: bool = False,
) -> Comparison:
    """Whether too much is left of an edit (or, of one that can be ``mimicked``, little enough)."""
    job, of = cells.get((method, space)), f"{method}, {space}"
    if job is None or job.problem is not None:
        return Comparison(of, "open", remark="not run" if job is None else str(job.problem))
    found: Estimate | None = job.metrics.get(name)
    if found is None:
        return Comparison(of, "open", remark="not measured")
    outcome = decided(found, MIMICKED)
    turned = {"better": "worse", "worse": "better", "open": "open"}
    return Comparison(of, turned[outcome] if mimicked else outcome, found)  # type: ignore[arg-type]


def sheet(method: str, images: Mapping[str, Tensor]) -> Image:
    """Codes down; original, edit and every space across."""
    first = next(iter(images.values()))
    columns = ["original", "edit", *images]
    rows = [
        [first[i, 0], first[i, 1], *(one[i, 2] for one in images.values())]
        for i in range(len(first))
    ]
    return contact_sheet(rows, columns, [f"no. {i}" for i in range(len(first))], method)
