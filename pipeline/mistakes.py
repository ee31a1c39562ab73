"""Hydra's complaints in a user's words: what was given, and what would do."""

import re
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from pipeline.errors import UserError, unknown_name

CONF = Path(__file__).parents[1] / "conf"


def without_hydra(config: DictConfig) -> DictConfig:
    """A configuration without Hydra's own."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])


def keys_of(node: DictConfig) -> list[str]:
    """Every key of a configuration, e.g. ``region`` and ``region.name``."""
    return _paths(OmegaConf.to_container(node, resolve=False), "")


def _paths(value: Any, prefix: str) -> list[str]:
    if not isinstance(value, dict):
        return []
    return [p for k, v in value.items() for p in (f"{prefix}{k}", *_paths(v, f"{prefix}{k}."))]


def explained(error: Exception, base: DictConfig) -> UserError:
    """A composition error in one line: what was given and what would do."""
    text, cause = str(error), error.__cause__
    if match := re.search(r"Could not override '(.+?)'", text):
        key = match.group(1)
        group, _, option = key.partition(".")
        if owners := _choices_with(group, option):
            return UserError(f"{key} is an option of {' and '.join(owners)}: add that.")
        if not option:
            return unknown_name("key", key, keys_of(base))
        known = [k for k in keys_of(base) if k.startswith(f"{group}.")]
        return unknown_name("key", key, [*known, *_options(group)])
    if match := re.search(r"Error merging override (.+)", text):
        return UserError(f"{match.group(1)}: {first_line(cause or error)}.")
    return UserError(first_line(error))


def choices_of(group: str) -> list[str]:
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


def first_line(error: BaseException) -> str:
    """The first line of what an error says, without its full stop."""
    return str(error).strip().splitlines()[0].rstrip(".")
