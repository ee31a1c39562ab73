"""NaviGAN (Cherepkov et al. 2021): Figures 12 and 13, where images change."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import torch
from torch import Tensor

from pipeline.array_files import read_arrays
from pipeline.metrics.intervals import mean_estimate
from pipeline.report.jobs import Job
from pipeline.report.maps import map_sheet
from pipeline.report.stacking import sheet_png
from pipeline.report.tables import Column, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction
from pipeline.reproductions.cells import by_cell, empty_cell, metric_cell
from pipeline.reproductions.comparing import Comparison, claim, decided
from pipeline.reproductions.navigan_courses import (
    HYBRID,
    LATENT,
    OPTIMIZATION,
    SPECTRUM,
    SVD,
    Cells,
    targets,
)

MOST = 0.5  # of the squared change: with more of it in the part, the effect is that part's


class Figure12(Reproduction):
    """Squared differences averaged over codes and magnitudes, and their share in the part."""

    name = "navigan/figure12"
    title = "NaviGAN, Figures 12 and 13: squared differences over codes and magnitudes"
    about = (
        "Magnitudes are a uniform grid between changes of the attribute by two standard deviations "
        "of the data, both ways; the paper's is from -100 to 100, whatever the effect.",
        "The part is the target's region, the same box for all faces; GANSpace's direction of the "
        "same attribute stands beside.",
    )
    methods = (SVD, OPTIMIZATION, SPECTRUM, HYBRID, LATENT)

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """The share of the squared change that lies in the part, and the part's of the image."""
        cells = by_cell(jobs, "target", "method")
        columns = [
            Column("share_inside", "change in the part", "share", "higher"),
            Column("area", "the part", "share"),
            Column("density", "change per pixel, in over average", "", "higher"),
            Column("direction", "direction"),
        ]
        rows = [
            row(target, method, cells.get((target, method)))
            for target, method in product(targets(jobs), self.methods)
        ]
        notes = [*self.about, "The paper prints maps without numbers."]
        return [Table(self.title, ("target", "method"), columns, rows, notes)]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """Local directions change their part; and more so than a latent direction does."""
        cells, shown = by_cell(jobs, "target", "method"), targets(jobs)
        weights = list(product(shown, self.methods[:-1]))
        return [
            claim(
                "averaged over codes and magnitudes, most of the squared change made by a shift "
                "of weights lies in the part that it is named after",
                [concentration(cells, target, method) for target, method in weights],
                f"share of the squared change in the part, over {MOST:.0%}",
            ),
            claim(
                "shifts of weights keep more of their change in the part than GANSpace's latent "
                "direction of the same attribute does",
                [advantage(cells, target, method) for target, method in weights],
                "difference of the shares, in pairs on the same faces. The paper does not say so; "
                "it stands here as a measure",
            ),
        ]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """The maps of all methods on one scale, and the edits."""
        cells = by_cell(jobs, "target", "method")
        found: list[Figure] = []
        for target in targets(jobs):
            shown = {m: cells[target, m] for m in self.methods if (target, m) in cells}
            found += maps(target, {m: job for m, job in shown.items() if job.problem is None})
            found += [
                Figure(f"{target}_{method}", method, path, target)
                for method, job in shown.items()
                if (path := job.path / "strengths.png").is_file()
            ]
        return found


def row(target: str, method: str, job: Job | None) -> Row:
    """A job's share of change in the part."""
    empty = empty_cell(job)
    if job is None or empty is not None:
        return Row((target, method), [empty] * 4)
    area = float(job.details.get("area", 1.0))
    share = job.metrics.get("share_inside")
    density = None if share is None else share.value / area
    link = f"{job.folder.as_posix()}/report.html" if job.report else None
    found = metric_cell(job, "share_inside")
    return Row((target, method), [found, area, density, job.details.get("direction")], link)


def maps(target: str, jobs: Mapping[str, Job]) -> Iterator[Figure]:
    """One sheet of the maps of a target."""
    found = {
        method.removeprefix("navigan_"): kept["map"]
        for method, job in jobs.items()
        if "map" in (kept := read_arrays(job.path))
    }
    if found:
        sheet = map_sheet(found, f"{target}: mean squared change of pixels, RGB in [0, 1]", 160)
        caption = (
            "Mean squared change over codes and magnitudes: on one scale, and each on its own."
        )
        yield Figure(f"{target}_maps", caption, sheet_png(sheet), target)


def share(job: Job | None) -> Tensor | str:
    """The share of every sample's change that lies in the part, or why there is none."""
    if job is None:
        return "not run"
    if job.problem is not None:
        return job.problem
    found = read_arrays(job.path).get("share", torch.empty(0))
    return found if len(found) else "the part is not the same for all images"


def concentration(cells: Cells, target: str, method: str) -> Comparison:
    """Whether most of a method's change lies in the part."""
    of, found = f"{target}, {method}", share(cells.get((target, method)))
    if isinstance(found, str):
        return Comparison(of, "open", remark=found)
    estimate = mean_estimate(found)
    return Comparison(of, decided(estimate, MOST), estimate)


def advantage(cells: Cells, target: str, method: str) -> Comparison:
    """Whether a method keeps more of its change in the part than the latent direction does."""
    of = f"{target}, {method} against {LATENT}"
    both = [share(cells.get((target, m))) for m in (method, LATENT)]
    pair = [one for one in both if isinstance(one, Tensor)]
    if len(pair) < 2:
        return Comparison(of, "open", remark="; ".join(x for x in both if isinstance(x, str)))
    if len(pair[0]) != len(pair[1]):
        return Comparison(of, "open", remark="the jobs measured different samples")
    estimate = mean_estimate(pair[0] - pair[1])
    return Comparison(of, decided(estimate), estimate)
