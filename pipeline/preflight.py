"""What is checked before any work: every override, by composing every job of the command line."""

import os
import re
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
        base = _own(composer.compose([]))
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
        raise UserError(f"{_first_line(error)} Write overrides as key=value.") from error


def _check_key(override: Override, base: DictConfig) -> None:
    """Refuse a key that the configuration does not have."""
    key = override.key_or_group
    if key.split(".")[0].split("/")[0] in FREE or (CONF / key).is_dir():
        return
    if OmegaConf.select(base, key, default=key) == key and key not in _keys(base):
        # The key may belong to another choice of its group, e.g. an option of another method.
        group = key.split(".")[0]
        if "." in key and (CONF / group).is_dir():
            return
        raise unknown_name("key", key, [*_keys(base), "experiment"])


def _own(config: DictConfig) -> DictConfig:
    """A configuration without Hydra's own."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])


def _keys(node: DictConfig) -> list[str]:
    """Every key of a configuration, e.g. ``region`` and ``region.name``."""
    return _paths(OmegaConf.to_container(node, resolve=False), "")


def _paths(value: Any, prefix: str) -> list[str]:
    if not isinstance(value, dict):
        return []
    return [p for k, v in value.items() for p in (f"{prefix}{k}", *_paths(v, f"{prefix}{k}."))]


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
        raise unknown_name(group, name, _choices(group) or error.options or []) from error
    except (HydraException, OmegaConfBaseException) as error:
        raise _explained(error, base) from error


def _explained(error: Exception, base: DictConfig) -> UserError:
    """A composition error in one line: what was given and what would do."""
    text, cause = str(error), error.__cause__
    if match := re.search(r"Could not override '(.+?)'", text):
        key = match.group(1)
        group, _, option = key.partition(".")
        if owners := _choices_with(group, option):
            return UserError(f"{key} is an option of {' and '.join(owners)}: add that.")
        if not option:
            return unknown_name("key", key, _keys(base))
        known = [k for k in _keys(base) if k.startswith(f"{group}.")]
        return unknown_name("key", key, [*known, *_options(group)])
    if match := re.search(r"Error merging override (.+)", text):
        return UserError(f"{match.group(1)}: {_first_line(cause or error)}.")
    return UserError(_first_line(error))


def _choices(group: str) -> list[str]:
    """The choices of a group, those of its folders included: ``resefa/table1``."""
    files = sorted((CONF / group).rglob("*.yaml"))
    return [file.relative_to(CONF / group).with_suffix("").as_posix() for file in files]


def _choices_with(group: str, option: str) -> list[str]:
    """The choices of a group that have an option, e.g. ``codes=inversion``."""
    files = sorted((CONF / group).glob("*.yaml"))
    return [f"{group}={f.stem}" for f in files if option and option in OmegaConf.load(f)]


def _options(group: str) -> set[str]:
    """The options of all choices of a group, e.g. ``codes.images``."""
    loaded = (OmegaConf.load(file) for file in (CONF / group).glob("*.yaml"))
    names = {str(name) for options in loaded for name in options} - {"_target_"}
    return {f"{group}.{name}" for name in names}


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")


def wants_help(arguments: Sequence[str]) -> bool:
    """Whether the command line asks Hydra for something other than a run."""
    asks = (
        "-h",
        "--help",
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
