"""GANSpace against the principal components of the very codes that it draws."""

from typing import Any

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.biggan import BigGAN
from pipeline.methods.edits import Edits
from pipeline.methods.ganspace import GANSpace, SigmaEdit
from pipeline.methods.signs import unit_rows
from pipeline.regions.box import Box
from tests.generators.conditional import small_biggan
from tests.generators.networks import small_network
from tests.generic import MethodCase, WaveGenerator

WAVES = WaveGenerator()
CODES = WAVES.sample(3, torch.Generator().manual_seed(0))
EVERYWHERE = Box("all", [0.5, 0.5], [1, 1])


class Stretched(WaveGenerator):
    """Latents w that are normal, with standard deviations 6, 5, ..., 1 along known axes."""

    def convert(self, codes: Codes, space: Space) -> Codes:
        """z -> w is linear."""
        if codes.space != Space.Z or space == Space.Z:
            return super().convert(codes, space)
        scales = torch.arange(6.0, 0, -1, dtype=torch.float64)
        return super().convert(Codes(Space.W, codes.values * scales @ self.axes), space)

    @property
    def axes(self) -> torch.Tensor:
        """Orthonormal rows."""
        return torch.linalg.qr(self.mapping.detach()).Q


class WithoutW(WaveGenerator):
    """One that could be anything."""

    def __init__(self) -> None:
        super().__init__()
        self.spaces = frozenset({Space.Z})


def found(edits: Edits) -> list[SigmaEdit]:
    return [edit for edit in edits if isinstance(edit, SigmaEdit)]


@pytest.mark.parametrize("count", [999, 20_000])
def test_are_the_components_of_the_codes_drawn(count: int) -> None:
    """To 1e-9, in one batch and in two."""
    edits = GANSpace(num_directions=6, num_samples=count).discover(WAVES, CODES, EVERYWHERE, seed=3)
    random = torch.Generator().manual_seed(3)
    sizes = [min(10_000, count - start) for start in range(0, count, 10_000)]
    drawn = torch.cat([WAVES.convert(WAVES.sample(n, random), Space.W).values for n in sizes])
    _, values, rows = torch.linalg.svd(drawn - drawn.mean(0), full_matrices=False)
    sigmas = values / (count - 1) ** 0.5
    directions = torch.stack([edit.direction for edit in found(edits)])
    torch.testing.assert_close(directions, unit_rows(rows), rtol=0, atol=1e-9)
    torch.testing.assert_close(torch.tensor([e.sigma for e in found(edits)]), sigmas.float())
    torch.testing.assert_close(edits.extra["eigenvalues"], sigmas.square())


def test_finds_the_axes_that_the_latents_are_stretched_along() -> None:
    """Within the error of 50 000 samples."""
    generator = Stretched()
    edits = GANSpace(num_directions=6, num_samples=50_000).discover(generator, CODES, EVERYWHERE)
    for index, edit in enumerate(found(edits)):
        assert abs(float(edit.direction @ generator.axes[index])) > 0.999
        assert edit.sigma == pytest.approx(6 - index, rel=0.02)


def test_a_strength_is_a_standard_deviation_in_the_layers_of_a_group() -> None:
    method = GANSpace(num_directions=2, groups=[[0, 1], [2, None]], num_samples=100)
    edits = method.discover(WAVES, CODES, EVERYWHERE)
    assert [e.name for e in edits] == [
        "ganspace/0-0/0", "ganspace/2-3/0", "ganspace/0-0/1", "ganspace/2-3/1",
    ]  # fmt: skip
    assert len(edits.extra["eigenvalues"]) == 4
    edit = found(edits)[1]
    ws = WAVES.convert(CODES, Space.W_PLUS).values.clone()
    ws[:, 2:] += 1.5 * edit.sigma * edit.direction
    expected = WAVES.render(Codes(Space.W_PLUS, ws))
    torch.testing.assert_close(edit.apply(WAVES, CODES, 1.5), expected)
    assert edit.spread(WAVES, CODES) == 1


def test_the_latents_are_not_truncated() -> None:
    free, near = small_network(dtype=torch.float32), small_network(dtype=torch.float32)
    near.truncation_psi, near.truncation_cutoff = 0.5, 2
    codes = free.sample(2, torch.Generator().manual_seed(0))
    method = GANSpace(num_samples=500)
    sigmas = [[e.sigma for e in found(method.discover(g, codes, EVERYWHERE))] for g in (free, near)]
    assert sigmas[0] == sigmas[1]


def test_of_a_biggan_they_are_directions_of_z() -> None:
    network = small_biggan(dtype=torch.float32)
    codes = network.sample(3, torch.Generator().manual_seed(0))
    edits = GANSpace(num_directions=2, num_samples=500).discover(network, codes, EVERYWHERE)
    assert [e.name for e in edits] == ["ganspace/z/0", "ganspace/z/1"]
    edit = found(edits)[0]
    assert (edit.space, edit.layers) == (Space.Z, None)
    moved = codes.with_values(codes.values + 2 * edit.sigma * edit.direction)
    torch.testing.assert_close(edit.apply(network, codes, 2.0), network.render(moved))


def test_the_seed_decides() -> None:
    method = GANSpace(num_samples=100)
    edits = [found(method.discover(WAVES, CODES, EVERYWHERE, seed=s))[0] for s in (1, 1, 2)]
    assert torch.equal(edits[0].direction, edits[1].direction)
    assert not torch.equal(edits[0].direction, edits[2].direction)


def test_says_how_long_and_that_no_region_counts() -> None:
    notes = GANSpace(num_samples=100).discover(WAVES, CODES, EVERYWHERE).notes
    assert set(notes["seconds"]) == {"samples", "solve"}
    assert notes["region"] == "not looked at"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"num_directions": 0}, "num_directions=0"),
        ({"num_samples": 1}, "num_samples=1 must be at least 2"),
        ({"groups": [[3, 3]]}, "half-open ranges"),
    ],
)
def test_impossible_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        GANSpace(**options)


def test_impossible_combinations() -> None:
    with pytest.raises(UserError, match="with groups of layers needs the space 'w'.*biggan"):
        GANSpace(groups=[[0, 1]]).check(small_biggan(), EVERYWHERE)
    with pytest.raises(UserError, match="generator=waves offers no space 'w'"):
        GANSpace().check(WithoutW(), EVERYWHERE)
    with pytest.raises(UserError, match="there are 4"):
        GANSpace(groups=[[4, None]]).discover(WAVES, CODES, EVERYWHERE)


class TestGANSpaceOfABigGANAsMethod(MethodCase):
    """The same where there is no w."""

    @pytest.fixture
    def method(self) -> GANSpace:
        """With few samples."""
        return GANSpace(num_directions=2, num_samples=100)

    @pytest.fixture
    def generator(self) -> BigGAN:
        """A small one."""
        return small_biggan(dtype=torch.float32)

    @pytest.fixture
    def region(self) -> Box:
        """Any will do."""
        return EVERYWHERE


class TestGANSpaceAsMethod(MethodCase):
    """The common ground of all methods."""

    @pytest.fixture(params=[None, [[0, 2], [2, None]]])
    def method(self, request: pytest.FixtureRequest) -> GANSpace:
        """On all layers, and on two groups."""
        return GANSpace(num_directions=2, groups=request.param, num_samples=100)

    @pytest.fixture
    def generator(self) -> WaveGenerator:
        """The nonlinear one."""
        return WAVES

    @pytest.fixture
    def region(self) -> Box:
        """Any will do."""
        return EVERYWHERE
