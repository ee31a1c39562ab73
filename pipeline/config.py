"""The schema of a run's configuration and the checks that need no network."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from numbers import Real
from typing import Any

from hydra.core.config_store import ConfigStore

from pipeline.errors import UserError, unknown_name
from pipeline.objective import check_objective, register_direction
from pipeline.shards import Share

AUTO = "auto"


class Unit(StrEnum):
    """What a strength of 1 is.

    ``attribute`` moves the direction's attribute by ``change`` standard deviations of the data,
    ``spread`` the code by one standard deviation of the latents, ``latent`` by one; ``auto`` is
    the first where attributes can be read, else the second.
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
    task: Any = None
    reproduction: Any = None
    logger: Any = None
    samples: int = 256
    shards: int = 1
    shard: int = 0
    seed: int = 0
    strength: Any = field(default_factory=list)
    attribute: str | None = None
    layer: str = "b16.conv1"
    training_steps: int | None = None
    direction: int | None = None
    change: float = 1.0
    compare: bool = True
    unit: str = "auto"
    objective: str = "mse_ratio"
    batch: int = 64
    device: str = "auto"
    threads: int = 2
    store: str = "outputs/store"


def register() -> None:
    """Make the schema known to Hydra under the name that ``conf/config.yaml`` pulls it in by."""
    ConfigStore.instance().store("schema", RunConfig)
    register_direction()


def check(config: Any) -> None:
    """Refuse values that no run can work with, before any work.

    Args:
        config: the composed configuration.

    Raises:
        UserError: names the key, the value and what is allowed.
    """
    least_of = {"samples": 1, "batch": 1, "threads": 1, "seed": 0, "shards": 1}
    for key, least in least_of.items():
        value = config[key]
        if value < least:
            raise UserError(f"{key}={value}: must be a whole number of at least {least}.")
    check_objective(config.objective)
    _check_shards(config)
    if not math.isfinite(config.change) or config.change == 0:
        raise UserError(
            f"change={config.change:g}: must be a number other than 0, e.g. -1 to lower the "
            "attribute by one standard deviation."
        )
    if config.direction is not None and config.direction < 0:
        raise UserError(f"direction={config.direction}: must be null or an index from 0.")
    if config.unit not in tuple(Unit):
        raise unknown_name("unit", config.unit, Unit)
    strengths(config.strength)


def _check_shards(config: Any) -> None:
    """Refuse shares that cannot be dealt."""
    if config.shards > 1 and "_target_" in (config.task or {}):
        raise UserError(
            f"shards={config.shards}: task={config.task.name} measures all samples in one job; "
            "leave shards=1."
        )
    if config.shards > 1 and "images" in config.codes:
        raise UserError(
            f"shards={config.shards}: sampled codes can be divided, pictures cannot; leave "
            "shards=1 with codes=inversion."
        )
    Share.of(config.samples, config.batch, config.shard, config.shards)


def strengths(given: Any, auto: tuple[float, ...] = (1.0,)) -> tuple[float, ...]:
    """The strengths of a run in ascending order: one number, or a list of different numbers.

    Args:
        given: these, or ``auto``.
        auto: what ``auto`` stands for.

    Raises:
        UserError: it is empty, or an entry is no finite number, zero or given twice.
    """
    if given == AUTO:
        return auto
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
