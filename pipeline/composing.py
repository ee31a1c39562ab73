"""Configurations of many jobs: what jobs have in common is composed once."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

from hydra import compose
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig


class Composer:
    """Composes jobs of one command line within a context of Hydra's.

    Composing reads some thirty files. Of jobs that choose the same, only the values differ, and
    these are set as Hydra sets them, on a copy.

    Args:
        conf: the folder whose folders are the groups of choices.
    """

    def __init__(self, conf: Path) -> None:
        self._conf = conf
        self._known: dict[tuple[str, ...], DictConfig] = {}

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """The configuration of a job, with Hydra's own.

        Raises:
            HydraException: an override is wrong, or there is no such choice.
            OmegaConfBaseException: a value does not do.
        """
        parsed = OverridesParser.create().parse_overrides(list(overrides))
        values = [override for override in parsed if self._is_value(override)]
        chosen = tuple(o.input_line or "" for o in parsed if o not in values)
        if chosen not in self._known:
            self._known[chosen] = compose(
                "config", overrides=list(chosen), return_hydra_config=True
            )
        config = deepcopy(self._known[chosen])
        ConfigLoaderImpl._apply_overrides_to_config(values, config)
        return config

    def _is_value(self, override: Override) -> bool:
        """Whether an override sets a value, and chooses nothing that others could depend on."""
        key = override.key_or_group
        plain = override.type == OverrideType.CHANGE and override.package is None
        hydras = key.split(".")[0].split("/")[0] == "hydra"
        return plain and not hydras and not (self._conf / key).is_dir()
