"""Two jobs held against each other, and verdicts from many such comparisons."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pipeline.metrics.base import Estimate
from pipeline.metrics.intervals import mean_estimate
from pipeline.report.jobs import Job
from pipeline.report.numbers import format_estimate
from pipeline.reproductions.base import Claim, Verdict
from pipeline.sample_files import SAMPLES, matched, read_samples

Outcome = Literal["better", "worse", "open"]


@dataclass(frozen=True)
class Comparison:
    """One thing against another.

    Attributes:
        of: what is compared, in words.
        outcome: open where the interval holds no difference, or nothing can be said.
        estimate: the difference or ratio; None where there is none.
        remark: why it is open, or what to bear in mind.
    """

    of: str
    outcome: Outcome
    estimate: Estimate | None = None
    remark: str = ""

    def __str__(self) -> str:
        number = f" {format_estimate(self.estimate)}" if self.estimate else ""
        remark = f" ({self.remark})" if self.remark else ""
        return f"{self.of}: {self.outcome}{number}{remark}"


def decided(estimate: Estimate, nothing: float = 0.0) -> Outcome:
    """Better or worse where the 95 % interval lies wholly on one side of no difference."""
    low, high = estimate.ci95
    if low > nothing:
        return "better"
    return "worse" if high < nothing else "open"


def difference(first: Job, second: Job, name: str) -> tuple[Estimate, bool] | None:
    """A number of one job minus that of another at their main strength.

    Returns:
        The difference, and whether samples were compared in pairs, which is where both jobs kept
        the numbers of the same samples; None where one has no such number.
    """
    if name not in first.metrics or name not in second.metrics:
        return None
    sides = [_main(job) for job in (first, second)]
    pair = matched(sides[0], sides[1], name)
    if pair is not None:
        return mean_estimate(pair[0] - pair[1]), True
    one, other = first.metrics[name], second.metrics[name]
    half = math.hypot(*((e.ci95[1] - e.ci95[0]) / 2 for e in (one, other)))
    value = one.value - other.value
    return Estimate(value, (value - half, value + half), min(one.n, other.n)), False


def _main(job: Job) -> Mapping[str, Any]:
    """Numbers of every sample at the strength that the main numbers are given at."""
    return read_samples(job.path / SAMPLES).get(job.details.get("headline_strength", 1.0), {})


def claim(text: str, comparisons: Sequence[Comparison], by: str) -> Claim:
    """A claim that something is better in every one of some comparisons.

    It holds where all are better, does not where any is worse, and is not decided otherwise.

    Args:
        text: the claim.
        comparisons: all that it speaks of.
        by: what the numbers are, e.g. ``difference of ID``.
    """
    outcomes = [c.outcome for c in comparisons]
    counts = ", ".join(f"{outcomes.count(o)} {o}" for o in ("better", "worse", "open"))
    evidence = f"Of {len(comparisons)} comparisons: {counts}. Compared is the {by}."
    verdict: Verdict = "not decided"
    if "worse" in outcomes:
        verdict = "does not hold"
    elif comparisons and all(o == "better" for o in outcomes):
        verdict = "holds"
    numbers = {"by": by, "comparisons": [asdict(c) for c in comparisons]}
    return Claim(text, verdict, evidence, numbers, [str(c) for c in comparisons])
