"""The parts of a run, made from its configuration and checked against each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from pipeline.config import strengths
from pipeline.domains import Judges, ProcFaces
from pipeline.errors import UserError
from pipeline.generators.base import Generator
from pipeline.methods.base import Method
from pipeline.regions.region import Region


@dataclass(frozen=True)
class Experiment:
    """Everything a run works with.

    Attributes:
        region_settings: what the region was made from; likewise ``method_settings``.
        strengths: in ascending order.
        device: where the networks are.
    """

    domain: ProcFaces
    generator: Generator
    region: Region
    method: Method
    judges: Judges
    region_settings: Mapping[str, Any]
    method_settings: Mapping[str, Any]
    strengths: tuple[float, ...]
    device: torch.device

    @classmethod
    def of(cls, config: DictConfig) -> "Experiment":
        """Make the parts and refuse what does not fit together, before any work.

        Raises:
            UserError: a part cannot be made, or two of them do not fit.
        """
        torch.set_num_threads(config.threads)
        device = _device(config.device)
        domain = _make(config.dataset)
        if config.attribute is not None:
            domain.check_attribute(config.attribute)
        region = _region(config.region, domain)
        method = _make(config.method)
        generator = _make(config.generator).to(device, memory_format=torch.channels_last)
        method.check(generator, region)
        wishes = config.metric
        return cls(
            domain,
            generator,
            region,
            method,
            domain.judges(wishes.fid, wishes.id, wishes.lpips),
            _plain(config.region),
            _plain(config.method),
            strengths(config.strength),
            device,
        )


def _make(config: DictConfig, **extra: Any) -> Any:
    """The object a config node names, with a user's mistake in it told as such."""
    from hydra.errors import InstantiationException

    try:
        return instantiate(config, **extra)
    except InstantiationException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise


def _region(config: DictConfig, domain: ProcFaces) -> Region:
    """A region; one of parts gets the domain's parser and its numbers of the parts."""
    if "parts" not in config:
        region: Region = _make(config)
        return region
    from pipeline.regions.part import Part

    return Part(config.name, domain.parser.parse, domain.part_ids(list(config.parts)))


def _plain(config: DictConfig) -> dict[str, Any]:
    resolved: Any = OmegaConf.to_container(config, resolve=True)
    return {str(k): v for k, v in resolved.items()}


def _device(name: str) -> torch.device:
    """The device of a name; ``auto`` is the first GPU where there is one.

    Raises:
        UserError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"device={name} cannot be used here ({reason}): try device=auto.") from None
