"""Style Intervention (Liu et al. 2020), Figures 4, 7 and 8: sheets with unwanted changes marked."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from pipeline.array_files import read_arrays
from pipeline.metrics.attribute_change import UNWANTED
from pipeline.metrics.base import Estimate
from pipeline.report.images import png_bytes
from pipeline.report.jobs import Job
from pipeline.report.sheets import Note, contact_sheet
from pipeline.report.tables import Column, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction, Verdict
from pipeline.reproductions.style_intervention import OURS, cell, done, undecided

MARKED = 2  # unwanted changes named below an image, the greatest first


class Sheets(Reproduction):
    """What edits change of single faces, in pictures and in numbers."""

    about = (
        "In green the change of the wanted attribute, in standard deviations of the data; in red "
        f"the greatest others that change by {UNWANTED:g} or more. The embedded regressor reads "
        "them, the paper's authors marked them by eye.",
        "Every method changes the attribute by the same amount on average.",
    )

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """The change of the attribute, and how many others of an image change with it."""
        columns = [
            Column("change", "change", "standard deviations"),
            Column("unwanted", f"others by {UNWANTED:g} or more, per image", "", "lower"),
        ]
        rows = [
            Row([_attribute(job), _method(job)], [cell(job, "change"), cell(job, "unwanted")], None)
            for job in jobs
        ]
        return [Table(self.title, ("attribute", "method"), columns, rows)]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """Ours changes fewer other attributes than each of the rest."""
        attributes = dict.fromkeys(_attribute(job) for job in jobs)
        of = {a: {_method(j): j for j in jobs if _attribute(j) == a} for a in attributes}
        return [
            self._claim(attribute, method, of[attribute])
            for attribute in attributes
            for method in dict.fromkeys(_method(job) for job in jobs)
            if method != OURS
        ]

    def _claim(self, attribute: str, other: str, jobs: Mapping[str, Job]) -> Claim:
        text = f"{attribute}: Style Intervention changes fewer other attributes than {other}"
        for method in (OURS, other):
            if method not in jobs or jobs[method].problem is not None:
                return undecided(text, f"not there: {method}")
        ours, theirs = (jobs[method].metrics["unwanted"] for method in (OURS, other))
        evidence = f"{_told(ours)} per image against {_told(theirs)}, {ours.n} images"
        verdict: Verdict = "not decided"
        if ours.ci95[1] < theirs.ci95[0]:
            verdict = "holds"
        elif theirs.ci95[1] < ours.ci95[0]:
            verdict = "does not hold"
        return Claim(text, verdict, evidence, {OURS: ours.value, other: theirs.value})

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """A sheet per attribute: faces down, methods across."""
        ready = [job for job in done(jobs) if read_arrays(job.path)]
        found = []
        for attribute in dict.fromkeys(_attribute(job) for job in ready):
            of_it = [job for job in ready if _attribute(job) == attribute]
            heads = [_method(job) for job in of_it]
            found.append(
                _sheet(attribute, of_it, heads, f"{attribute}: what every method changes.")
            )
        return found


class Figure7(Sheets):
    """Beside editing in Z and InterFaceGAN."""

    name = "style_intervention/figure7"
    title = "Style Intervention, Figure 7: beside editing in Z and InterFaceGAN"


class Figure8(Sheets):
    """Beside editing in W."""

    name = "style_intervention/figure8"
    title = "Style Intervention, Figure 8: beside editing in W"


class Figure4(Sheets):
    """Ours, for several attributes."""

    name = "style_intervention/figure4"
    title = "Style Intervention, Figure 4: several attributes of several faces"

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """One sheet: faces down, attributes across."""
        ready = [job for job in done(jobs) if read_arrays(job.path)]
        heads = [_attribute(job) for job in ready]
        caption = "Every attribute raised by one standard deviation."
        return [_sheet("attributes", ready, heads, caption)] if ready else []


def _sheet(name: str, jobs: Sequence[Job], heads: Sequence[str], caption: str) -> Figure:
    """Faces down; the originals and what every job made of them across."""
    arrays = [read_arrays(job.path) for job in jobs]
    originals = arrays[0]["originals"]
    rows = [[original, *(a["edited"][i] for a in arrays)] for i, original in enumerate(originals)]
    notes: list[list[list[Note]]] = [
        [[], *(_notes(job, a["changes"][i]) for job, a in zip(jobs, arrays, strict=True))]
        for i in range(len(originals))
    ]
    names = [f"no. {i}" for i in range(len(originals))]
    sheet = contact_sheet(rows, ["original", *heads], names, cell=192, notes=notes)
    return Figure(f"sheet_{name}", caption, png_bytes(np.asarray(sheet)))


def _notes(job: Job, changes: Tensor) -> list[Note]:
    """The wanted change, and the greatest of the others."""
    wanted = job.details["attribute"]
    moved = dict(zip(job.details["names"], changes.tolist(), strict=True))
    others = sorted(
        (name for name in moved if name != wanted and abs(moved[name]) >= UNWANTED),
        key=lambda name: -abs(moved[name]),
    )
    found = [Note(_line(wanted, moved[wanted]), wanted=True)]
    return found + [Note(_line(name, moved[name]), wanted=False) for name in others[:MARKED]]


def _line(name: str, change: float) -> str:
    return f"{name.replace('_', ' ')} {change:+.1f}"


def _told(value: Estimate) -> str:
    return f"{value.value:.2f} [{value.ci95[0]:.2f}, {value.ci95[1]:.2f}]"


def _attribute(job: Job) -> str:
    return job.overrides.get("attribute", "")


def _method(job: Job) -> str:
    return job.overrides.get("method", "")
