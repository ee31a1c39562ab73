"""The report of injected faults: a table by kind, and JSON with every one of them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.faults.trials import ALONE, LOST, RESUMED, WRONG, Trial
from pipeline.records import write_json

COLUMNS = ("kind", "faults", "ended alone", "resumed", "wrong", "lost", "traceback", "too late")


def counts(kind: str, trials: Sequence[Trial]) -> dict[str, Any]:
    """The row of a kind; trials that came too late count for themselves alone, unless not fine."""
    struck = [t for t in trials if not t.missed]
    every = {verdict: sum(t.verdict == verdict for t in struck) for verdict in (ALONE, RESUMED)}
    return {
        "kind": kind,
        "faults": len(struck),
        "ended alone": every[ALONE],
        "resumed": every[RESUMED],
        "wrong": sum(t.verdict == WRONG for t in trials),
        "lost": sum(t.verdict == LOST for t in trials),
        "traceback": sum(t.traceback for t in trials),
        "too late": len(trials) - len(struck),
    }


def rows(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """A row per kind, and one of all."""
    kinds = dict.fromkeys(trial.kind for trial in trials)
    by_kind = [counts(kind, [t for t in trials if t.kind == kind]) for kind in kinds]
    return [*by_kind, counts("all", trials)]


def text(trials: Sequence[Trial]) -> str:
    """The table, and a line for each trial that is not fine."""
    cells = [COLUMNS, *(tuple(str(row[name]) for name in COLUMNS) for row in rows(trials))]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    lines = ["  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in cells]
    return "\n".join([*lines, *(line(trial) for trial in trials if not trial.fine)])


def line(trial: Trial) -> str:
    """A trial in one line."""
    late = " (too late)" if trial.missed else ""
    again = f", given again {trial.again} times" if trial.again else ""
    seen = ", a traceback" if trial.traceback else ""
    why = "" if trial.fine else f": {' | '.join(trial.notes)[-600:]}"
    about = f"{trial.kind:9} {trial.setting:5} {trial.verdict}{again}{seen}"
    return f"{trial.number:4} {about}, {trial.seconds:.1f} s: {trial.what}{late}{why}"


def read(path: Path, seed: int) -> list[Trial]:
    """The trials of an interrupted session; none where there was none of this seed."""
    if not path.exists():
        return []
    found = json.loads(path.read_text())
    return [Trial(**trial) for trial in found["trials"]] if found["seed"] == seed else []


def write(trials: Sequence[Trial], seed: int, missing: dict[str, str], path: Path) -> None:
    """Every number and every trial.

    Args:
        trials: what was tried.
        seed: that drew them.
        missing: kinds that could not be injected here, and why.
        path: of the JSON file.
    """
    struck = [trial for trial in trials if not trial.missed]
    write_json(
        path,
        {
            "seed": seed,
            "faults": len(struck),
            "fine": all(trial.fine for trial in trials),
            "identical": sum(trial.identical for trial in struck),
            "by_kind": rows(trials),
            "skipped": missing,
            "trials": [trial.record() for trial in trials],
        },
    )
