"""LowRankGAN against its recorded reference and on generators whose answer is known."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.methods.edits import DirectionEdit, Edits
from pipeline.methods.jacobian import jacobian
from pipeline.methods.lowrankgan import LowRankGAN
from pipeline.methods.null_space import null_space, principal_subspace, project
from pipeline.methods.robust_pca import Penalty, Stopping, robust_pca
from pipeline.regions.box import Box
from pipeline.regions.part import Part
from tests.conftest import Oracle
from tests.generic import MethodCase, QuadrantGenerator, WaveGenerator
from tests.methods.test_eigen import assert_same_directions

QUADRANTS = [Box(str(k), [0.25 + k // 2 / 2, 0.25 + k % 2 / 2], [0.5, 0.5]) for k in range(4)]
WAVES = WaveGenerator()
CODES = WAVES.sample(3, torch.Generator().manual_seed(0))
MOUTH = Box("mouth", [0.7, 0.5], [0.25, 0.5])
SETTINGS = {
    "relax0": (1 / 60, 0),
    "relax2": (1 / 60, 2),
    "lamb8": (1 / 8, 0),
    "lamb8_relax2": (1 / 8, 2),
}


def directions(edits: Edits) -> Tensor:
    """All directions ``[k, ...]``."""
    return torch.stack([edit.direction for edit in edits if isinstance(edit, DirectionEdit)])


def check_against(tensors: dict[str, Tensor], sample: int) -> None:
    """Principal and projected directions of one recorded Jacobian, to 1e-9 up to sign."""
    J = tensors["in.jacobian"][sample].reshape(-1, 72)
    inside = tensors["in.mask"].flatten() > 0
    matrices = [J[part].T @ J[part] / part.sum() for part in (inside, ~inside)]
    for lamb in {lamb for lamb, _ in SETTINGS.values()}:
        foreground, background = (robust_pca(m, lamb).low_rank for m in matrices)
        principal, _ = principal_subspace(foreground)
        for name in (k for k, (own, _) in SETTINGS.items() if own == lamb):
            expected = f"out.directions.{name}.{sample}"
            assert_same_directions(principal, tensors[f"{expected}.principal"])
            projected, _ = project(principal, null_space(background, SETTINGS[name][1]))
            assert_same_directions(projected, tensors[f"{expected}.projected"])


def test_against_the_reference(oracle: Oracle) -> None:
    check_against(oracle("algo_lowrankgan_small")[0], sample=0)


def test_against_the_reference_on_another_sample(oracle: Oracle) -> None:
    check_against(oracle("algo_lowrankgan_a")[0], sample=1)


@pytest.mark.parametrize("k", range(4))
def test_finds_the_direction_that_moves_nothing_else(k: int) -> None:
    """With a lamb that leaves nothing sparse, what is found is the quadrant's own axis."""
    generator = QuadrantGenerator(resolution=8)
    codes = generator.sample(1, torch.Generator().manual_seed(0))
    edits = LowRankGAN(lamb=10.0).discover(generator, codes, QUADRANTS[k])
    assert len(edits) == 1
    assert abs(float(directions(edits)[0] @ generator.axes[k])) == pytest.approx(1, abs=1e-9)
    change = edits[0].apply(generator, codes, 3.0) - generator.render(codes)
    mask = QUADRANTS[k].mask(8).bool()
    assert change[..., ~mask].abs().max() < 1e-9
    assert edits.extra["ranks"].tolist() == [1, 3]


def test_against_the_explicit_jacobian() -> None:
    """Colours averaged, the rows of the region and of the rest, each with its own robust PCA."""
    method = LowRankGAN(lamb=1.0, num_relax=2, num_directions=2, space=Space.W_PLUS)
    edits = method.discover(WAVES, CODES, MOUTH)
    ws = WAVES.convert(CODES, Space.W_PLUS).values[0]

    def image(offset: Tensor) -> Tensor:
        images = WAVES.render(Codes(Space.W_PLUS, (ws + offset.reshape(4, 6))[None]))
        return images[0].mean(0)

    J = jacobian(image, torch.zeros(24, dtype=torch.float64))
    inside = MOUTH.mask(16).bool()
    low = [
        robust_pca(part.T @ part / len(part), lamb=1.0).low_rank for part in (J[inside], J[~inside])
    ]
    principal, values = principal_subspace(low[0])
    expected, _ = project(principal, null_space(low[1], relax=2))
    assert_same_directions(directions(edits).flatten(1), expected[:2])
    torch.testing.assert_close(edits.extra["eigenvalues"], values[:2])


def test_unprojected_directions_are_the_principal_ones() -> None:
    found = [
        directions(LowRankGAN(lamb=10.0, project=p).discover(WAVES, CODES, MOUTH))
        for p in (False, True)
    ]
    torch.testing.assert_close(found[0] @ found[0].T, torch.eye(6, dtype=torch.float64))
    assert len(found[1]) <= 6
    assert not torch.allclose(found[0][0], found[1][0])


def test_several_codes_are_pooled() -> None:
    alone = LowRankGAN(lamb=1.0).discover(WAVES, CODES[:1], MOUTH)
    repeated = Codes(Space.Z, CODES.values[[0, 0]])
    same = LowRankGAN(lamb=1.0, num_codes=2).discover(WAVES, repeated, MOUTH)
    both = LowRankGAN(lamb=1.0, num_codes=2).discover(WAVES, CODES, MOUTH)
    torch.testing.assert_close(directions(same), directions(alone), rtol=0, atol=1e-6)
    assert not torch.allclose(directions(both)[:1], directions(alone)[:1])


def test_says_how_long_and_how_well() -> None:
    edits = LowRankGAN(lamb=1.0).discover(WAVES, CODES, MOUTH, seed=5)
    assert set(edits.notes["seconds"]) == {"jacobian", "solve"}
    assert edits.notes["options"]["lamb"] == 1.0
    assert edits.extra["converged"].tolist() == [True, True]
    assert (edits.extra["iterations"] > 0).all()
    assert edits.seed == 5


def test_a_region_found_in_no_image() -> None:
    part = Part("beard", lambda images: torch.zeros(len(images), 16, 16, dtype=torch.uint8), [1])
    with pytest.raises(UserError, match="no pixel in any of the images"):
        LowRankGAN().discover(WAVES, CODES, part)


def test_nothing_low_rank_is_said_with_what_to_try() -> None:
    method = LowRankGAN(lamb=1e-3, stopping=Stopping.BOTH)
    with pytest.raises(UserError, match=r"no direction is left.*lamb=0\.001.*greater method\.lamb"):
        method.discover(WAVES, CODES, MOUTH)


def test_options_as_a_configuration_gives_them() -> None:
    options: dict[str, Any] = {"space": "w+", "penalty": "entrywise", "layers": [1, 3]}
    method = LowRankGAN(**options)
    assert (method.space, method.penalty) == (Space.W_PLUS, Penalty.ENTRYWISE)
    assert method.layers == method.edit_layers == (1, 3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"space": "activations"}, "Unknown space 'activations'"),
        ({"penalty": "operater"}, "Did you mean penalty=operator"),
        ({"stopping": "dual"}, "Allowed: both, primal"),
        ({"channels": "grey"}, "Allowed: mean, rgb, sum"),
        ({"num_directions": 0}, "num_directions=0 must be at least 1"),
        ({"lamb": 0.0}, "lamb=0.0 must be greater than 0"),
        ({"num_relax": -1}, "num_relax=-1"),
        ({"space": "z", "layers": [0, 1]}, "space=z has none"),
    ],
)
def test_impossible_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        LowRankGAN(**options)


@pytest.mark.parametrize(
    ("options", "region", "said"),
    [
        ({"space": "s"}, MOUTH, "method=lowrankgan needs the space 's'"),
        ({"jacobian_resolution": 5}, MOUTH, "must divide the generator's resolution, 16"),
        ({}, Box("all", [0.5, 0.5], [1, 1]), "no background to preserve"),
        ({"num_codes": 4}, MOUTH, "only 3 codes"),
        ({"edit_layers": [2, 9]}, MOUTH, "beyond this generator's 4"),
    ],
)
def test_impossible_combinations(options: dict[str, Any], region: Box, said: str) -> None:
    with pytest.raises(UserError, match=said):
        LowRankGAN(**options).discover(WAVES, CODES, region)


class TestLowRankGANAsMethod(MethodCase):
    """The common ground of all methods."""

    @pytest.fixture(params=["w", "w+", "z"])
    def method(self, request: pytest.FixtureRequest) -> LowRankGAN:
        """In each of the spaces."""
        return LowRankGAN(num_directions=2, num_codes=2, space=request.param, lamb=1.0, num_relax=2)

    @pytest.fixture
    def generator(self) -> WaveGenerator:
        """The nonlinear one."""
        return WAVES

    @pytest.fixture
    def region(self) -> Box:
        """A fixed box."""
        return MOUTH
