"""Style Intervention (Liu et al. 2020), section 4.5.2: Figure 9, against GANs that translate."""

from collections.abc import Mapping, Sequence
from itertools import product

from pipeline.metrics.base import Estimate
from pipeline.report.glossary import METRICS
from pipeline.report.jobs import Job
from pipeline.report.tables import Cell, Column, Missing, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction
from pipeline.reproductions.cells import (
    attribute_change,
    by_cell,
    empty_cell,
    measured_name,
    metric_cell,
    problems,
    state,
)
from pipeline.reproductions.comparing import Comparison, claim, decided, difference
from pipeline.reproductions.style_intervention import MATCHED, OURS, undecided, user_study

OTHERS = ("stargan", "attgan")

Cells = Mapping[tuple[str, ...], Job]


class Figure9(Reproduction):
    """What three methods keep of the same faces, and how real these look, at an equal change."""

    name = "style_intervention/figure9"
    title = "Style Intervention, Figure 9: against StarGAN and AttGAN"
    targets = ("masculine", "older", "with_glasses", "smile")
    about = (
        "All methods edit the same faces and change the attribute by the same amount on average, "
        "one standard deviation of the data; the paper shows pictures and asks people.",
        "StarGAN and AttGAN are small networks trained on the embedded domain (their cards tell "
        "how); they translate the rendered picture. Their vector starts from what the domain's "
        "regressor reads off it, and the attribute's entry moves as far as the change takes.",
        "Outside is what the edit has no business in: the background where the attribute is one of "
        "the whole face, all but the box of glasses or mouth otherwise.",
        "The identity is the embedded domain's cosine, FD (embedded) is no FID.",
    )

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """One row per target and method; then the user study."""
        cells, names = by_cell(jobs, "target", "method"), self.metrics(jobs)
        targets = dict.fromkeys([*self.targets, *(target for target, _ in cells)])
        rows = [
            _row((target, method), cells.get((target, method)), names)
            for target, method in product(targets, (OURS, *OTHERS))
        ]
        columns = [
            *map(Column.of_metric, names),
            Column("change", "change of attribute", "sd"),
            Column("state"),
        ]
        notes = ["The paper prints no numbers beside Figure 9 but those of its user study, below."]
        headings = ("target", "method")
        notes += problems(cells)
        table = Table(self.title, headings, columns, rows, notes, grouped=1)
        return [table, user_study()]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """What is kept, by three measures; the quality; what people say."""
        cells = by_cell(jobs, "target", "method")
        outside, ssim, identity, quality = self.metrics(jobs)
        kept = "Style Intervention keeps more of the input than StarGAN and AttGAN"
        texts = {
            outside: f"{kept}: outside of the part",
            ssim: f"{kept}: structure",
            identity: f"{kept}: identity",
            quality: "Style Intervention's images are of a better quality than theirs",
        }
        study = "users prefer Style Intervention to AttGAN and StarGAN (Table 3)"
        return [
            *(self._claim(text, name, cells) for name, text in texts.items()),
            undecided(study, "a user study: no program can make it again"),
        ]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """The same faces as every method edits them, a group for each attribute."""
        cells = by_cell(jobs, "target", "method")
        order = product(self.targets, (OURS, *OTHERS))
        shown = [(target, method, cells.get((target, method))) for target, method in order]
        return [
            Figure(f"{target}_{method}", method, job.path / "strips.png", f"Figure 9: {target}")
            for target, method, job in shown
            if job is not None and (job.path / "strips.png").is_file()
        ]

    @staticmethod
    def metrics(jobs: Sequence[Job]) -> tuple[str, str, str, str]:
        """Error outside, structure, identity and quality, by the networks that measured."""
        identity = measured_name(jobs, "id", "id_embedded")
        return "mse_out", "ssim", identity, measured_name(jobs, "fid", "fd_embedded")

    def _claim(self, text: str, name: str, cells: Cells) -> Claim:
        pairs = product(self.targets, OTHERS)
        by = (
            f"difference of {METRICS[name].label} of Style Intervention and the other, counted so "
            "that more is better, on the same faces, in brackets 95 % intervals"
        )
        return claim(text, [_comparison(cells, target, other, name) for target, other in pairs], by)


def _row(labels: Sequence[str], job: Job | None, names: Sequence[str]) -> Row:
    """What was measured of a job."""
    link = f"{job.folder.as_posix()}/report.html" if job and job.report else None
    return Row(labels, [*(metric_cell(job, n) for n in names), _change(job), state(job)], link)


def _change(job: Job | None) -> Cell:
    """How far the attribute itself was moved."""
    empty = empty_cell(job)
    if job is None or empty is not None:
        return empty
    return attribute_change(job) or Missing("cannot be read")


def _comparison(cells: Cells, target: str, other: str, name: str) -> Comparison:
    """Ours against one other; who changes the attribute less has it easier and wins nothing."""
    of = f"{target}, {other}"
    ours, theirs = cells.get((target, OURS)), cells.get((target, other))
    missing = [m for m, job in ((OURS, ours), (other, theirs)) if empty_cell(job) is not None]
    if missing or ours is None or theirs is None:
        return Comparison(of, "open", remark=f"not there: {' and '.join(missing)}")
    found = difference(ours, theirs, name)
    if found is None:
        return Comparison(of, "open", remark="not measured")
    estimate, paired = found
    if METRICS[name].better == "lower":
        estimate = _turned(estimate)
    outcome, remark = decided(estimate), "" if paired else "not in pairs"
    winner = {"better": OURS, "worse": other}.get(outcome)
    if winner is not None and winner == _timid(ours, theirs, other):
        return Comparison(of, "open", estimate, f"{winner} changes the attribute less")
    return Comparison(of, outcome, estimate, remark)


def _timid(ours: Job, theirs: Job, other: str) -> str | None:
    """Which of two jobs changes the attribute much less than the other, if one does."""
    changes = [attribute_change(job) for job in (ours, theirs)]
    if changes[0] is None or changes[1] is None:
        return None
    mine, its = (abs(change.value) for change in changes if change is not None)
    if mine < (1 - MATCHED) * its:
        return OURS
    return other if its < (1 - MATCHED) * mine else None


def _turned(estimate: Estimate) -> Estimate:
    low, high = estimate.ci95
    return Estimate(-estimate.value, (-high, -low), estimate.n)
