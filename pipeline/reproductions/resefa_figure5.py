"""ReSeFa (Zhu et al. 2022), *Region-Based Semantic Factorization in GANs*: Figure 5."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import torch

from pipeline.errors import UserError
from pipeline.metrics.base import Estimate
from pipeline.metrics.equal_change import Sweep, common_levels, compare
from pipeline.report.charts import Role, Series, line_chart
from pipeline.report.collate import read_estimate
from pipeline.report.content import Curve
from pipeline.report.jobs import Job
from pipeline.report.tables import Column, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction
from pipeline.reproductions.cells import by_cell, empty_cell
from pipeline.reproductions.comparing import Comparison, claim, decided
from pipeline.reproductions.resefa import BASELINES, CALIBRATED, OURS, STYLESPACE, Cells, lack
from pipeline.sample_files import SAMPLES, matched, read_samples

ROLES: Mapping[str, Role] = {OURS: "inside", "stylespace": "outside", "lowrankgan": "plain"}


class Figure5(Reproduction):
    """Squared error inside the region and outside over the strength of the edit."""

    name = "resefa/figure5"
    title = "ReSeFa, Figure 5: change inside the region and outside over strength"
    about = (
        CALIBRATED.replace("by the same change", "at strength 1 by the same change"),
        STYLESPACE,
        "The paper's strengths are steps in latent space, which are not the same from method to "
        "method; here they are shares of the same change of the attribute. The claim is therefore "
        "tested where methods change the rest of the image equally.",
    )
    targets = ("close_mouth", "close_eyes")

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """Every point of the curves; the paper prints none."""
        cells = by_cell(jobs, "target", "method")
        names = ("mse_in", "mse_out", "mse_ratio")
        rows: list[Row] = []
        for target, method in product(self.targets, (*BASELINES, OURS)):
            rows += _points(target, method, cells.get((target, method)), names)
        columns = [Column(c.name, c.label, c.unit) for c in map(Column.of_metric, names)]
        notes = ["The paper prints curves without numbers, so there is nothing to set beside."]
        headings = ("target", "method", "strength")
        return [Table("ReSeFa, Figure 5", headings, columns, rows, notes)]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """The region changes most for the same change of the rest."""
        cells = by_cell(jobs, "target", "method")
        pairs = product(self.targets, BASELINES)
        return [
            claim(
                "ReSeFa changes the region more than StyleSpace and LowRankGAN do for the same "
                "change of the rest of the image",
                [_locality(cells, target, other) for target, other in pairs],
                "MSE inside of ReSeFa over that of the other where MSE outside is equal (geometric "
                "mean of five levels), in brackets 95 % intervals by bootstrap over the same faces",
            )
        ]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """The paper's four panels, the trade-off, and the edits."""
        cells = by_cell(jobs, "target", "method")
        found = []
        for target in self.targets:
            shown = {m: cells[target, m] for m in ROLES if (target, m) in cells}
            curves = {m: _curves(job) for m, job in shown.items() if job.problem is None}
            if curves:
                found += _panels(target, curves)
            strips = [(m, job.path / "strips.png") for m, job in shown.items()]
            found += [
                Figure(f"{target}_{m}", m, path, f"{target}: strips")
                for m, path in strips
                if path.is_file()
            ]
        return sorted(found, key=lambda f: f.heading.endswith("strips"))


def _points(target: str, method: str, job: Job | None, names: Sequence[str]) -> list[Row]:
    """A row per strength of a job."""
    empty = empty_cell(job)
    if job is None or empty is not None:
        return [Row((target, method, ""), [empty] * len(names))]
    curves = {name: dict(_estimates(job, name)) for name in names}
    link = f"{job.folder.as_posix()}/report.html" if job.report else None
    return [
        Row((target, method, f"{s:g}"), [curves[name][s] for name in names], link)
        for s in curves[names[0]]
        if s
    ]


def _estimates(job: Job, name: str) -> Iterator[tuple[float, Estimate]]:
    curve = job.details["curves"][name]
    columns = (curve["strength"], curve["value"], curve["ci95"], curve["n"])
    for strength, value, ci95, n in zip(*columns, strict=True):
        yield strength, read_estimate({"value": value, "ci95": ci95, "n": n})


def _curves(job: Job) -> dict[str, Curve]:
    return {name: Curve.of(dict(_estimates(job, name))) for name in ("mse_in", "mse_out")}


def _panels(target: str, curves: Mapping[str, Mapping[str, Curve]]) -> list[Figure]:
    """Inside and outside over strength, and one over the other."""
    said = {"mse_in": "inside the region", "mse_out": "outside"}
    charts = {
        name: [Series(method, curve[name], ROLES[method]) for method, curve in curves.items()]
        for name in said
    }
    charts["trade"] = [
        Series(method, _against(curve), ROLES[method]) for method, curve in curves.items()
    ]
    heading = f"{target}: squared errors"
    drawn = [
        Figure(
            f"{target}_{name}",
            f"MSE {said[name]} over strength; bands: 95 % intervals.",
            line_chart(charts[name], f"{target}: MSE {said[name]}", "strength", f"MSE {where}"),
            heading,
        )
        for name, where in said.items()
    ]
    label, title = "MSE outside, 10⁻³", f"{target}: MSE inside over MSE outside"
    trade = line_chart(charts["trade"], title, label, "MSE inside the region")
    caption = "The same points: higher is more local."
    return [*drawn, Figure(f"{target}_trade", caption, trade, heading)]


def _against(curve: Mapping[str, Curve]) -> Curve:
    """The error inside over that outside, in thousandths."""
    inside, places = curve["mse_in"], [1000 * x for x in curve["mse_out"].values]
    order = sorted(range(len(places)), key=places.__getitem__)
    columns = (inside.values, inside.lows, inside.highs)
    values, lows, highs = ([column[i] for i in order] for column in columns)
    return Curve([places[i] for i in order], values, lows, highs, inside.n)


def _locality(cells: Cells, target: str, other: str) -> Comparison:
    """Error inside of ReSeFa over that of a baseline, where both err equally outside."""
    of = f"{target}, {other}"
    ours, theirs = cells.get((target, OURS)), cells.get((target, other))
    if reason := lack(ours, theirs):
        return Comparison(of, "open", remark=reason)
    sweeps = _sweeps(ours, theirs) if ours and theirs else None
    if sweeps is None:
        return Comparison(of, "open", remark="the jobs kept no numbers of the same samples")
    try:
        found = compare(*sweeps, common_levels(sweeps))
    except UserError:
        return Comparison(of, "open", remark="one of them changes nothing outside")
    return Comparison(of, decided(found.overall, 1.0), found.overall)


def _sweeps(first: Job, second: Job) -> tuple[Sweep, Sweep] | None:
    """Errors of the same samples over strength, with the roles of inside and outside exchanged.

    :mod:`pipeline.metrics.equal_change` compares errors outside at equal errors inside; here the
    errors inside are compared at equal errors outside.
    """
    sides = [read_samples(job.path / SAMPLES) for job in (first, second)]
    common = [s for s in sides[0] if s in sides[1]]
    if not common or matched(sides[0][common[0]], sides[1][common[0]], "mse_in") is None:
        return None
    sweeps = [
        Sweep(*(torch.stack([side[s][n] for s in common], 1) for n in ("mse_out", "mse_in")))
        for side in sides
    ]
    return sweeps[0], sweeps[1]
