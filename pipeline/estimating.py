"""How long a command will take, as far as anybody has measured: an experiment's file, or past runs.

Nothing is guessed: where neither says anything, the time is unknown.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.listing import CONF

PER_SAMPLE = ("edit", "directions")  # stages whose time grows with the samples
MOST_RECORDS = 500
_STATED = re.compile(r"\((about [^()]*?(?:seconds?|minutes?|hours?)[^()]*)\)")
_PATTERNS = ("*/*/metrics.json", "*/*/*/metrics.json")


@dataclass(frozen=True)
class Past:
    """What a run left of its time.

    Attributes:
        task: what it did; likewise ``method`` and ``generator``.
        samples: how many it measured.
        timings: seconds of every stage, also of those that were in the store then.
    """

    task: str
    method: str
    generator: str
    samples: int
    timings: Mapping[str, float]

    def seconds(self, samples: int) -> float:
        """What it would take from an empty store with other samples."""
        grow = samples / max(self.samples, 1)
        return sum(s * (grow if name in PER_SAMPLE else 1) for name, s in self.timings.items())


def stated(experiment: str | None) -> str | None:
    """The time that an experiment's file names for its whole grid."""
    if experiment is None:
        return None
    file = CONF / "experiment" / f"{experiment}.yaml"
    match = _STATED.search(file.read_text("utf-8")) if file.is_file() else None
    return match.group(1) if match else None


def past_runs(roots: Iterable[Path]) -> list[Past]:
    """The runs that lie below folders of outputs, the last ones first."""
    files = {file for root in roots for pattern in _PATTERNS for file in root.glob(pattern)}
    latest = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)[:MOST_RECORDS]
    return [past for file in latest if (past := _read(file)) is not None]


def seconds_of(
    config: Mapping[str, Any], names: Mapping[str, str], past: Sequence[Past]
) -> float | None:
    """Seconds of a job by the last run of its kind; None where there was none.

    Args:
        config: of the job.
        names: what was chosen of every group.
        past: the runs before, the last first.
    """
    kind = names["task"], names["method"], names["generator"]
    alike = (run for run in past if (run.task, run.method, run.generator) == kind)
    run = next(alike, None)
    return None if run is None else run.seconds(int(config["samples"]))


def estimate(jobs: Sequence[float | None], experiment: str | None, at_once: int = 1) -> str:
    """The time of a command in words, with where it is from.

    Args:
        jobs: seconds of every job that can run; None where nothing is known.
        experiment: the experiment that was asked for.
        at_once: how many jobs run side by side.
    """
    if (text := stated(experiment)) is not None:
        return f"{text}, as conf/experiment/{experiment}.yaml says of its whole grid"
    known = [seconds for seconds in jobs if seconds is not None]
    if not known:
        return "unknown: no run of this kind has left its timings here"
    rest = len(jobs) - len(known)
    side = f", {at_once} at a time" if at_once > 1 else ""
    unknown = f"; {rest} of {len(jobs)} jobs unknown" if rest else ""
    total = in_words(sum(known) / min(at_once, len(known)))
    return f"at most about {total} from an empty store{side}, by earlier runs here{unknown}"


def in_words(seconds: float) -> str:
    """A time for people, e.g. ``14 minutes``."""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    whole = max(round(seconds), 1)
    return f"{whole} second{'s' * (whole != 1)}"


def _read(file: Path) -> Past | None:
    try:
        found = json.loads(file.read_bytes())
        timings = {str(name): float(seconds) for name, seconds in found["timings"].items()}
        task, method, generator = (str(found[key]) for key in ("task", "method", "generator"))
        return Past(task, method, generator, int(found["samples"]), timings)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
