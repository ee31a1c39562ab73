"""What a job tells a sweeper that searches: one of its numbers, and which way is better."""

import json
import math
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from pipeline.errors import UserError, unknown_name
from pipeline.report.glossary import METRICS

DIRECTIONS = {"higher": "maximize", "lower": "minimize"}
RESOLVER = "better"


def check_objective(name: str) -> None:
    """Refuse a number that cannot be searched by.

    Raises:
        UserError: it is not known, or neither more nor less of it is better.
    """
    if name not in METRICS or METRICS[name].better is None:
        raise unknown_name("objective", name, (k for k, v in METRICS.items() if v.better))


def direction(name: str) -> str:
    """The direction in which a number gets better, as Optuna calls it."""
    return DIRECTIONS[METRICS[name].better or "higher"]


def register_direction() -> None:
    """Make ``${better:NAME}`` known to configurations."""
    OmegaConf.register_new_resolver(RESOLVER, direction, replace=True)


def achieved(name: str, folder: Path) -> float | None:
    """The value that a job left for its objective; None where it did not measure it.

    Raises:
        UserError: a search goes by it, and there is no value.
    """
    metrics = _metrics(folder)
    value = metrics.get(name, {}).get("value")
    if value is not None and math.isfinite(value):
        return float(value)
    if not searching():
        return None
    if name in metrics:
        raise UserError(f"objective={name}: it came out undefined, so there is nothing to go by.")
    raise unknown_name("objective", name, metrics)


def searching() -> bool:
    """Whether a sweeper chooses the next jobs by the values of those before."""
    return "direction" in (HydraConfig.get().sweeper or {})


def _metrics(folder: Path) -> dict[str, dict[str, float | None]]:
    try:
        found: dict[str, dict[str, float | None]] = json.loads(
            (folder / "metrics.json").read_bytes()
        )["metrics"]
    except (OSError, ValueError, KeyError):
        return {}
    return found
