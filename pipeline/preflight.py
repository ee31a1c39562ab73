"""What is checked before any work: every override, by composing every job of the command line."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pipeline.composing import Composer
from pipeline.config import check, register
from pipeline.datasets.source import required_path
from pipeline.errors import UserError, unknown_name
from pipeline.inversion.files import image_files
from pipeline.mistakes import choices_of, explained, first_line, keys_of, without_hydra
from pipeline.plugins import no_plugin
from pipeline.weights.cache import locate

CONF = Path(__file__).parents[1] / "conf"
FREE = ("hydra",)  # Hydra's own keys are Hydra's to check


@dataclass(frozen=True)
class Plan:
    """Everything that a command line would run.

    Attributes:
        jobs: the overrides of every job.
        first: the configuration of the overrides that all jobs share, with Hydra's own.
        sweep: whether it is a sweep.
        base: the configuration without overrides.
        composer: makes the configurations of jobs.
    """

    jobs: Sequence[Sequence[str]]
    first: DictConfig
    sweep: bool
    base: DictConfig
    composer: Composer

    @property
    def hydra(self) -> DictConfig:
        """Hydra's own configuration."""
        hydra: DictConfig = self.first.hydra
        return hydra

    @property
    def folder(self) -> tuple[str, Path]:
        """The key of the output folder, and the folder."""
        if self.sweep:
            return "hydra.sweep.dir", Path(str(self.hydra.sweep.dir))
        return "hydra.run.dir", Path(str(self.hydra.run.dir))

    def checked(self, job: Sequence[str]) -> DictConfig:
        """The configuration of a job, with Hydra's own.

        Raises:
            UserError: the first mistake found in it.
        """
        config = _compose(job, self.base, self.composer)
        check(config)
        _check_weights(config)
        _check_dataset(config)
        _check_pictures(config)
        return config


def preflight(arguments: Sequence[str]) -> None:
    """Compose and check every job of a command line.

    Raises:
        UserError: the first mistake found, in one line.
    """
    with planned(arguments) as plan:
        for job in plan.jobs:
            plan.checked(job)


@contextmanager
def planned(arguments: Sequence[str]) -> Iterator[Plan]:
    """What a command line would run; its jobs can be composed while the context lasts.

    Raises:
        UserError: a mistake that concerns all jobs, in one line.
    """
    register()
    given = [a for a in arguments if not a.startswith("-")]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composer = Composer(CONF)
        base = without_hydra(composer.compose([]))
        parsed = _parse(given)
        for override in parsed:
            _check_key(override, base)
        fixed = [o.input_line or "" for o in parsed if not o.is_sweep_override()]
        first = _compose(fixed, base, composer)
        hydra = first.hydra
        sweep = bool({"-m", "--multirun"} & set(arguments)) or hydra.mode == RunMode.MULTIRUN
        swept = [*_parse(_grid(hydra) if sweep else []), *parsed]
        plan = Plan(list(_jobs(_tried(swept, hydra), sweep)), first, sweep, base, composer)
        _check_folder(*plan.folder)
        yield plan


def _grid(hydra: DictConfig) -> list[str]:
    """What an experiment sweeps over; overrides of the command line take its place."""
    params = OmegaConf.select(hydra, "sweeper.params") or {}
    return [f"{key}={values}" for key, values in params.items()]


def _tried(overrides: list[Override], hydra: DictConfig) -> list[Override]:
    """Overrides with the intervals that a search draws from as their two ends."""
    intervals = [o for o in overrides if o.is_interval_sweep()]
    if intervals and "direction" not in hydra.sweeper:
        raise UserError(
            f"{intervals[0].input_line}: only a search draws values from an interval; add "
            "hydra/sweeper=tune, or give the values, separated by commas."
        )
    return [_ends(override) if override in intervals else override for override in overrides]


def _ends(override: Override) -> Override:
    interval: Any = override.value()
    line = f"{override.get_key_element()}={interval.start},{interval.end}"
    return OverridesParser.create().parse_override(line)


def _check_weights(config: DictConfig) -> None:
    """Refuse a generator whose official file is not here, before torch is even imported."""
    name = OmegaConf.select(config, "generator.weights")
    if name is not None:
        locate(str(name))


def _check_dataset(config: DictConfig) -> None:
    """Refuse a dataset of files that are not given or not there."""
    if "path" in config.dataset:
        required_path(config.dataset.path, config.dataset.kind)


def _check_pictures(config: DictConfig) -> None:
    """Refuse pictures to invert that are not given or not there."""
    if "images" in config.codes:
        image_files(config.codes.images)


def _check_folder(key: str, folder: Path) -> None:
    """Refuse an output folder that cannot be made, before Hydra tries to."""
    standing = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    if not standing.is_dir() or not os.access(standing, os.W_OK | os.X_OK):
        reason = "is a file" if not standing.is_dir() else "cannot be written"
        raise UserError(
            f"{key}={folder}: '{standing}' {reason}; give a folder that can be written."
        )


def _parse(given: list[str]) -> list[Override]:
    try:
        return OverridesParser.create().parse_overrides(given)
    except HydraException as error:
        raise UserError(f"{first_line(error)} Write overrides as key=value.") from error


def _check_key(override: Override, base: DictConfig) -> None:
    """Refuse a key that the configuration does not have."""
    key = override.key_or_group
    if key.split(".")[0].split("/")[0] in FREE or (CONF / key).is_dir():
        return
    if OmegaConf.select(base, key, default=key) == key and key not in keys_of(base):
        # The key may belong to another choice of its group, e.g. an option of another method.
        group = key.split(".")[0]
        if "." in key and (CONF / group).is_dir():
            return
        raise unknown_name("key", key, [*keys_of(base), "experiment"])


def _jobs(parsed: list[Override], sweep: bool) -> Iterator[list[str]]:
    """The overrides of every job; one job where nothing is swept."""
    if not sweep:
        for override in parsed:
            if override.is_sweep_override():
                raise UserError(
                    f"{override.input_line}: several values make a sweep; add -m for that, or "
                    "write a list in brackets."
                )
        yield [override.input_line or "" for override in parsed]
        return
    for batch in BasicSweeper.split_arguments(parsed, max_batch_size=None):
        yield from batch


def _compose(overrides: Sequence[str], base: DictConfig, composer: Composer) -> DictConfig:
    try:
        return composer.compose(overrides)
    except MissingConfigException as error:
        if str(error.missing_cfg_file).startswith("hydra/"):
            raise no_plugin(str(error.missing_cfg_file), error.options or []) from error
        group, _, name = str(error.missing_cfg_file).partition("/")
        raise unknown_name(group, name, choices_of(group) or error.options or []) from error
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(error, base) from error


def wants_help(arguments: Sequence[str]) -> bool:
    """Whether the command line asks Hydra for something other than a run."""
    asks = (
        "--hydra-help",
        "--version",
        "-c",
        "--cfg",
        "--info",
        "-i",
        "-sc",
        "--shell-completion",
    )
    return any(a.split("=")[0] in asks for a in arguments)
