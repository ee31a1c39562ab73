"""StyleSpace on a generator whose channels each draw one thing, and whose parts are known."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.methods.attribute_channels import examples, relevance
from pipeline.methods.edits import Edits
from pipeline.methods.gradient_channels import Target, semantics
from pipeline.methods.reader import Reader
from pipeline.methods.style_channels import ChannelEdit, channel_statistics
from pipeline.methods.stylespace import StyleSpace
from pipeline.regions.box import Box
from pipeline.regions.part import Part
from tests.generic import MethodCase, WaveGenerator

SIDE, PARTS = 8, ("sky", "tree", "house", "road")  # the four quadrants
LAYERS = {"b4.conv1": slice(0, 4), "b4.torgb": slice(4, 6), "b8.conv0": slice(6, 10)}
HOUSE = Box("house", [0.75, 0.25], [0.5, 0.5])


class PlantedGenerator(WaveGenerator):
    """Channels 1, 4 and 7 draw the house, 8 a little of it; 0, 2, 3 others; 6 and 9 everything."""

    style_slices = LAYERS

    def __init__(self) -> None:
        super().__init__(w_dim=6, num_ws=2, resolution=SIDE)
        self.name, self.fingerprint = "planted", "planted"
        self.spaces = frozenset({*self.spaces, Space.S})
        random = torch.Generator().manual_seed(5)
        self.affine = self._draw(random, 10, 6)
        draws = {0: "sky", 1: "house", 2: "tree", 3: "road", 4: "house", 7: "house", 8: "house"}
        self.patterns = 1 + self._draw(random, 10, 3, SIDE, SIDE).abs()
        for channel, part in draws.items():
            self.patterns[channel] *= quadrants() == PARTS.index(part)
        self.patterns[8] *= 0.01
        self.patterns[7] *= 5

    def convert(self, codes: Codes, space: Space) -> Codes:
        """Down the chain z -> w -> w+ -> s."""
        if codes.space == space or space != Space.S:
            return super().convert(codes, space)
        ws = super().convert(codes, Space.W_PLUS).values
        return Codes(Space.S, ws.mean(1) @ self.affine.T)

    def render(self, codes: Codes) -> Tensor:
        """Every channel's pattern as strong as the channel."""
        styles = self.convert(codes, Space.S).values
        return torch.einsum("ns,schw->nchw", styles, self.patterns) / 20


def quadrants() -> Tensor:
    """Part ids ``[8, 8]``."""
    rows, columns = (torch.arange(SIDE) >= SIDE // 2 for _ in range(2))
    return 2 * rows.long()[:, None] + columns.long()


@dataclass
class QuadrantParser:
    """Knows where the parts are."""

    fingerprint: str = "quadrants"

    def parse(self, images: Tensor) -> Tensor:
        return quadrants().expand(len(images), -1, -1).to(torch.uint8)


@dataclass
class BrightnessPredictor:
    """Reads how dark the tree is, which channel 2 and those that draw everything decide."""

    names: Sequence[str] = ("nothing", "dark_tree")

    def standardised(self, images: Tensor) -> Tensor:
        tree = images[:, :, : SIDE // 2, SIDE // 2 :].mean((1, 2, 3))
        return torch.stack([torch.zeros_like(tree), -tree], dim=1)


@dataclass
class Streets:
    """The domain of the quadrants."""

    parts: Sequence[str] = PARTS
    parser: QuadrantParser | None = field(default_factory=QuadrantParser)
    predictor: BrightnessPredictor = field(default_factory=BrightnessPredictor)


GENERATOR = PlantedGenerator()
CODES = GENERATOR.sample(3, torch.Generator().manual_seed(0))


def method_of(reader: Reader | None = None, **options: Any) -> StyleSpace:
    small = {"num_codes": 2, "num_statistics": 500, "num_candidates": 200}
    method = StyleSpace(**(small | options))
    method.reader = Streets() if reader is None else reader
    return method


def channels(edits: Edits) -> list[int]:
    return [int(edit.channels) for edit in edits if isinstance(edit, ChannelEdit)]


@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize("chunk", [1, 3, 32])
def test_finds_the_channels_that_draw_the_region(target: Target, chunk: int) -> None:
    """Those of the house alone, by their effect; not of to-RGB, not those that draw everything."""
    edits = method_of(target=target, chunk=chunk).discover(GENERATOR, CODES, HOUSE)
    assert channels(edits) == [7, 1, 8]
    assert [e.name for e in edits] == [f"stylespace/house/{c}" for c in (
        "b8.conv0_1", "b4.conv1_1", "b8.conv0_2",
    )]  # fmt: skip
    assert edits.extra["local"] == 3
    assert set(edits.notes["seconds"]) == {"statistics", "gradients", "solve"}
    assert (edits.extra["rates"][:, -1] == 1).all()
    mask = HOUSE.mask(SIDE).bool()
    change = edits[0].apply(GENERATOR, CODES, 1.0) - GENERATOR.render(CODES)
    assert change[..., ~mask].abs().max() == 0


def test_to_rgb_channels_are_found_when_they_are_looked_for() -> None:
    edits = method_of(to_rgb=True).discover(GENERATOR, CODES, HOUSE)
    assert set(channels(edits)) == {1, 4, 7, 8}


def test_a_strength_is_a_standard_deviation_of_the_channel() -> None:
    edits = method_of(num_directions=1, num_statistics=20_000).discover(GENERATOR, CODES, HOUSE)
    codes = GENERATOR.sample(20_000, torch.Generator().manual_seed(9))
    std = GENERATOR.convert(codes, Space.S).values[:, 7].std()
    change = edits[0].apply(GENERATOR, CODES, 2.0) - GENERATOR.render(CODES)
    torch.testing.assert_close(
        change, (2 * std * GENERATOR.patterns[7] / 20).expand_as(change), rtol=0.03, atol=0
    )


def test_effects_are_what_a_standard_deviation_does_to_the_region() -> None:
    edits = method_of().discover(GENERATOR, CODES, HOUSE)
    mask = HOUSE.mask(SIDE).bool()
    change = edits[0].apply(GENERATOR, CODES, 1.0) - GENERATOR.render(CODES)
    torch.testing.assert_close(edits.extra["eigenvalues"][0], change[..., mask].abs().mean())


def test_a_region_found_in_each_image() -> None:
    part = Part("house", QuadrantParser().parse, [2])
    assert channels(method_of().discover(GENERATOR, CODES, part)) == [7, 1, 8]


def test_a_box_that_holds_no_part_needs_its_own_pixels() -> None:
    corner = Box("corner", [0.25, 0.25], [0.25, 0.25])
    with pytest.raises(UserError, match="holds none of the parts.*method.target=region"):
        method_of().discover(GENERATOR, CODES, corner)
    generator = PlantedGenerator()
    generator.patterns[0] *= 1 + 9 * corner.mask(SIDE)
    assert channels(method_of(target="region").discover(generator, CODES, corner)) == [0]


def test_no_local_channel_is_said_with_what_to_try() -> None:
    generator = PlantedGenerator()
    generator.patterns[[1, 7, 8]] = 1
    with pytest.raises(UserError, match="No style channel is local to region=house: at best .*%"):
        method_of().discover(generator, CODES, HOUSE)


def test_semantics_of_a_region_that_cuts_parts() -> None:
    """The target, what it leaves of a part that it holds, and the parts as they are."""
    labels, mask = quadrants()[None], torch.zeros(1, SIDE, SIDE)
    mask[:, 4:, :3] = 1  # most of the house
    parts = semantics(labels, mask, 4, Target.PARTS, SIDE)
    region = semantics(labels, mask, 4, Target.REGION, SIDE)
    assert parts is not None and region is not None
    assert parts.target == region.target == 4
    assert torch.equal(parts.labels == 4, labels == 2)
    assert torch.equal(region.labels == 4, mask > 0)
    assert torch.equal(region.labels == 5, (labels == 2) & (mask == 0))
    assert semantics(labels, torch.zeros_like(mask), 4, Target.REGION, SIDE) is None


def test_ranks_channels_by_what_examples_share() -> None:
    """By theta, in the sense in which the examples have them; to-RGB channels are left out."""
    method = method_of(detection="attribute", attribute="dark_tree", num_directions=4)
    edits = method.discover(GENERATOR, CODES, HOUSE, seed=1)
    random = torch.Generator().manual_seed(1)
    statistics = channel_statistics(GENERATOR, 500, random)
    shown = examples(GENERATOR, BrightnessPredictor(), 1, 30, 200, random)
    z = (shown - statistics.mean) / statistics.std
    theta = z.mean(0) / z.std(0)
    theta[LAYERS["b4.torgb"]] = 0
    best = theta.abs().argsort(descending=True)[:4]
    assert channels(edits) == best.tolist()
    torch.testing.assert_close(edits.extra["eigenvalues"], theta[best].abs())
    deviations = torch.cat([edit.arrays()["deviations"] for edit in edits])
    torch.testing.assert_close(deviations, statistics.std[best] * theta[best].sign())
    assert edits[0].name.startswith("stylespace/dark_tree/b")
    assert edits.notes["region"] == "not looked at"
    assert set(edits.notes["seconds"]) == {"statistics", "examples", "solve"}


def test_finds_the_channel_that_decides_an_attribute() -> None:
    """Independent channels, of which one alone brightens the tree: it is found, with its sign."""
    generator = PlantedGenerator()
    generator.affine = torch.eye(10, 6, dtype=torch.float64)
    generator.patterns[[0, 1, 3, 4, 5]] *= quadrants() != PARTS.index("tree")
    generator.patterns *= 0.1  # so that nothing is clamped
    method = method_of(detection="attribute", attribute="dark_tree", num_directions=1)
    edits = method.discover(generator, CODES, HOUSE)
    assert channels(edits) == [2]
    assert float(edits[0].arrays()["deviations"]) < 0


def test_relevance_is_mean_over_standard_deviation() -> None:
    styles = torch.tensor([[1.0, -2.0, 0.5], [3.0, -2.0, -0.5]])
    expected = torch.tensor([2 / 2**0.5, 0.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(relevance(styles), expected)


def test_examples_are_the_most_extreme_images() -> None:
    random = torch.Generator().manual_seed(3)
    shown = examples(GENERATOR, BrightnessPredictor(), 1, 5, 150, random)
    again = torch.Generator().manual_seed(3)
    drawn = [GENERATOR.sample(n, again) for n in (64, 64, 22)]
    styles = torch.cat([GENERATOR.convert(c, Space.S).values for c in drawn])
    images = GENERATOR.render(Codes(Space.S, styles)).clamp(-1, 1)
    best = BrightnessPredictor().standardised(images)[:, 1].topk(5).indices
    torch.testing.assert_close(shown, styles[best])


def test_the_networks_are_those_that_are_asked() -> None:
    reader = Streets()
    assert method_of(reader).networks() == {"parser": reader.parser}
    method = method_of(reader, detection="attribute", attribute="dark_tree")
    assert method.networks() == {"predictor": reader.predictor}


@pytest.mark.parametrize(
    ("reader", "options", "said"),
    [
        (Streets(parser=None), {}, "needs a dataset with a parser"),
        (Streets(), {"detection": "attribute"}, "say which, e.g. attribute=nothing"),
        (Streets(), {"detection": "attribute", "attribute": "dark_tre"}, "dark_tree"),
        (
            Streets(predictor=BrightnessPredictor(())),
            {"detection": "attribute", "attribute": "smile"},
            "needs a dataset with a predictor",
        ),
        (Streets(), {"grid": 3}, "grid=3 must divide the generator's resolution, 8"),
        (Streets(), {"num_codes": 4}, "only 3 codes"),
    ],
)
def test_impossible_combinations(reader: Reader, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        method_of(reader, **options).discover(GENERATOR, CODES, HOUSE)


def test_a_generator_without_styles() -> None:
    with pytest.raises(UserError, match="method=stylespace needs the space 's'"):
        method_of().check(WaveGenerator(), HOUSE)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"detection": "gradient"}, "Did you mean detection=gradients"),
        ({"target": "pixels"}, "Allowed: parts, region"),
        ({"num_directions": 0}, "num_directions=0 must be at least 1"),
        ({"num_examples": 1}, "num_examples=1 must be at least 2"),
        ({"num_candidates": 20}, "num_candidates=20 must be at least 30"),
        ({"min_rate": 1.0}, "min_rate=1.0"),
        ({"margin": -0.1}, "margin=-0.1"),
    ],
)
def test_impossible_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        StyleSpace(**options)


class TestStyleSpaceAsMethod(MethodCase):
    """The common ground of all methods."""

    @pytest.fixture(params=["gradients", "attribute"])
    def method(self, request: pytest.FixtureRequest) -> StyleSpace:
        """By both detections."""
        return method_of(detection=request.param, attribute="dark_tree")

    @pytest.fixture
    def generator(self) -> PlantedGenerator:
        """Whose channels are known."""
        return GENERATOR

    @pytest.fixture
    def region(self) -> Box:
        """One of its parts."""
        return HOUSE
