"""Style Intervention (Liu et al. 2020): Figures 2, 5 and 6, made again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.report.charts import Series, line_chart
from pipeline.report.content import Curve
from pipeline.report.jobs import Job
from pipeline.report.tables import Cell, Column, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction, Verdict
from pipeline.reproductions.style_intervention import as_estimate, cell, done, undecided


class Course(Reproduction):
    """What Figures 5 and 6 share: curves of the jobs of ``task=intervention_course``."""

    def curve(self, job: Job, name: str, places: Sequence[float]) -> Curve:
        """One of a job's curves."""
        rows = map(as_estimate, job.details["curves"][name])
        return Curve.of(dict(zip(places, rows, strict=True)))

    def attribute(self, job: Job) -> str:
        """What a job edited."""
        return str(job.details.get("attribute", job.overrides.get("attribute", "?")))

    def picture(self, job: Job, name: str, caption: str) -> Iterator[Figure]:
        """A sheet that a job left, if it did."""
        path = job.path / f"{name}.png"
        if path.exists():
            yield Figure(f"{name}_{self.attribute(job)}", caption, path)


class Figure6(Course):
    """Errors and images after each layer."""

    name = "style_intervention/figure6"
    title = "Style Intervention, Figure 6: after each layer of the optimisation"
    about = ("The first place is the edit in Z; the error is of images in [0, 1].",)

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """Errors before and after, and how many images' errors fell all the way."""
        names = (
            "mse_outside_latent", "mse_outside_final", "monotone_outside",
            "mse_whole_latent", "mse_whole_final", "monotone_whole",
            "change_latent", "change_final",
        )  # fmt: skip
        columns = [Column(name, name.replace("_", " ")) for name in names]
        rows = [
            Row([self.attribute(job)], [cell(job, name) for name in names], None) for job in jobs
        ]
        return [Table(self.title, ("attribute",), columns, rows)]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """The error drops monotonically."""
        return [self._claim(job, kind) for job in jobs for kind in ("outside", "whole")]

    def _claim(self, job: Job, kind: str) -> Claim:
        where = "outside of the part" if kind == "outside" else "over the whole image"
        text = f"{self.attribute(job)}: the squared error {where} drops after every layer"
        if job.problem is not None:
            return undecided(text, job.problem)
        means = [row[0] for row in job.details["curves"][f"layers.{kind}"]]
        falls = all(
            after <= before * 1.001 for before, after in zip(means, means[1:], strict=False)
        )
        share = job.metrics[f"monotone_{kind}"]
        evidence = (
            f"on average over {share.n} images from {means[0]:.5f} to {means[-1]:.5f}, "
            f"{'never rising' if falls else 'rising in between'}; for {share.value:.0%} "
            f"({share.ci95[0]:.0%} to {share.ci95[1]:.0%}) of the images it never rises"
        )
        verdict: Verdict = "holds" if falls and share.ci95[0] > 0.5 else "does not hold"
        return Claim(text, verdict, evidence, {"means": means, "share": share.value})

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """The curve over the layers, and the images."""
        found = []
        for job in done(jobs):
            places = list(range(len(job.details["layers"])))
            series = [
                Series("outside", self.curve(job, "layers.outside", places), "outside"),
                Series("whole", self.curve(job, "layers.whole", places)),
            ]
            chart = line_chart(series, "Error after each layer", "layers solved", "MSE")
            about = f"{self.attribute(job)}: error after each layer; 0 is the edit in Z."
            found.append(Figure(f"error_{self.attribute(job)}", about, chart))
            found += self.picture(job, "layers", f"{self.attribute(job)}: after each layer.")
        return found


class Figure5(Course):
    """Interpolation along the displacement."""

    name = "style_intervention/figure5"
    title = "Style Intervention, Figure 5: interpolation along the displacement"
    about = ("A strength of 1 is the edit as it was solved; nothing is solved in between.",)

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """Change and error outside along both lines."""
        columns = [
            Column("strength", "strength"),
            Column("change", "change", "standard deviations"),
            Column("outside", "MSE outside", "", "lower"),
        ]
        rows = [
            Row([self.attribute(job), line], [place, *self._at(job, key, i)], None)
            for job in done(jobs)
            for line, key in (("latent edit", "latent"), ("ours", "merged"))
            for i, place in enumerate(job.details["multiples"])
        ]
        return [Table(self.title, ("attribute", "line"), columns, rows)]

    def _at(self, job: Job, line: str, index: int) -> list[Cell]:
        curves = job.details["curves"]
        return [as_estimate(curves[f"{line}.{kind}"][index]) for kind in ("change", "outside")]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """Smooth, and still confined to the part."""
        return [claim for job in jobs for claim in self._claims(job)]

    def _claims(self, job: Job) -> list[Claim]:
        name = self.attribute(job)
        smooth = f"{name}: the attribute changes steadily along the displacement"
        local = f"{name}: along the displacement less changes outside than along the Z edit"
        if job.problem is not None:
            return [undecided(smooth, job.problem), undecided(local, job.problem)]
        curves = job.details["curves"]
        changes = [row[0] for row in curves["merged.change"]]
        rising = all(b > a for a, b in zip([0.0, *changes], changes, strict=False))
        pairs = list(zip(curves["merged.outside"], curves["latent.outside"], strict=True))
        below = all(ours[2] < latent[1] for ours, latent in pairs)
        above = any(ours[1] > latent[2] for ours, latent in pairs)
        places = ", ".join(f"{c:.2f}" for c in changes)
        ratios = [latent[0] / ours[0] for ours, latent in pairs if ours[0] > 0]
        verdict: Verdict = "holds" if below else "does not hold" if above else "not decided"
        evidence = f"the Z edit's error is {min(ratios):.1f} to {max(ratios):.1f} times ours"
        return [
            Claim(smooth, "holds" if rising else "does not hold", f"changes {places}"),
            Claim(local, verdict, evidence, {"ratios": ratios}),
        ]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """The error outside over the strength, and the images."""
        found = []
        for job in done(jobs):
            places = job.details["multiples"]
            series = [
                Series("ours", self.curve(job, "merged.outside", places), "inside"),
                Series("latent edit", self.curve(job, "latent.outside", places), "outside"),
            ]
            chart = line_chart(series, "Error outside", "strength", "MSE outside")
            about = f"{self.attribute(job)}: error outside of the part."
            found.append(Figure(f"outside_{self.attribute(job)}", about, chart))
            found += self.picture(job, "interpolation", f"{self.attribute(job)}: both lines.")
        return found


class Figure2(Reproduction):
    """Which channels lie on which part."""

    name = "style_intervention/figure2"
    title = "Style Intervention, Figure 2: feature maps and parts"
    about = ("Intersection over union of a channel's top 5 % activations with a part, mean.",)
    ALIGNED = 0.3  # an overlap that the eye takes for the part; chance is about 0.03

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """The best channel of every part: where it is, and its overlap in every layer."""
        jobs = done(jobs)[:1]
        if not jobs:
            return [Table(self.title, ("part",), [Column("best")], [])]
        parts = jobs[0].details["parts"]
        layers = [row["layer"] for row in next(iter(parts.values()))["layers"]]
        columns = [Column("best", "best channel"), *(Column(layer) for layer in layers)]
        rows = [
            Row([part], [_best_channel(entry["layers"]), *(r["iou"] for r in entry["layers"])])
            for part, entry in parts.items()
        ]
        return [Table(self.title, ("part",), columns, rows)]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """Single channels follow parts."""
        text = "single feature maps lie where a part lies"
        jobs = done(jobs)[:1]
        if not jobs:
            return [undecided(text, "no job is done")]
        parts = jobs[0].details["parts"]
        best = {p: max(row["iou"] for row in entry["layers"]) for p, entry in parts.items()}
        aligned = [part for part, value in best.items() if value >= self.ALIGNED]
        verdict: Verdict = "holds" if 2 * len(aligned) >= len(best) else "does not hold"
        evidence = f"an overlap of at least {self.ALIGNED:g} for {', '.join(aligned) or 'no part'}"
        return [Claim(text, verdict, evidence, {"best": best})]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """The sheet."""
        paths = (job.path / "channels.png" for job in done(jobs)[:1])
        return [Figure("channels", "Top activations.", path) for path in paths if path.exists()]


def _best_channel(rows: Sequence[Mapping[str, Any]]) -> str:
    top = max(rows, key=lambda row: float(row["iou"]))
    return f"{top['layer']}_{top['channel']}"
