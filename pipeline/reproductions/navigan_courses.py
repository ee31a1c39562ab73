"""NaviGAN (Cherepkov et al. 2021): Figures 7 and 11 (with 14), realism over the effect."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import torch

from pipeline.array_files import read_arrays
from pipeline.metrics.base import Estimate
from pipeline.metrics.equal_effect import Course, common_levels, excess
from pipeline.report.charts import Role, Series, line_chart
from pipeline.report.content import Curve
from pipeline.report.jobs import Job
from pipeline.report.tables import Cell, Column, Missing, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction
from pipeline.reproductions.cells import by_cell, empty_cell
from pipeline.reproductions.comparing import Comparison, claim, decided

WAYS = {1: "more", -1: "less"}
DISTANCES = ("fid", "fd_embedded")
SVD, OPTIMIZATION, SPECTRUM, HYBRID, LATENT = (
    "navigan_svd", "navigan_optimization", "navigan_spectrum", "navigan_hybrid", "ganspace",
)  # fmt: skip
ROLES: Mapping[str, Role] = {SVD: "outside", HYBRID: "inside", LATENT: "outside"}
CALIBRATED = (
    "A strength of 1 is the step that changes the attribute by one standard deviation of the data; "
    "the same strengths are taken for every method. Compared is where the effects, as measured on "
    "the same faces, are equal."
)
BY = (
    "difference of the Fréchet distances, averaged over four equal effects, in brackets 95 % "
    "intervals by a jackknife over the same faces"
)

Cells = Mapping[tuple[str, ...], Job]


class Courses(Reproduction):
    """What both figures share: jobs of ``task=magnitudes`` by target and method."""

    methods: Sequence[str]
    partly = False  # whether methods that no job was asked for are left out
    claimed = "The paper prints curves without numbers, so there is nothing to set beside."

    def asked(self, jobs: Sequence[Job]) -> list[str]:
        """The methods that are shown."""
        told = {job.overrides.get("method") for job in jobs}
        return [m for m in self.methods if not self.partly or m in told]

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """Every point of the curves."""
        cells = by_cell(jobs, "target", "method")
        columns = [
            Column("step", "step"),
            Column("effect", "change of the attribute", "standard deviations"),
            Column.of_metric(distance_name(jobs)),
            Column.of_metric("mse_in"),
            Column.of_metric("mse_out"),
        ]
        rows = [
            row
            for target, method in product(targets(jobs), self.asked(jobs))
            for row in points(target, method, cells.get((target, method)), distance_name(jobs))
        ]
        headings = ("target", "method", "strength")
        return [Table(self.title, headings, columns, rows, [*self.about, self.claimed])]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """The distance over the effect, and the edits themselves."""
        cells = by_cell(jobs, "target", "method")
        found: list[Figure] = []
        for target in targets(jobs):
            shown = {m: cells[target, m] for m in self.asked(jobs) if (target, m) in cells}
            found += chart(target, {m: job for m, job in shown.items() if job.problem is None})
            found += [
                Figure(f"{target}_{m}", f"{m}: {job.details.get('direction')}", path, target)
                for m, job in shown.items()
                if (path := job.path / "strengths.png").is_file()
            ]
        return found


class Figure7(Courses):
    """Fréchet distance over the effect for the four methods."""

    name = "navigan/figure7"
    title = "NaviGAN, Figure 7: realism over the effect, four methods"
    about = (CALIBRATED,)
    methods = (SVD, OPTIMIZATION, SPECTRUM, HYBRID)

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """At an equal effect the SVD is the worst."""
        cells = by_cell(jobs, "target", "method")
        text = (
            "at an equal effect, images edited along singular vectors are further from the data "
            "than images edited along the directions of the other three methods"
        )
        compared = [
            compare(cells, target, SVD, other, sense)
            for target, other, sense in product(targets(jobs), self.methods[1:], WAYS)
        ]
        return [claim(text, compared, f"{BY}; SVD minus the other")]


class Figure11(Courses):
    """Fréchet distance over magnitude for shifts of weights, and for a latent direction."""

    name = "navigan/figure11"
    title = "NaviGAN, Figures 11 and 14: realism over the effect, weights and latents"
    about = (CALIBRATED, "GANSpace's components are directions of w, the same in all layers.")
    methods = (SVD, OPTIMIZATION, SPECTRUM, HYBRID, LATENT)
    partly = True

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """Weights cost no more realism than latents do; and raising is not lowering."""
        cells = by_cell(jobs, "target", "method")
        weights = [m for m in self.asked(jobs) if m != LATENT]
        latent = [
            compare(cells, target, LATENT, method, sense)
            for target, method, sense in product(targets(jobs), weights, WAYS)
        ]
        ways = [
            asymmetry(cells, target, method) for target, method in product(targets(jobs), weights)
        ]
        return [
            claim(
                "at an equal change of the attribute, images edited by a shift of weights are "
                "closer to the data than images edited along GANSpace's latent direction",
                latent,
                f"{BY}; GANSpace minus weights. The paper shows both curves and says no more",
            ),
            claim(
                "the curves are not symmetric: raising an attribute costs another distance than "
                "lowering it as far",
                ways,
                f"size of the {BY}",
            ),
        ]


def targets(jobs: Sequence[Job]) -> list[str]:
    """The targets of the jobs, in their order."""
    return list(dict.fromkeys(job.overrides["target"] for job in jobs if "target" in job.overrides))


def distance_name(jobs: Sequence[Job]) -> str:
    """The Fréchet distance that the jobs measured."""
    known = {name for job in jobs for name in job.details.get("curves", {})}
    return next((name for name in DISTANCES if name in known), DISTANCES[-1])


def points(target: str, method: str, job: Job | None, distance: str) -> Iterator[Row]:
    """A row per strength of a job, the unedited images first."""
    empty = empty_cell(job)
    if job is None or empty is not None:
        yield Row((target, method, ""), [empty or Missing("not run")] * 5)
        return
    curves, link = job.details["curves"], f"{job.folder.as_posix()}/report.html"
    names = ("effect", distance, "mse_in", "mse_out")
    for i, (strength, step) in enumerate(
        zip([0.0, *job.details["strengths"]], [0.0, *job.details["steps"]], strict=True)
    ):
        cells: list[Cell] = [
            estimate(curves[name][i]) if name in curves else Missing("not measured")
            for name in names
        ]
        yield Row((target, method, f"{strength:g}"), [step, *cells], link if job.report else None)


def estimate(row: Sequence[float | None]) -> Estimate:
    """An estimate of a curve's point, as a job left it; null is NaN."""
    value, low, high, n = (torch.nan if x is None else x for x in row)
    return Estimate(value, (low, high), int(n))


def course(job: Job | None) -> Course | str:
    """What a job measured over its strength, or why there is nothing."""
    if job is None:
        return "not run"
    if job.problem is not None:
        return job.problem
    curves = job.details.get("curves", {})
    name = next((name for name in DISTANCES if name in curves), None)
    replicates = read_arrays(job.path).get("replicates")
    if name is None or replicates is None or "effect" not in curves:
        return "no distance or no attribute was measured"
    effects, distances = (
        torch.tensor([estimate(row).value for row in curves[n]], dtype=torch.float64)
        for n in ("effect", name)
    )
    strengths = torch.tensor([0.0, *job.details["strengths"]], dtype=torch.float64)
    n = estimate(curves[name][0]).n
    return Course(strengths, effects, distances, replicates.double(), n)


def compare(cells: Cells, target: str, first: str, second: str, sense: int) -> Comparison:
    """Whether the first method's images are further from the data at an equal effect."""
    of = f"{target}, {WAYS[sense]}, {first} against {second}"
    both = [course(cells.get((target, method))) for method in (first, second)]
    pair = [one for one in both if isinstance(one, Course)]
    if len(pair) < 2:
        reasons = [str(one) for one in both if isinstance(one, str)]
        return Comparison(of, "open", remark="; ".join(reasons))
    reaches = [one.reach(sense) for one in pair]
    if not (levels := common_levels(*reaches)):
        told = ", ".join(f"{reach:.2f}" for reach in reaches)
        return Comparison(of, "open", remark=f"effects reach {told} standard deviations")
    if pair[0].n != pair[1].n:
        return Comparison(of, "open", remark="the jobs measured different samples")
    found = excess(pair[0], pair[1], levels, (sense, sense))
    return Comparison(of, decided(found), found, f"up to {levels[-1]:.2f}")


def asymmetry(cells: Cells, target: str, method: str) -> Comparison:
    """Whether raising and lowering the attribute as far cost different distances."""
    of, found = f"{target}, {method}", course(cells.get((target, method)))
    if isinstance(found, str):
        return Comparison(of, "open", remark=found)
    if not (levels := common_levels(found.reach(1), found.reach(-1))):
        return Comparison(of, "open", remark="one way has next to no effect")
    over = excess(found, found, levels, (1, -1))
    differs = decided(over) != "open"
    remark = f"{'more' if over.value > 0 else 'less'} costs more, up to {levels[-1]:.2f}"
    return Comparison(of, "better" if differs else "open", over, remark)


def chart(target: str, jobs: Mapping[str, Job]) -> Iterator[Figure]:
    """The distance over the effect as measured, all methods of a target."""
    drawn = []
    for method, job in jobs.items():
        curves = job.details["curves"]
        name = next((name for name in DISTANCES if name in curves), None)
        if name is not None and "effect" in curves:
            effects = [estimate(row).value for row in curves["effect"]]
            values = map(estimate, curves[name])
            by_effect = dict(sorted(zip(effects, values, strict=True)))
            label = method.removeprefix("navigan_")
            drawn.append(Series(label, Curve.of(by_effect), ROLES.get(method, "plain")))
    if drawn:
        title = f"{target}: Fréchet distance over the effect"
        x_label = "change of the attribute, standard deviations"
        content = line_chart(drawn, title, x_label, "Fréchet distance", round_ticks=True)
        caption = "Distance to the data; 0 are the unedited images, bands 95 % intervals."
        yield Figure(f"{target}_distance", caption, content, target)
