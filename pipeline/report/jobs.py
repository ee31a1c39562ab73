"""What one job of a sweep left, as tables are made of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.metrics.base import Estimate


@dataclass(frozen=True)
class Job:
    """What one job left.

    Attributes:
        folder: its folder, relative to the sweep's.
        overrides: what it was told, by key.
        metrics: its numbers by name.
        seconds: wall-clock time of all stages; NaN where it is not known.
        problem: why there are no numbers; None where there are.
        report: whether it left a report.
        path: where its folder is.
        details: the rest of its ``metrics.json`` (of the edit: curves, attributes, ...; of other
            tasks what they left as details), as JSON.
    """

    folder: Path
    overrides: Mapping[str, str]
    metrics: Mapping[str, Estimate]
    seconds: float = math.nan
    problem: str | None = None
    report: bool = False
    path: Path = Path()
    details: Mapping[str, Any] = field(default_factory=dict)
