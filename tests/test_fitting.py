"""What configurations say of themselves, held against what the classes check."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from pipeline.domains.procfaces import ProcFaces
from pipeline.errors import UserError
from pipeline.fitting import (
    Fit,
    check_attribute,
    check_parts,
    check_region,
    check_spaces,
    fit_of,
)
from pipeline.generators.base import Generator, Space
from pipeline.generators.biggan import BigGAN
from pipeline.generators.biggan_deep import BigGANDeep
from pipeline.generators.pggan import PGGAN
from pipeline.generators.pix2pixhd import Pix2PixHD
from pipeline.generators.semantic_stylegan import SemanticStyleGAN
from pipeline.generators.stylegan import StyleGAN
from pipeline.generators.stylegan2 import StyleGAN2
from pipeline.generators.stylegan3 import StyleGAN3
from pipeline.listing import CONF
from pipeline.methods.reading import ReadingMethod
from pipeline.regions.box import Box
from tests.generators.conditional import small_biggan
from tests.generators.networks import small_network
from tests.generators.semantic_cases import random_network

CLASSES: dict[str, type[Generator]] = {
    "stylegan": StyleGAN,
    "stylegan2": StyleGAN2,
    "stylegan3": StyleGAN3,
    "pggan": PGGAN,
    "biggan": BigGAN,
    "pix2pixhd": Pix2PixHD,
    "semantic_stylegan": SemanticStyleGAN,
}


def names(group: str) -> list[str]:
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


@pytest.mark.parametrize("name", [name for name in names("generator") if name != "checkpoint"])
def test_generators_say_what_their_classes_offer(name: str) -> None:
    fit = fit_of("generator", name, [CONF])
    (architecture,) = fit.architectures
    assert set(fit.spaces) == {str(space) for space in CLASSES[architecture].spaces}
    assert BigGANDeep.spaces == BigGAN.spaces


def test_what_is_said_is_read() -> None:
    text = "# A method.\n# Spaces: s, w+; of stylegan, pggan; needs an attribute\nname: x\n"
    assert Fit.of(text) == Fit(("s", "w+"), ("stylegan", "pggan"), True)
    assert Fit.of("# Spaces: s; needs parts\n") == Fit(("s",), parts=True)
    assert Fit.of("name: x\n") == Fit()
    assert fit_of("method", "of_nobody", [CONF]) == Fit()


def test_spaces_that_do_not_meet_are_refused() -> None:
    has = Fit(("z", "activations"), ("biggan",))
    check_spaces("own", Fit(), "biggan", has, None)
    check_spaces("own", Fit(("pixels",)), "biggan", has, None)
    check_spaces("own", Fit(("z", "w")), "biggan", has, None)
    with pytest.raises(UserError, match=r"edits in w; .* add method.space=z"):
        check_spaces("own", Fit(("z", "w")), "biggan", has, "w")
    with pytest.raises(UserError, match="made for stylegan"):
        check_spaces("own", Fit(("z",), ("stylegan",)), "biggan", has, None)


def test_attributes_and_regions_belong_to_their_pictures() -> None:
    check_attribute("own", Fit(), None, "none", [])
    check_attribute("own", Fit(attribute=True), "smile", "procfaces", ["smile"])
    with pytest.raises(UserError, match="add attribute=smile"):
        check_attribute("own", Fit(attribute=True), None, "procfaces", ["smile"])
    with pytest.raises(UserError, match="no attribute can be read"):
        check_attribute("own", Fit(), "smile", "none", [])
    check_region({"name": "hair", "parts": ["hair"]}, "procfaces")
    check_parts("own", Fit(parts=True), "procfaces")
    with pytest.raises(UserError, match="has a parser"):
        check_parts("own", Fit(parts=True), "ffhq")
    with pytest.raises(UserError, match="use a box"):
        check_region({"name": "hair", "parts": ["hair"]}, "ffhq")


GENERATORS = {
    "stylegan2": lambda: small_network(dtype=torch.float32),
    "biggan": lambda: small_biggan(torch.float32),
    "semantic_stylegan": lambda: random_network().float(),
}


@pytest.fixture(scope="module", params=GENERATORS)
def network(request: pytest.FixtureRequest) -> Iterator[tuple[str, Generator]]:
    yield request.param, GENERATORS[request.param]()


@pytest.mark.parametrize("name", [n for n in names("method") if fit_of("method", n, [CONF]).spaces])
def test_methods_say_what_they_check(name: str, network: tuple[str, Generator]) -> None:
    """What is refused for its space or architecture by one is refused by the other."""
    architecture, generator = network
    needs = fit_of("method", name, [CONF])
    if needs.spaces == ("pixels",):
        pytest.skip("asks for no space")
    options = _options(name, generator)
    has = Fit(tuple(map(str, generator.spaces)), (architecture,))
    method = instantiate(options)
    if isinstance(method, ReadingMethod):
        method.reader = ProcFaces()
    assert _refuses(lambda: method.check(generator, Box("mouth", (0.5, 0.5), (0.5, 0.5)))) == (
        _refuses(lambda: check_spaces(name, needs, architecture, has, options.get("space")))
    )


def _options(name: str, generator: Generator) -> dict[str, Any]:
    """A method's configuration, with names that a small generator has."""
    merged: Any = OmegaConf.create({})
    for base in OmegaConf.load(CONF / "method" / f"{name}.yaml").get("defaults") or []:
        if base != "_self_":
            merged = OmegaConf.merge(merged, OmegaConf.load(CONF / "method" / f"{base}.yaml"))
    merged = OmegaConf.merge(merged, OmegaConf.load(CONF / "method" / f"{name}.yaml"))
    merged.pop("defaults", None)
    run = {"attribute": "smile", "layer": next(iter(generator.kernels), "none"), "method": merged}
    own: Any = OmegaConf.to_container(OmegaConf.create({**run, "training_steps": 1}), resolve=True)
    options: dict[str, Any] = own["method"]
    if "layers" in options and Space.ACTIVATIONS in generator.spaces and "clusters" in options:
        options["layers"] = ["b8.conv0"]
    if "grid" in options:
        options["grid"] = 8
    return options


def _refuses(check: Any) -> bool:
    try:
        check()
    except UserError:
        return True
    return False
