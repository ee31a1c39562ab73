"""The schema of a run's configuration and the checks that need no network."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from numbers import Real
from typing import Any

from hydra.core.config_store import ConfigStore

from pipeline.errors import UserError, unknown_name


class Unit(StrEnum):
    """What a strength of 1 is.

    ``attribute`` moves the direction's attribute by one standard deviation of the data, ``spread``
    the code by one standard deviation of the latents, ``latent`` by one; ``auto`` is the first
    where attributes can be read, else the second.
    """

    AUTO = "auto"
    ATTRIBUTE = "attribute"
    SPREAD = "spread"
    LATENT = "latent"


@dataclass
class RunConfig:
    """Everything ``run.py`` can be told; ``conf/config.yaml`` has the defaults and explains."""

    dataset: Any = None
    generator: Any = None
    region: Any = None
    method: Any = None
    metric: Any = None
    codes: Any = None
    logger: Any = None
    samples: int = 256
    seed: int = 0
    strength: Any = field(default_factory=list)
    attribute: str | None = None
    direction: int | None = None
    unit: str = "auto"
    batch: int = 64
    device: str = "auto"
    threads: int = 2
    store: str = "outputs/store"


def register() -> None:
    """Make the schema known to Hydra under the name that ``conf/config.yaml`` pulls it in by."""
    ConfigStore.instance().store("schema", RunConfig)


def check(config: Any) -> None:
    """Refuse values that no run can work with, before any work.

    Args:
        config: the composed configuration.

    Raises:
        UserError: names the key, the value and what is allowed.
    """
    for key, least in (("samples", 1), ("batch", 1), ("threads", 1), ("seed", 0)):
        value = config[key]
        if value < least:
            raise UserError(f"{key}={value}: must be a whole number of at least {least}.")
    if config.direction is not None and config.direction < 0:
        raise UserError(f"direction={config.direction}: must be null or an index from 0.")
    if config.unit not in tuple(Unit):
        raise unknown_name("unit", config.unit, Unit)
    strengths(config.strength)


def strengths(given: Any) -> tuple[float, ...]:
    """The strengths of a run in ascending order: one number, or a list of different numbers.

    Raises:
        UserError: it is empty, or an entry is no finite number, zero or given twice.
    """
    values = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    allowed = "give a number other than 0 or a list of such, e.g. strength=[-1,1]."
    if not values:
        raise UserError(f"strength={given}: the list is empty; {allowed}")
    for value in values:
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value == 0:
            raise UserError(f"strength={given}: '{value}' does not do; {allowed}")
    if len(set(values)) < len(values):
        raise UserError(f"strength={given}: a value is given twice.")
    return tuple(sorted(float(v) for v in values))
