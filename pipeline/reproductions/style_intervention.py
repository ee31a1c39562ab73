"""Style Intervention (Liu et al. 2020): Tables 1 to 3, made again; the figures are next door."""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from pipeline.datasets.procfaces.factors import FACTORS
from pipeline.metrics.attribute_change import UNWANTED
from pipeline.metrics.base import Estimate
from pipeline.report.charts import Series, line_chart
from pipeline.report.content import Curve
from pipeline.report.jobs import Job
from pipeline.report.tables import Cell, Column, Missing, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction, Verdict, reported

NAMES = {
    "gender": "masculinity",
    "age": "age",
    "smile": "smile",
    "eyeglasses": "glasses",
    "mouth_open": "mouth_open",
    "bangs": "bangs",
    "grey_hair": "hair_grey",
    "straight_hair": "hair_wave",
    "beard": "beard",
}
"""Attributes of the paper and what they are called in the embedded domain."""

METHODS = {
    "hyperplane_z": "z_space",
    "hyperplane_w": "w_space",
    "interfacegan": "interfacegan",
    "style_intervention": "style_intervention",
}
"""Methods of Table 2 and their rows in the paper."""

OURS = "style_intervention"
ACCURATE, SPARSE = 0.90, 0.80  # what Table 1 must show on the geometric attributes
MATCHED = 0.2  # relative difference of two changes of the attribute that still compare
GEOMETRIC = {factor.name for factor in FACTORS if factor.kind == "geometry"}


def as_estimate(values: Sequence[Any]) -> Estimate:
    """An estimate as details hold it: value, interval, n; null is NaN."""
    value, low, high, n = (math.nan if x is None else x for x in values)
    return Estimate(value, (low, high), int(n))


def done(jobs: Sequence[Job]) -> list[Job]:
    """The jobs that left numbers."""
    return [job for job in jobs if job.problem is None]


def undecided(text: str, why: str) -> Claim:
    """A claim that nothing can be said of."""
    return Claim(text, "not decided", why)


class Table1(Reproduction):
    """Accuracy and sparsity of the hyperplanes, for all attributes."""

    name = "style_intervention/table1"
    title = "Style Intervention, Table 1: separability of the style space"
    about = (
        "The generator is the embedded domain's, of 1264 style channels; the paper's has 9088.",
        "Labels are those of the embedded regressor; each class is the extreme of all samples.",
        "Reported columns are the paper's, for the attributes that the domain has as well.",
        "All layers read one w here, and s is an affine image of it: S separates what W separates.",
    )

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """One row per attribute: S, its sparsity, Z and W, and the paper's numbers."""
        known = {NAMES.get(name, name): row for name, row in reported.get("rows", {}).items()}
        rows = [self._row(row, known.get(row["attribute"])) for row in self._rows(jobs)]
        seen = {row["attribute"] for row in self._rows(jobs)}
        rows += [self._absent(name, row) for name, row in known.items() if name not in seen]
        return [Table(self.title, ("attribute",), self._columns(), rows, self._notes(jobs))]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """Separable, and by few channels."""
        rows = [row for row in self._rows(jobs) if row["attribute"] in GEOMETRIC]
        texts = (
            f"geometric attributes are linearly separable in S: validation accuracy of at least "
            f"{ACCURATE:.0%}",
            f"few channels separate a geometric attribute: a sparsity of at least {SPARSE:.0%}",
        )
        if not rows:
            return [undecided(text, "no job is done") for text in texts]
        return [
            _all(texts[0], rows, lambda row: row["s"]["validation_accuracy"], ACCURATE),
            _all(texts[1], rows, lambda row: row["s"]["sparsity"], SPARSE),
        ]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """Accuracy and sparsity over C, means over the attributes."""
        rows = self._rows(jobs)
        if not rows:
            return []
        series = [
            Series("train", _over_c(rows, "train_accuracy")),
            Series("validation", _over_c(rows, "validation_accuracy"), "inside"),
            Series("sparsity", _over_c(rows, "sparsity"), "outside"),
        ]
        chart = line_chart(series, "Over C", "log10 C", "share", round_ticks=True)
        caption = f"Means over {len(rows)} attributes; a greater C lets more channels in."
        return [Figure("over_c", caption, chart)]

    def _rows(self, jobs: Sequence[Job]) -> list[Mapping[str, Any]]:
        return [row for job in done(jobs)[:1] for row in job.details.get("rows", ())]

    def _notes(self, jobs: Sequence[Job]) -> list[str]:
        return [
            f"{job.details['samples']} samples, of which {job.details['share']:.0%} with the most "
            f"and {job.details['share']:.0%} with the least of an attribute; labeller: "
            f"{job.details['labeller']}."
            for job in done(jobs)[:1]
        ]

    def _columns(self) -> list[Column]:
        measured = [
            Column("train", "S train", "%", "higher"),
            Column("validation", "S validation", "", "higher"),
            Column("sparsity", "S zeros", "%", "higher"),
            Column("validation_z", "Z validation", "", "higher"),
            Column("validation_w", "W validation", "", "higher"),
        ]
        told = ("train", "validation", "sparsity")
        return [*measured, *(Column(f"reported_{n}", f"reported {n}", "%") for n in told)]

    def _row(self, row: Mapping[str, Any], known: Sequence[float] | None) -> Row:
        s = row["s"]
        cells: list[Cell] = [100 * s["train_accuracy"], as_estimate(s["validation"])]
        cells += [100 * s["sparsity"]]
        cells += [
            as_estimate(row[space]["validation"]) if space in row else Missing("not fitted")
            for space in ("z", "w")
        ]
        told: Sequence[Cell] = known or [None] * 3
        return Row([row["attribute"]], [*cells, *told])

    def _absent(self, name: str, known: Sequence[float]) -> Row:
        return Row([name], [Missing("the domain has no such attribute")] * 5 + list(known))


def _all(
    text: str,
    rows: Sequence[Mapping[str, Any]],
    value: Callable[[Mapping[str, Any]], float],
    least: float,
) -> Claim:
    """Whether a bound holds for every attribute."""
    values = {row["attribute"]: value(row) for row in rows}
    below = {name: v for name, v in values.items() if v < least}
    verdict: Verdict = "does not hold" if below else "holds"
    lowest = min(values, key=lambda name: values[name])
    evidence = (
        f"{len(values) - len(below)} of {len(values)} attributes; the lowest is {lowest} with "
        f"{values[lowest]:.1%}, the mean {fmean(values.values()):.1%}"
    )
    return Claim(text, verdict, evidence, {"values": values, "below": sorted(below)})


def _over_c(rows: Sequence[Mapping[str, Any]], key: str) -> Curve:
    """The mean over the attributes, with the interval of that mean, by the logarithm of C."""
    found: dict[float, list[float]] = {}
    for row in rows:
        for entry in row["sweep"]:
            found.setdefault(math.log10(entry["C"]), []).append(entry[key])
    points = {}
    for place, values in found.items():
        mean = fmean(values)
        spread = math.sqrt(sum((v - mean) ** 2 for v in values) / max(1, len(values) - 1))
        half = 1.96 * spread / math.sqrt(len(values))
        points[place] = Estimate(mean, (mean - half, mean + half), len(values))
    return Curve.of(points)


class Table2(Reproduction):
    """MSE, SSIM and identity of four methods on four attributes; Table 3 as reported."""

    name = "style_intervention/table2"
    title = "Style Intervention, Table 2: what is kept at an equal change of the attribute"
    about = (
        "All methods change the attribute by the same amount, as the domain's regressor reads it; "
        "the paper does not say how its editing strengths were chosen.",
        "The identity is the embedded domain's, a cosine: not comparable with Face++'s confidence.",
    )

    KINDS = ("mse_in", "ssim", "id_embedded")
    LABELS: Mapping[str, str] = {"mse_in": "MSE", "ssim": "SSIM", "id_embedded": "ID (embedded)"}
    TOLD: Mapping[str, str] = {"mse_in": "mse", "ssim": "ssim", "id_embedded": "id"}

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """One row per attribute and method; then the user study."""
        cells = self._cells(jobs)
        attributes = list(dict.fromkeys(attribute for attribute, _ in cells))
        rows = [
            self._row(attribute, method, cells[attribute, method], reported)
            for attribute in attributes
            for method in METHODS
            if (attribute, method) in cells
        ]
        columns = [Column("change", "change", "standard deviations")]
        columns += [Column(k, self.LABELS[k], "", _better(k)) for k in self.KINDS]
        columns += [Column(f"reported_{k}", f"reported {self.TOLD[k].upper()}") for k in self.KINDS]
        return [
            Table(self.title, ("attribute", "method"), columns, rows),
            unwanted(jobs),
            user_study(),
        ]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """Ours keeps most, per attribute and metric."""
        cells = self._cells(jobs)
        attributes = list(dict.fromkeys(attribute for attribute, _ in cells))
        found = [
            self._claim(attribute, kind, cells) for kind in self.KINDS for attribute in attributes
        ]
        study = "users prefer Style Intervention to AttGAN and StarGAN (Table 3)"
        return [*found, undecided(study, "a user study: no program can make it again")]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """Figures 7 and 8: the images of every method."""
        return [
            Figure(
                f"{method}_{attribute}",
                f"{attribute}, {method}: original, and edited.",
                job.path / "strips.png",
                f"Figures 7 and 8: {attribute}",
            )
            for (attribute, method), job in self._cells(jobs).items()
            if job.problem is None and (job.path / "strips.png").exists()
        ]

    def _cells(self, jobs: Sequence[Job]) -> dict[tuple[str, str], Job]:
        keys = ((job, job.overrides.get("attribute"), job.overrides.get("method")) for job in jobs)
        return {(a, m): job for job, a, m in keys if a is not None and m in METHODS}

    def _row(self, attribute: str, method: str, job: Job, told: Reported) -> Row:
        known = told.get("rows", {}).get(METHODS[method], {})
        names = [NAMES.get(name, name) for name in told.get("attributes", ())]
        place = names.index(attribute) if attribute in names else None
        cells: list[Cell] = [self._change(job)]
        cells += [cell(job, kind) for kind in self.KINDS]
        for kind in self.KINDS:
            row = known.get(self.TOLD[kind])
            cells.append(None if place is None or row is None else float(row[place]))
        return Row([attribute, method], cells, self._link(job))

    def _link(self, job: Job) -> str | None:
        return f"{job.folder.as_posix()}/report.html" if job.report else None

    def _change(self, job: Job) -> Cell:
        """How far the attribute itself was moved."""
        if job.problem is not None:
            return Missing(job.problem)
        moved = job.details["attributes"][job.overrides["attribute"]]
        return Estimate(moved["value"], (moved["ci95"][0], moved["ci95"][1]), moved["n"])

    def _claim(self, attribute: str, kind: str, cells: Mapping[tuple[str, str], Job]) -> Claim:
        """Whether ours is better than each of the others, at a like change of the attribute."""
        wanted = "least" if _better(kind) == "lower" else "greatest"
        text = f"{attribute}: Style Intervention has the {wanted} {self.LABELS[kind]} of the four"
        missing = [m for m in METHODS if (attribute, m) not in cells or cells[attribute, m].problem]
        if missing:
            return undecided(text, f"not there: {', '.join(missing)}")
        values = {method: _value(cells[attribute, method], kind) for method in METHODS}
        changes = {method: _moved(cells[attribute, method]) for method in METHODS}
        verdicts = {
            method: _compared(values[OURS], values[method], changes[OURS], changes[method], kind)
            for method in METHODS
            if method != OURS
        }
        ours = values[OURS]
        others = ", ".join(
            f"{method} {values[method].value:.4g} ({verdict})"
            for method, verdict in verdicts.items()
        )
        interval = f"{ours.ci95[0]:.4g} to {ours.ci95[1]:.4g}"
        numbers = {
            "values": {method: value.value for method, value in values.items()},
            "change": {method: change.value for method, change in changes.items()},
        }
        verdict = _joined(list(verdicts.values()))
        return Claim(text, verdict, f"{ours.value:.4g} ({interval}) against {others}", numbers)


def _better(kind: str) -> Any:
    return "lower" if kind == "mse_in" else "higher"


def cell(job: Job, kind: str) -> Cell:
    """One of a job's numbers, or why it is missing."""
    if job.problem is not None:
        return Missing(job.problem)
    return job.metrics.get(kind, Missing("not measured"))


def _value(job: Job, kind: str) -> Estimate:
    return job.metrics.get(kind, Estimate(math.nan, (math.nan, math.nan), 0))


def _moved(job: Job) -> Estimate:
    moved = job.details["attributes"][job.overrides["attribute"]]
    return Estimate(moved["value"], (moved["ci95"][0], moved["ci95"][1]), moved["n"])


def _compared(ours: Estimate, other: Estimate, mine: Estimate, theirs: Estimate, kind: str) -> str:
    """A verdict on one pair: ``better``, ``worse``, or why there is none."""
    if theirs.value < (1 - MATCHED) * mine.value:
        return "changes the attribute less"
    if mine.value < (1 - MATCHED) * theirs.value:
        return "changes the attribute more"
    sign = 1 if _better(kind) == "higher" else -1
    if sign * ours.ci95[0] > sign * other.ci95[0] and _apart(ours, other):
        return "better"
    return "worse" if _apart(ours, other) else "overlaps"


def _apart(a: Estimate, b: Estimate) -> bool:
    return a.ci95[1] < b.ci95[0] or b.ci95[1] < a.ci95[0]


def _joined(verdicts: Sequence[str]) -> Verdict:
    if "worse" in verdicts:
        return "does not hold"
    return "holds" if all(verdict == "better" for verdict in verdicts) else "not decided"


def unwanted(jobs: Sequence[Job]) -> Table:
    """Figures 7 and 8 in numbers: what else every edit changes, as the regressor reads it."""
    columns = [
        Column("wanted", "wanted change", "standard deviations"),
        Column("count", f"others that change by {UNWANTED:g} or more", "", "lower"),
        Column("which", "the greatest of them"),
    ]
    rows = []
    for job in done(jobs):
        attribute = job.overrides.get("attribute", "")
        changes = {name: e["value"] for name, e in job.details["attributes"].items()}
        others = {n: v for n, v in changes.items() if n != attribute and abs(v) >= UNWANTED}
        greatest = sorted(others, key=lambda name: -abs(others[name]))[:3]
        told = ", ".join(f"{name} {others[name]:+.2f}" for name in greatest)
        labels = [attribute, job.overrides.get("method", "")]
        rows.append(Row(labels, [changes.get(attribute), len(others), told or "none"]))
    title = "Style Intervention, Figures 7 and 8: unwanted changes of attributes"
    return Table(title, ("attribute", "method"), columns, rows)


def user_study() -> Table:
    """Table 3 as the paper reports it."""
    rows = reported("style_intervention/table3").get("rows", {})
    names = list(next(iter(rows.values()), {}))
    columns = [Column(name, name.replace("_", " "), "% of votes") for name in names]
    return Table(
        "Style Intervention, Table 3: user study, as reported (not reproducible by a program)",
        ("against",),
        columns,
        [Row([k.removeprefix("vs_")], [float(row[n]) for n in names]) for k, row in rows.items()],
    )
