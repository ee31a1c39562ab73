"""NaviGAN (Cherepkov et al. 2021): Figure 20, what the directions of each layer do."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from pipeline.datasets.procfaces.factors import FACTORS
from pipeline.metrics.base import Estimate
from pipeline.metrics.intervals import mean_estimate
from pipeline.report.charts import Role, Series, line_chart
from pipeline.report.content import Curve
from pipeline.report.jobs import Job
from pipeline.report.stacking import sheet_png, stacked
from pipeline.report.tables import Column, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction
from pipeline.reproductions.cells import by_cell, empty_cell
from pipeline.reproductions.comparing import Comparison, claim, decided

GROUPS = ("whole", "parts", "colour")
SAID = {
    "whole": "pose and shape of the whole face",
    "parts": "shape and presence of its parts",
    "colour": "colours and light",
}
ROLES: Mapping[str, Role] = {"whole": "inside", "parts": "plain", "colour": "outside"}
KINDS: Mapping[str, str] = {
    f.name: "colour" if f.kind == "colour" else "whole" if f.part in ("pose", "face") else "parts"
    for f in FACTORS
}

Rows = Sequence[Mapping[str, Any]]


class Figure20(Reproduction):
    """Directions layer by layer, from coarse to fine."""

    name = "navigan/figure20"
    title = "NaviGAN, Figure 20: what the directions of each layer do"
    about = (
        "Every direction's changes of all attributes, in standard deviations of the data, are "
        "divided into three kinds; a share is that of their sum. The paper shows images alone, and "
        "says that early layers move the geometry, middle ones parts, and late ones colours.",
    )

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """Shares of the three kinds in every layer, and the attributes that lead."""
        columns = [
            *(Column(kind, SAID[kind], "share") for kind in GROUPS),
            Column("selective", "selective directions"),
            Column("names", "attributes that directions move most"),
        ]
        rows = [row(layer, job) for layer, job in layers(jobs).items()]
        return [Table(self.title, ("layer",), columns, rows, self.about)]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """Geometry early, parts in the middle, colour late."""
        found = [directions(job) for job in layers(jobs).values() if job.problem is None]
        third = max(1, len(found) // 3)
        early, late = sum(found[:third], []), sum(found[-third:], [])
        middle = sum(found[third:-third], [])
        compared = [
            share_excess("whole, early layers against late ones", "whole", early, late),
            share_excess("parts, middle layers against the others", "parts", middle, early + late),
            share_excess("colour, late layers against early ones", "colour", late, early),
        ]
        text = "early layers move the geometry of the whole, middle ones parts, late ones colours"
        by = "difference of the mean shares of directions of the thirds of the layers"
        return [claim(text, compared, by)]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """Shares over the layers, and one sheet with the directions of all."""
        done = {layer: job for layer, job in layers(jobs).items() if job.problem is None}
        files = [p for job in done.values() if (p := job.path / "directions.png").is_file()]
        found = [shares_chart(done)] if done else []
        if files:
            caption = "Directions of every layer on one code, the first layer on top."
            found.append(Figure("layers", caption, sheet_png(stacked(files))))
        return found


def layers(jobs: Sequence[Job]) -> dict[str, Job]:
    """The job of every layer, in the order of the sweep."""
    return {layer: job for (layer,), job in by_cell(jobs, "layer").items()}


def directions(job: Job) -> list[dict[str, float]]:
    """Shares of the three kinds, for every direction that does anything."""
    rows: Rows = job.details.get("directions", ())
    return [found for one in rows if (found := kinds(one["effects"]))]


def kinds(effects: Mapping[str, float]) -> dict[str, float]:
    """How the sizes of changes divide into kinds; nothing where there are none."""
    sizes = dict.fromkeys(GROUPS, 0.0)
    for name, change in effects.items():
        sizes[KINDS.get(name, "parts")] += abs(change)
    total = sum(sizes.values())
    return {kind: size / total for kind, size in sizes.items()} if total > 0 else {}


def mean_share(found: Sequence[Mapping[str, float]], kind: str) -> Estimate:
    """Mean over directions, with a t interval."""
    return mean_estimate(torch.tensor([one[kind] for one in found], dtype=torch.float64))


def row(layer: str, job: Job) -> Row:
    """A layer's numbers."""
    if (empty := empty_cell(job)) is not None:
        return Row([layer], [empty] * 5)
    found, rows = directions(job), job.details.get("directions", ())
    names = [str(one["leading"]).replace("_", " ") for one in rows if one["leading"]]
    link = f"{job.folder.as_posix()}/inspection.html"
    told = ", ".join(dict.fromkeys(names))
    shares = [mean_share(found, kind) for kind in GROUPS]
    return Row([layer], [*shares, sum(bool(one["selective"]) for one in rows), told], link)


def share_excess(
    of: str, kind: str, more: Sequence[Mapping[str, float]], fewer: Sequence[Mapping[str, float]]
) -> Comparison:
    """By how much a kind's share is greater in some directions than in others."""
    first, second = mean_share(more, kind), mean_share(fewer, kind)
    if min(first.n, second.n) < 2:
        return Comparison(of, "open", remark="too few directions")
    half = math.hypot(*((e.ci95[1] - e.ci95[0]) / 2 for e in (first, second)))
    value = first.value - second.value
    estimate = Estimate(value, (value - half, value + half), first.n + second.n)
    return Comparison(of, decided(estimate), estimate)


def shares_chart(done: Mapping[str, Job]) -> Figure:
    """The three shares over the layers."""
    series = [
        Series(
            kind,
            Curve.of({i + 1.0: mean_share(directions(job), kind) for i, job in enumerate(jobs)}),
            ROLES[kind],
        )
        for jobs in [list(done.values())]
        for kind in GROUPS
    ]
    names = ", ".join(done)
    title = "Kinds of change over the layers"
    drawn = line_chart(series, title, "layer", "share of all changes of attributes")
    return Figure("shares", f"{title}: {names}; bands 95 % intervals over directions.", drawn)
