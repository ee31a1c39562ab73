"""The parts of a run, made from its configuration and checked against each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from pipeline.config import Unit, strengths
from pipeline.domains.base import Domain
from pipeline.domains.judges import Judges
from pipeline.errors import UserError
from pipeline.generators.base import Generator
from pipeline.inversion.photographs import Inversion, Plan
from pipeline.methods.base import Method
from pipeline.methods.reading import ReadingMethod
from pipeline.regions.frames import in_frame
from pipeline.regions.region import Region

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Experiment:
    """Everything a run works with.

    Attributes:
        region_settings: what the region was made from; likewise ``method_settings``.
        strengths: in ascending order.
        unit: what a strength of 1 is; never ``auto``.
        change: of the attribute at a strength of 1, where that is the unit, in standard deviations.
        inversion: the pictures to edit and how their codes are found; None where codes are sampled.
        device: where the networks are.
    """

    domain: Domain
    generator: Generator
    region: Region
    method: Method
    judges: Judges
    region_settings: Settings
    method_settings: Settings
    strengths: tuple[float, ...]
    unit: Unit
    change: float
    device: torch.device
    inversion: Plan | None = None

    @classmethod
    def of(cls, config: DictConfig) -> "Experiment":
        """Make the parts and refuse what does not fit together, before any work.

        Raises:
            UserError: a part cannot be made, or two of them do not fit.
        """
        torch.set_num_threads(config.threads)
        device = _device(config.device)
        domain: Domain = make(config.dataset)
        if config.attribute is not None:
            domain.check_attribute(config.attribute)
        region_settings = in_frame(_plain(config.region), domain.frame)
        region = region_of(region_settings, domain)
        method = make(config.method)
        unit = _unit(Unit(config.unit), domain, method)
        inversion = _inversion(config.codes)
        generator, makes = _generator(config.generator)
        _check_samples(config.samples, generator)
        domain = domain.suited(generator, makes)
        generator = generator.to(device).to(memory_format=torch.channels_last)
        if isinstance(method, ReadingMethod):
            method.reader = domain
        method.check(generator, region)
        given = strengths(config.strength, method.strengths)
        method.check_strengths(given)
        wishes = config.metric
        judges = domain.judges(wishes.fid, wishes.id, wishes.lpips)
        _place((judges.features, judges.identity, judges.distance), device)
        _place((domain.parser, domain.predictor), device)
        return cls(
            domain,
            generator,
            region,
            method,
            judges,
            region_settings,
            _plain(config.method),
            given,
            unit,
            config.change,
            device,
            inversion.plan(generator, method, domain, judges) if inversion else None,
        )


def make(config: DictConfig | Settings, **further: Any) -> Any:
    """The object that a config node names, with further arguments.

    Raises:
        UserError: it refuses its options.
    """
    from hydra.errors import InstantiationException

    try:
        return instantiate(config, **further)
    except InstantiationException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise


def _place(judges: Iterable[object], device: torch.device) -> None:
    """Move those that are networks; a recogniser outside torch keeps its own device."""
    for judge in judges:
        if isinstance(judge, torch.nn.Module):
            judge.to(device)


def _generator(config: DictConfig) -> tuple[Generator, str | None]:
    """A generator, and what its configuration says that it makes (``domain``)."""
    settings = _plain(config)
    makes = settings.pop("domain", None)
    return make(settings), makes


def _check_samples(samples: int, generator: Generator) -> None:
    """Refuse to measure more samples than there are codes.

    Raises:
        UserError: says how many there are.
    """
    most = generator.population
    if most is not None and samples > most:
        raise UserError(
            f"samples={samples}: generator={generator.name} has {most} label maps to paint; give "
            f"more of them, or samples={most}."
        )


def region_of(settings: Settings, domain: Domain) -> Region:
    """A region; one of parts gets the domain's parser and its numbers of the parts."""
    if "parts" not in settings:
        region: Region = make(settings)
        return region
    from pipeline.regions.part import Part

    numbers = domain.part_ids(settings["parts"])
    return Part(settings["name"], domain.parser.parse, numbers)


def _inversion(config: DictConfig) -> Inversion | None:
    """How pictures are inverted; None where codes are sampled."""
    inversion: Inversion | None = make(config) if "_target_" in config else None
    return inversion


def _unit(wish: Unit, domain: Domain, method: Method) -> Unit:
    """What a strength of 1 is on a domain.

    Raises:
        UserError: an attribute is to be moved where none can be read, or by a method whose
            strengths mean something by themselves.
    """
    if not method.calibrated:
        if wish not in (Unit.AUTO, Unit.LATENT):
            raise UserError(
                f"unit={wish}: a strength of method={method.name} means something by itself, as a "
                "share that is taken from a reference does; leave unit=auto."
            )
        return Unit.LATENT
    readable = bool(domain.predictor.names)
    if wish == Unit.ATTRIBUTE and not readable:
        raise UserError(
            f"unit={wish}: no attribute can be read off {domain.name}; leave unit=auto (standard "
            "deviations of the latents, as unit=spread), or take unit=latent."
        )
    if wish == Unit.AUTO:
        return Unit.ATTRIBUTE if readable else Unit.SPREAD
    return wish


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
