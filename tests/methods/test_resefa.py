"""ReSeFa on generators whose answer is known."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.methods.edits import DirectionEdit, Edits
from pipeline.methods.eigen import Solver, regularised
from pipeline.methods.jacobian import Linearisation, jacobian
from pipeline.methods.resefa import ReSeFa
from pipeline.regions.box import Box
from pipeline.regions.part import Part
from tests.generic import MethodCase, QuadrantGenerator, WaveGenerator

QUADRANTS = [Box(str(k), [0.25 + k // 2 / 2, 0.25 + k % 2 / 2], [0.5, 0.5]) for k in range(4)]
WAVES = WaveGenerator()
CODES = WAVES.sample(3, torch.Generator().manual_seed(0))
MOUTH = Box("mouth", [0.7, 0.5], [0.25, 0.5])


def directions(edits: Edits) -> Tensor:
    """All directions ``[k, ...]``."""
    return torch.stack([edit.direction for edit in edits if isinstance(edit, DirectionEdit)])


def explicit(code: Tensor, layers: slice = slice(None), sum_rgb: bool = False) -> Tensor:
    """Directions of WAVES at one w for the mouth, from the full Jacobian."""

    def image(w: Tensor) -> Tensor:
        moved = torch.zeros(4, 1, dtype=w.dtype)
        moved[layers] = 1
        ws = code + moved * w
        images = WAVES.render(Codes(Space.W_PLUS, ws[None]))[0]
        return images.sum(0, keepdim=True) if sum_rgb else images

    J = jacobian(image, torch.zeros(6, dtype=torch.float64))
    inside = MOUTH.mask(16).bool().expand(len(J), -1, -1)
    return regularised(
        J[inside].T @ J[inside] / inside.sum(), J[~inside].T @ J[~inside] / (~inside).sum()
    ).directions


@pytest.mark.parametrize("k", range(4))
@pytest.mark.parametrize("solver", [Solver.REGULARISED, Solver.WOODBURY])
def test_finds_the_direction_that_moves_nothing_else(k: int, solver: Solver) -> None:
    generator = QuadrantGenerator(resolution=8)
    codes = generator.sample(1, torch.Generator().manual_seed(0))
    edits = ReSeFa(num_directions=1, solver=solver).discover(generator, codes, QUADRANTS[k])
    found = directions(edits)[0]
    assert abs(float(found @ generator.axes[k])) == pytest.approx(1, abs=1e-12)
    change = edits[0].apply(generator, codes, 3.0) - generator.render(codes)
    mask = QUADRANTS[k].mask(8).bool()
    assert change[..., ~mask].abs().max() < 1e-12
    assert change[..., mask].abs().max() > 0.1


def test_cholesky_refuses_what_leaves_no_trace_outside() -> None:
    generator = QuadrantGenerator()
    codes = generator.sample(1, torch.Generator().manual_seed(0))
    with pytest.raises(UserError, match="rank 3 of 4"):
        ReSeFa(solver=Solver.CHOLESKY).discover(generator, codes, QUADRANTS[0])


@pytest.mark.parametrize("layers", [None, (1, 3)])
@pytest.mark.parametrize("channels", ["rgb", "sum"])
def test_w_against_the_explicit_jacobian(layers: tuple[int, int] | None, channels: str) -> None:
    w = WAVES.convert(CODES, Space.W).values
    edits = ReSeFa(layers=layers, channels=channels, num_directions=6).discover(WAVES, CODES, MOUTH)
    expected = explicit(w[0], slice(*layers) if layers else slice(None), channels == "sum")
    torch.testing.assert_close(directions(edits), expected.detach(), rtol=0, atol=1e-9)
    assert edits[0].settings()["layers"] == layers


def test_w_plus_has_coordinates_of_every_layer() -> None:
    method = ReSeFa(
        space=Space.W_PLUS, layers=(1, 3), edit_layers=(1, 2), num_directions=30, chunk=5
    )
    edits = method.discover(WAVES, CODES, MOUTH)
    found = directions(edits)
    assert found.shape == (12, 4, 6)
    torch.testing.assert_close(found.flatten(1).norm(dim=1), torch.ones(12, dtype=torch.float64))
    assert found[:, [0, 3]].abs().max() == 0
    ws = WAVES.convert(CODES, Space.W_PLUS).values
    expected = ws.clone()
    expected[:, 1] += 0.3 * found[0, 1]
    torch.testing.assert_close(
        edits[0].apply(WAVES, CODES, 0.3), WAVES.render(Codes(Space.W_PLUS, expected))
    )


def test_more_freedom_moves_the_region_better() -> None:
    """w+ contains w, so its best quotient (without regularisation) is at least as large."""
    leading = [
        ReSeFa(space=space, solver=Solver.CHOLESKY)
        .discover(WAVES, CODES, MOUTH)
        .extra["eigenvalues"][0]
        for space in (Space.W, Space.W_PLUS)
    ]
    assert leading[1] > leading[0]


def test_eigenvalues_are_the_changes_that_are_measured() -> None:
    """The mean squared change inside over that outside, for a small step."""
    edits = ReSeFa(solver=Solver.CHOLESKY).discover(WAVES, CODES, MOUTH)
    mask, code = MOUTH.mask(16).bool(), CODES[:1]
    for edit, eigenvalue in zip(edits, edits.extra["eigenvalues"], strict=True):
        change = (edit.apply(WAVES, code, 1e-5) - WAVES.render(code)).square()
        ratio = change[..., mask].mean() / change[..., ~mask].mean()
        torch.testing.assert_close(ratio, eigenvalue, rtol=1e-3, atol=0)


def test_several_codes_are_pooled() -> None:
    alone = [ReSeFa().discover(WAVES, CODES[i : i + 1], MOUTH) for i in range(2)]
    both = ReSeFa(num_codes=2).discover(WAVES, CODES, MOUTH)
    repeated = Codes(Space.Z, CODES.values[[0, 0]])
    same = ReSeFa(num_codes=2).discover(WAVES, repeated, MOUTH)
    torch.testing.assert_close(directions(same), directions(alone[0]))
    assert not torch.allclose(directions(both), directions(alone[0]))
    assert not torch.allclose(directions(both), directions(alone[1]))


def test_regions_of_each_image() -> None:
    """A part found in the images, here the same box in all, gives what the box gives."""
    fixed = MOUTH.mask(16)
    part = Part("mouth", lambda images: fixed.expand(len(images), -1, -1).to(torch.uint8), [1])
    method = ReSeFa(num_codes=2)
    torch.testing.assert_close(
        directions(method.discover(WAVES, CODES, part)),
        directions(method.discover(WAVES, CODES, MOUTH)),
    )
    with pytest.raises(UserError, match="no pixel in any of the images"):
        method.discover(WAVES, CODES, Part("beard", part.parser, [2]))


def test_a_smaller_jacobian_is_that_of_averaged_images() -> None:
    edits = ReSeFa(jacobian_resolution=4).discover(WAVES, CODES, MOUTH)
    w = WAVES.convert(CODES, Space.W).values[0]

    def small(offset: Tensor) -> Tensor:
        image = WAVES.render(Codes(Space.W, (w + offset)[None]))
        return torch.nn.functional.avg_pool2d(image, 4)[0]

    J = jacobian(small, torch.zeros_like(w)).detach()
    inside = MOUTH.mask(4).bool().expand(3, -1, -1)
    foreground, background = (p.T @ p / len(p) for p in (J[inside], J[~inside]))
    expected = regularised(foreground, background)
    torch.testing.assert_close(directions(edits), expected.directions, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("space", "num_codes"), [("w", 1), ("w+", 1), ("w+", 3)])
def test_without_matrices_the_directions_are_the_same(space: Space, num_codes: int) -> None:
    """Exactly so where the subspace may be the whole space, as in 6 and 24 dimensions."""
    options: dict[str, Any] = {"space": space, "num_codes": num_codes, "num_directions": 4}
    full = ReSeFa(**options).discover(WAVES, CODES, MOUTH)
    free = ReSeFa(**options, solver="matrix_free").discover(WAVES, CODES, MOUTH)
    torch.testing.assert_close(directions(free), directions(full), rtol=0, atol=1e-7)
    torch.testing.assert_close(free.extra["eigenvalues"], full.extra["eigenvalues"][:4])
    assert free.extra["products"] == (6 if space == "w" else 24)


def test_without_matrices_to_a_tolerance() -> None:
    """In 192 dimensions, a third of the products; the seed makes no difference that counts."""
    generator = WaveGenerator(w_dim=48)
    codes = generator.sample(1, torch.Generator().manual_seed(0))
    options: dict[str, Any] = {"space": "w+", "num_directions": 2, "tau": 0.03}
    full = ReSeFa(**options).discover(generator, codes, MOUTH)
    method = ReSeFa(**options, solver="matrix_free", rank=16, tolerance=1e-2)
    for seed in (0, 1):
        free = method.discover(generator, codes, MOUTH, seed=seed)
        cosines = (directions(free) * directions(full)).flatten(1).sum(1)
        assert cosines.min() > 0.999
        assert free.extra["products"] < 100
        assert (free.extra["residuals"] <= 1e-2).all()
        trace, error = free.extra["trace"].tolist()
        assert 0 < error < 0.1 * trace


@pytest.mark.parametrize("solver", [Solver.REGULARISED, Solver.MATRIX_FREE])
def test_several_regions_from_one_pass(solver: Solver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The edits of each are those of a pass of its own, and its Jacobians are taken once."""
    taken = 0

    class Counted(Linearisation):
        def __init__(self, *arguments: Any) -> None:
            nonlocal taken
            taken += 1
            super().__init__(*arguments)

    fixed = MOUTH.mask(16)
    part = Part("part", lambda images: fixed.expand(len(images), -1, -1).to(torch.uint8), [1])
    regions = [MOUTH, QUADRANTS[0], part, Box("left", [0.5, 0.3], [0.8, 0.4])]
    method = ReSeFa(num_codes=2, num_directions=3, solver=solver)
    alone = [method.discover(WAVES, CODES, region) for region in regions]
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr("pipeline.methods.gram.Linearisation", Counted)
    together = method.discover_regions(
        WAVES, CODES, regions, progress=lambda *counts: seen.append(counts)
    )
    for one, other in zip(alone, together, strict=True):
        assert other.region == one.region
        assert [edit.name for edit in other] == [edit.name for edit in one]
        torch.testing.assert_close(directions(other), directions(one), rtol=0, atol=1e-9)
    assert taken == (2 if solver == Solver.REGULARISED else 0)
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


def test_options_as_a_configuration_gives_them() -> None:
    options: dict[str, Any] = {"space": "w+", "solver": "woodbury", "layers": [1, 3]}
    method = ReSeFa(**options)
    assert (method.space, method.solver) == (Space.W_PLUS, Solver.WOODBURY)
    assert method.layers == method.edit_layers == (1, 3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"space": "activations"}, "Unknown space 'activations'"),
        ({"solver": "choleski"}, "Did you mean solver=cholesky"),
        ({"channels": "grey"}, "Allowed: mean, rgb, sum"),
        ({"num_directions": 0}, "num_directions=0 must be at least 1"),
        ({"tau": 0.0}, "tau=0.0 must be greater than 0"),
        ({"solver": "matrix-free"}, "Did you mean solver=matrix_free"),
        ({"tolerance": 0}, "tolerance=0 must lie between 0 and 1"),
        ({"layers": [3, 1]}, "half-open"),
        ({"space": "z", "layers": [0, 1]}, "space=z has none"),
        ({"space": "w+", "layers": [0, 2], "edit_layers": [1, 3]}, "must lie within"),
    ],
)
def test_impossible_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        ReSeFa(**options)


@pytest.mark.parametrize(
    ("options", "region", "said"),
    [
        ({"space": "s"}, MOUTH, "method=resefa needs the space 's'"),
        ({"jacobian_resolution": 5}, MOUTH, "must divide the generator's resolution, 16"),
        ({}, Box("all", [0.5, 0.5], [1, 1]), "no background to preserve"),
        ({}, Box("dot", [0.5, 0.5], [0.01, 0.01]), "no pixel at 16 x 16"),
        ({"jacobian_resolution": 0}, MOUTH, "must divide"),
        ({"num_codes": 4}, MOUTH, "only 3 codes"),
        ({"solver": "woodbury", "rank": 7}, MOUTH, "within 1..6"),
        ({"layers": [2, 9]}, MOUTH, "beyond this generator's 4"),
        ({"edit_layers": [2, 9]}, MOUTH, "beyond this generator's 4"),
    ],
)
def test_impossible_combinations(options: dict[str, Any], region: Box, said: str) -> None:
    with pytest.raises(UserError, match=said):
        ReSeFa(**options).discover(WAVES, CODES, region)


class TestReSeFaAsMethod(MethodCase):
    """The common ground of all methods."""

    @pytest.fixture(params=["w", "w+", "z", "w+ without matrices"])
    def method(self, request: pytest.FixtureRequest) -> ReSeFa:
        """In each of the spaces, and by products."""
        space, _, products = request.param.partition(" ")
        solver = Solver.MATRIX_FREE if products else Solver.REGULARISED
        return ReSeFa(num_directions=2, num_codes=2, space=space, solver=solver, chunk=4)

    @pytest.fixture
    def generator(self) -> WaveGenerator:
        """The nonlinear one."""
        return WAVES

    @pytest.fixture
    def region(self) -> Box:
        """A fixed box."""
        return MOUTH
