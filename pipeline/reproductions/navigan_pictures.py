"""NaviGAN (Cherepkov et al. 2021): Figures 9 and 10 (photographs), and Section 4.7 (other GANs)."""

from collections.abc import Sequence

from pipeline.report.jobs import Job
from pipeline.report.tables import Cell, Column, Missing, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction
from pipeline.reproductions.cells import attribute_change, by_cell, empty_cell, measured_name
from pipeline.reproductions.comparing import Comparison, claim, decided
from pipeline.reproductions.navigan_courses import targets

ENOUGH = 0.5  # of the change that the edit was calibrated to on sampled codes


class Figure9(Reproduction):
    """Shifts of weights applied to pictures that were inverted into W+."""

    name = "navigan/figure9"
    title = "NaviGAN, Figures 9 and 10: edits of inverted pictures"
    about = (
        "The pictures are renders that the generator has not been trained on, inverted into W+; "
        "edits were found and calibrated on sampled codes.",
    )

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """What the edits do to inverted pictures, and how alike those are to the pictures."""
        identity = measured_name(jobs, "id", "id_embedded")
        names = ("mse_in", "mse_out", identity)
        columns = [
            Column("change", "change of the attribute", "standard deviations"),
            Column("wanted", "on sampled codes", "standard deviations"),
            *map(Column.of_metric, names),
            Column("psnr", "reconstruction", "dB", "higher"),
        ]
        rows = [row(target, job, names) for (target,), job in by_cell(jobs, "target").items()]
        notes = [*self.about, "The paper shows images alone."]
        return [Table(self.title, ("target",), columns, rows, notes)]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """Pictures change as sampled codes do."""
        cells = by_cell(jobs, "target")
        compared = [transferred(target, cells[(target,)]) for target in targets(jobs)]
        text = "shifts of weights edit pictures inverted into W+ as they edit sampled codes"
        by = f"change of the attribute over that of sampled codes, against {ENOUGH:g}"
        return [claim(text, compared, by)]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """The pictures beside their reconstructions, and the edits."""
        names = {"reconstructions": "pictures and reconstructions", "strips": "edits over strength"}
        return [
            Figure(f"{target}_{name}", f"{target}: {said}", path, target)
            for (target,), job in by_cell(jobs, "target").items()
            for name, said in names.items()
            if (path := job.path / f"{name}.png").is_file()
        ]


def row(target: str, job: Job, names: Sequence[str]) -> Row:
    """A job's numbers."""
    if (empty := empty_cell(job)) is not None:
        return Row([target], [empty] * (len(names) + 3))
    quality = job.details.get("inversion", {}).get("quality", {}).get("psnr", {})
    numbers: list[Cell] = [job.metrics.get(name, Missing("not measured")) for name in names]
    link = f"{job.folder.as_posix()}/report.html" if job.report else None
    change = attribute_change(job)
    return Row([target], [change, job.details.get("change"), *numbers, quality.get("value")], link)


def transferred(target: str, job: Job) -> Comparison:
    """Whether pictures change by at least half as much as sampled codes do."""
    change = None if job.problem is not None else attribute_change(job)
    if change is None:
        return Comparison(target, "open", remark=job.problem or "no attribute was read")
    wanted = float(job.details.get("change", 1.0))
    ends = sorted(end / wanted for end in change.ci95)
    share = type(change)(change.value / wanted, (ends[0], ends[1]), change.n)
    return Comparison(target, decided(share, ENOUGH), share)


class OtherGenerators(Reproduction):
    """Directions in the weights of another kind of generator, as sheets."""

    kind: str
    about = (
        "The paper shows directions as images and names no numbers. Here the small generator of "
        "the embedded domain stands for the large one.",
    )

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """What the directions of every layer and method move."""
        columns = [
            Column("selective", "selective directions"),
            Column("directions", "directions"),
            Column("names", "attributes moved selectively"),
            Column("leading", "attributes moved most"),
        ]
        cells = by_cell(jobs, "layer", "method")
        rows = [self._row(cell, job) for cell, job in cells.items()]
        return [Table(self.title, ("layer", "method"), columns, rows, self.about)]

    def _row(self, cell: tuple[str, ...], job: Job) -> Row:
        if (empty := empty_cell(job)) is not None:
            return Row(cell, [empty] * 4)
        rows = job.details.get("directions", ())
        told = [
            ", ".join(dict.fromkeys(str(r["leading"]).replace("_", " ") for r in some))
            for some in ([r for r in rows if r["selective"]], rows)
        ]
        link = f"{job.folder.as_posix()}/inspection.html"
        chosen = sum(bool(r["selective"]) for r in rows)
        return Row(cell, [chosen, len(rows), told[0] or "none", told[1]], link)

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """There are directions to be found."""
        text = f"directions in the weights of {self.kind} change single attributes"
        done = [job for job in jobs if job.problem is None]
        rows = [r for job in done for r in job.details.get("directions", ())]
        chosen = [r for r in rows if r["selective"]]
        if not rows:
            return [Claim(text, "not decided", "not there yet")]
        named = ", ".join(dict.fromkeys(str(r["leading"]).replace("_", " ") for r in chosen))
        evidence = f"{len(chosen)} of {len(rows)} directions are selective: {named or 'none'}"
        numbers = {"selective": len(chosen), "directions": len(rows)}
        return [Claim(text, "holds" if chosen else "does not hold", evidence, numbers)]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """The sheet of every job."""
        return [
            Figure("_".join(cell).replace(".", "_"), ", ".join(cell), path)
            for cell, job in by_cell(jobs, "layer", "method").items()
            if (path := job.path / "directions.png").is_file()
        ]


class BigGAN(OtherGenerators):
    """Section 4.7 and Figure 21, below."""

    name = "navigan/biggan"
    title = "NaviGAN, Section 4.7: directions in the weights of BigGAN"
    kind = "BigGAN"


class Pix2PixHD(OtherGenerators):
    """Section 4.7 and Figure 21, above."""

    name = "navigan/pix2pixhd"
    title = "NaviGAN, Section 4.7: directions in the weights of pix2pixHD"
    kind = "pix2pixHD"
