"""Editing in Style (Collins et al. 2020): Figures 3, 5, 7, Table 1, Appendix B, made again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.metrics.base import Estimate
from pipeline.report.charts import Role, Series, line_chart
from pipeline.report.content import Curve
from pipeline.report.jobs import Job
from pipeline.report.numbers import format_estimate
from pipeline.report.tables import Cell, Column, Missing, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction, Verdict

WAYS: Mapping[str, Role] = {
    "sequential": "inside",
    "simultaneous": "outside",
    "global": "plain",
}
CLAIMED = ("sequential:simultaneous", "simultaneous:global")
EMBEDDED = (
    "The generator is the embedded domain's StyleGAN2, of 64 pixels and 1264 style channels; the "
    "paper's are StyleGANs of 1024 and 256 pixels."
)
MASK = "Inside is where the target's clusters of the part are; the mask of the blending, likewise."
Rows = Mapping[str, Any]


class Figure7(Reproduction):
    """Where transfers change images, and the change outside at an equal change inside."""

    name = "editing_in_style/figure7"
    title = "Editing in Style, Figure 7: locality of global, simultaneous and sequential transfer"
    about = (
        EMBEDDED,
        MASK,
        "In- and Out-MSE are per pixel and channel on RGB in [0, 1]; the paper does not say how "
        "it normalises them. Curves are means over pairs, compared at five levels of the In-MSE "
        "that all three reach, by a bootstrap over pairs.",
    )

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """Ratios at an equal change inside; and every point of the curves."""
        notes = ["The paper draws curves and prints no numbers.", *_absent(jobs)]
        ratios = [Row([part, *pair.split(":")], _ratio(row)) for part, pair, row in _pairs(jobs)]
        columns = [
            Column("out_ratio", "Out-MSE, first over second"),
            Column("level_low", "In-MSE from"),
            Column("level_high", "to"),
        ]
        heads = ("part", "first", "second")
        title = "Change outside at an equal change inside: below 1 the first is more local"
        points = [
            Row([part, way, f"{p['setting']:g}"], [_estimate(p["mse_in"]), _estimate(p["mse_out"])])
            for part, way, curve in _curves(jobs)
            for p in curve
        ]
        errors = [Column("mse_in", "In-MSE"), Column("mse_out", "Out-MSE")]
        return [
            Table(title, heads, columns, ratios or [_nothing(jobs, 3, 3)], notes),
            Table("Curves", ("part", "way", "λ or ε"), errors, points or [_nothing(jobs, 3, 2)]),
        ]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """The order of the three ways, part by part."""
        rows = {(part, pair): row for part, pair, row in _pairs(jobs)}
        parts = list(dict.fromkeys([*(part for part, _ in rows), *_lacking(jobs)]))
        return [
            self._claim(part, pair, rows.get((part, pair)), _why(jobs, part))
            for part in parts or ["mouth", "eyes", "hair"]
            for pair in CLAIMED
        ]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """(a) error maps, (b, c) curves."""
        return [*_sheets(jobs, "a: where images change", ["maps"]), *self._charts(jobs)]

    def _claim(self, part: str, pair: str, row: Rows | None, why: str) -> Claim:
        first, second = pair.split(":")
        text = f"{part}: at an equal change inside, {first} changes the outside less than {second}"
        if row is None:
            return Claim(text, "not decided", why)
        ratio = _estimate(row["overall"])
        low, high = ratio.ci95
        verdict: Verdict = "not decided"
        if high < 1 or low > 1:
            verdict = "holds" if high < 1 else "does not hold"
        evidence = f"Out-MSE {format_estimate(ratio)} times that of {second}, {ratio.n} pairs"
        return Claim(text, verdict, evidence, {"overall": row["overall"], "ratios": row["ratios"]})

    def _charts(self, jobs: Sequence[Job]) -> Iterator[Figure]:
        curves: dict[str, list[Series]] = {}
        for part, way, points in _curves(jobs):
            if way in WAYS:
                curves.setdefault(part, []).append(Series(way, _curve(points), WAYS[way]))
        for part, series in curves.items():
            reach = min(max(s.curve.strengths) for s in series)
            shown = [Series(s.label, _up_to(s.curve, 1.5 * reach), s.role) for s in series]
            title = f"{part}: Out-MSE over In-MSE"
            chart = line_chart(shown, title, "In-MSE", "Out-MSE", round_ticks=True)
            caption = f"{part}: means over pairs; the lower curve leaves more as it was"
            yield Figure(f"curves_{part}", caption, chart, "b, c: change inside and outside")


class Table1(Reproduction):
    """Fréchet distances of edited images."""

    name = "editing_in_style/table1"
    title = "Editing in Style, Table 1: do edited images look less like the data?"
    about = (
        EMBEDDED,
        MASK,
        "The distance is the embedded domain's, no FID. The interval of a change is that of the "
        "difference on the same samples. Not significant is not the same as none: the change's "
        "interval says how large it may be.",
    )

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """A row per edit; the paper's numbers are not in the text at hand."""
        notes = ["The numbers of the paper are not in its text as it is at hand.", *_absent(jobs)]
        rows = [Row(_named(label), self._cells(row)) for label, row in _distances(jobs)]
        columns = [
            Column("distance", "distance to the data", better="lower"),
            Column("change", "less the unedited images'"),
            Column("beyond", "less that of sequential transfer"),
            Column("drift", "distance to the unedited images"),
            Column("reported", "reported FID"),
        ]
        heads = ("edit", "part", "setting")
        return [Table(self.title, heads, columns, rows or [_nothing(jobs, 3, 5)], notes)]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """Not significantly different from unedited; feature blending reaches the same."""
        rows = [(label, row) for label, row in _distances(jobs) if label != "unedited"]
        texts = (
            "distance to the data not significantly different from that of unedited images",
            "distance to the data not significantly different from that of sequential transfer",
        )
        found = [
            _no_difference(f"{_edit(label)}: {text}", estimates[kind], estimates["distance"])
            for kind, text in zip(("change", "beyond"), texts, strict=True)
            for label, estimates in ((label, _by_kind(row)) for label, row in rows)
            if kind in estimates
        ]
        return found or [
            Claim(f"edited images: {text}", "not decided", _why(jobs, "")) for text in texts
        ]

    def _cells(self, row: Rows) -> list[Cell]:
        found = _by_kind(row)
        return [*(found.get(kind) for kind in ("distance", "change", "beyond", "drift")), None]


class Sheets(Reproduction):
    """What the figures share that are pictures alone."""

    what: str

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """What the pictures were made with."""
        columns = [Column("layer"), Column("clusters"), Column("pictures")]
        rows = [
            Row(
                [job.folder.as_posix()],
                [job.details["layer"], job.details["clusters"], len(_pngs(job))],
            )
            for job in _done(jobs)
        ]
        notes = ["The paper shows pictures and no numbers.", *_absent(jobs)]
        return [Table(self.title, ("job",), columns, rows or [_nothing(jobs, 1, 3)], notes)]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """None: pictures are for looking at."""
        return []

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """The sheets of all jobs."""
        names = [name for job in _done(jobs) for name in _pngs(job)]
        return list(_sheets(jobs, self.what, list(dict.fromkeys(names))))


class Figure3(Sheets):
    """Parts of references on targets."""

    name = "editing_in_style/figure3"
    title = "Editing in Style, Figures 3, 4 and 6: parts of references on targets"
    about = (EMBEDDED,)
    what = "rows: the part that is taken; columns: from whom"


class Figure5(Sheets):
    """Sequential querying beside blending."""

    name = "editing_in_style/figure5"
    title = "Editing in Style, Figure 5: sequential transfer, feature blending, Poisson blending"
    about = (EMBEDDED, "The mask of both ways of blending is the target's.")
    what = "rows: pairs; columns: ways"


class AppendixB(Sheets):
    """Errors of the images of Figure 3."""

    name = "editing_in_style/appendix_b"
    title = "Editing in Style, Appendix B: squared CIELAB errors against the target"
    about = (EMBEDDED,)
    what = "rows: the part that is taken; columns: from whom"


def _done(jobs: Sequence[Job]) -> list[Job]:
    return [job for job in jobs if job.problem is None]


def _estimate(row: Rows) -> Estimate:
    value, low, high = (
        float("nan") if x is None else float(x) for x in (row["value"], *row["ci95"])
    )
    return Estimate(value, (low, high), int(row["n"]))


def _pairs(jobs: Sequence[Job]) -> Iterator[tuple[str, str, Rows]]:
    """Part, two ways and their comparison; of several jobs the first that has it."""
    seen = set()
    for job in _done(jobs):
        for part, rows in job.details.get("comparisons", {}).items():
            for pair, row in rows.items():
                if (part, pair) not in seen:
                    seen.add((part, pair))
                    yield part, pair, row


def _curves(jobs: Sequence[Job]) -> Iterator[tuple[str, str, Sequence[Rows]]]:
    """Part, way and points, likewise."""
    seen = set()
    for job in _done(jobs):
        for part, rows in job.details.get("curves", {}).items():
            for way, points in rows.items():
                if (part, way) not in seen:
                    seen.add((part, way))
                    yield part, way, points


def _distances(jobs: Sequence[Job]) -> Iterator[tuple[str, Rows]]:
    """Label and distances, likewise."""
    seen = set()
    for job in _done(jobs):
        for label, row in job.details.get("distances", {}).items():
            if label not in seen:
                seen.add(label)
                yield label, row


def _by_kind(row: Rows) -> dict[str, Estimate]:
    """A row's numbers by what they are, whatever network made the features."""
    endings = {"_change": "change", "_beyond_sequential": "beyond", "_unedited": "drift"}
    found = {}
    for name, value in row.items():
        kind = next((k for ending, k in endings.items() if name.endswith(ending)), "distance")
        found[kind] = _estimate(value)
    return found


def _edit(label: str) -> str:
    way, part, _ = _named(label)
    return f"{part}, {way}"


def _no_difference(text: str, change: Estimate, distance: Estimate) -> Claim:
    """A claim that a distance is no other: holds where the interval of the change holds 0."""
    low, high = change.ci95
    verdict: Verdict = "not decided"
    if low == low:  # no interval is NaN
        verdict = "holds" if low <= 0 <= high else "does not hold"
    evidence = (
        f"distance {format_estimate(distance)}, by {format_estimate(change)} the greater; "
        f"{change.n} images"
    )
    numbers = {
        name: {"value": e.value, "ci95": list(e.ci95), "n": e.n}
        for name, e in (("distance", distance), ("change", change))
    }
    return Claim(text, verdict, evidence, numbers)


def _named(label: str) -> list[str]:
    """Way, part and setting of a label."""
    way, *rest = label.split("/")
    part = rest[0] if len(rest) == 2 else "all" if rest else ""
    return [way.replace("_", " "), part, rest[-1] if rest else ""]


def _ratio(row: Rows) -> list[Cell]:
    return [_estimate(row["overall"]), float(row["levels"][0]), float(row["levels"][-1])]


def _curve(points: Sequence[Rows]) -> Curve:
    return Curve.of({p["mse_in"]["value"]: _estimate(p["mse_out"]) for p in points})


def _up_to(curve: Curve, most: float) -> Curve:
    """The points of a curve up to an In-MSE, so that the part that is compared has room."""
    rows = zip(curve.strengths, curve.estimates(), strict=True)
    return Curve.of({x: estimate for x, estimate in rows if x <= most})


def _pngs(job: Job) -> list[str]:
    return sorted(path.stem for path in job.path.glob("*.png"))


def _sheets(jobs: Sequence[Job], heading: str, names: Sequence[str]) -> Iterator[Figure]:
    done = _done(jobs)
    for job in done:
        for name in names:
            path = job.path / f"{name}.png"
            if path.is_file():
                own = f"{name}_{job.folder.as_posix().replace('/', '_')}" if done[1:] else name
                yield Figure(own, name.replace("_", " "), path, heading)


def _lacking(jobs: Sequence[Job]) -> dict[str, str]:
    """Parts that the catalog of a job had no clusters of, and why."""
    return {k: why for job in _done(jobs) for k, why in job.details.get("absent", {}).items()}


def _absent(jobs: Sequence[Job]) -> list[str]:
    return [f"{part} is left out: {why}." for part, why in _lacking(jobs).items()]


def _why(jobs: Sequence[Job], part: str) -> str:
    """Why there is no number."""
    problems = [job.problem for job in jobs if job.problem is not None]
    return _lacking(jobs).get(part) or (problems[0] if problems else "no job measured it")


def _nothing(jobs: Sequence[Job], labels: int, cells: int) -> Row:
    return Row([""] * labels, [Missing(_why(jobs, ""))] * cells)
