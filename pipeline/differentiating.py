"""One pass over the Jacobian for all regions that a sweep may ask for."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from pipeline.domains.base import Domain
from pipeline.errors import UserError
from pipeline.evaluators.base import fingerprint_of
from pipeline.experiment import Experiment, region_of
from pipeline.generators.base import Codes
from pipeline.methods.region_method import RegionMethod
from pipeline.regions.frames import in_frame
from pipeline.regions.region import Region
from pipeline.runner import Result, Runner
from pipeline.stages.differentiation import Differentiating

REGIONS = Path(__file__).parents[1] / "conf" / "region"
MAX_BYTES = 2**28  # of matrices that are kept for others; where it takes more, each run is alone

Known = tuple[Mapping[str, Any], Region]


def differentiated(e: Experiment, codes: Result[Codes], runner: Runner) -> list[str]:
    """Give a method that needs one its pass over the Jacobian; the key, none for other methods.

    The pass covers every region of ``conf/region`` that these pictures have, so that a sweep over
    them, or over a method's other options, pays for one. A region of the user's own has its own.

    Args:
        e: the experiment of the method.
        codes: that the method looks at.
        runner: keeps the pass.
    """
    method = e.method
    if not isinstance(method, RegionMethod) or not method.by_matrices:
        return []
    known = together(e)
    dimensions = len(method.start(e.generator, codes.value)[1])
    if 8 * dimensions**2 * 2 * (len(known) + 1) > MAX_BYTES:
        return []
    regions = [region for _, region in known]
    asks = any(region.per_image for region in regions)
    found = runner.run(
        Differentiating(
            method,
            e.generator,
            codes.value,
            regions,
            [settings for settings, _ in known],
            fingerprint_of(e.domain.parser) if asks else None,
        ),
        [codes.key],
    )
    method.passed = found.value
    return [found.key]


def together(e: Experiment) -> list[Known]:
    """The regions of the pass: those that are known, or the experiment's own if it is none."""
    known = [
        (settings, region) for settings, region in known_regions(e.domain) if _suits(e, region)
    ]
    if any(settings == e.region_settings for settings, _ in known):
        return known
    return [(e.region_settings, e.region)]


def known_regions(domain: Domain) -> Iterator[Known]:
    """The regions of ``conf/region`` that a domain's pictures have, with their settings.

    A rectangle of the user's own (``region=box``) is none of them.
    """
    for file in sorted(REGIONS.glob("*.yaml")):
        given: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=True)
        if "boxes" in given or "parts" in given:
            with suppress(UserError):
                settings = in_frame(given, domain.frame)
                yield settings, region_of(settings, domain)


def _suits(e: Experiment, region: Region) -> bool:
    """Whether the method can work with a region, e.g. at the resolution of its Jacobian."""
    try:
        e.method.check(e.generator, region)
    except UserError:
        return False
    return True
