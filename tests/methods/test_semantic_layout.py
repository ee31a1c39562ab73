"""Classes moved, scaled and left out."""

from typing import Any

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.base import Generator
from pipeline.generators.layers_semantic import grid
from pipeline.methods.base import Method
from pipeline.methods.edits import Edit
from pipeline.methods.semantic_layout import (
    SemanticDrop,
    SemanticLayout,
    SemanticMove,
    SemanticScale,
    middles,
)
from pipeline.regions.box import Box
from pipeline.regions.region import Region
from tests.generators.semantic_cases import random_network
from tests.generic import MethodCase
from tests.methods.semantics import CLASSES, MOUTH, NETWORK, codes_of

METHODS = (SemanticMove, SemanticScale, SemanticDrop)
SIDE = 8  # of the coarse maps


@pytest.mark.parametrize("method", [kind() for kind in METHODS], ids=lambda m: str(m.name))
class TestLayouts(MethodCase):
    @pytest.fixture
    def generator(self) -> Generator:
        return NETWORK

    @pytest.fixture
    def region(self) -> Region:
        return MOUTH


def edit_of(method: Method, index: int = 0) -> Edit:
    return method.discover(NETWORK, codes_of(), MOUTH)[index]


@pytest.mark.parametrize(("index", "dim"), [(0, 2), (1, 3)])
def test_a_class_moves_by_pixels_of_its_map_and_alone(index: int, dim: int) -> None:
    """An eighth of the image is one pixel of a map of eight; seen through the depths."""
    seen: list[torch.Tensor] = []
    handle = NETWORK.local.register_forward_hook(lambda _m, _i, out: seen.append(out[0]))
    edit_of(SemanticMove(), index).apply(NETWORK, codes_of(), torch.tensor([0.125, -0.25, 0.0]))
    handle.remove()
    moved = seen[0].unflatten(2, (SIDE, SIDE))
    plain = NETWORK.compose(codes_of()).depths
    mouth = CLASSES.index("mouth")
    others = [k for k in range(len(CLASSES)) if k != mouth]
    torch.testing.assert_close(moved[:, others], plain[:, others])
    before, after = plain[:, mouth].movedim(dim - 1, 1), moved[:, mouth].movedim(dim - 1, 1)
    torch.testing.assert_close(after[0, 1:], before[0, :-1], rtol=0, atol=1e-3)
    torch.testing.assert_close(after[1, :-2], before[1, 2:], rtol=0, atol=1e-3)
    torch.testing.assert_close(after[2], before[2])


def test_the_middle_of_a_class_is_where_it_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of depths that show a class in two places."""
    depths = torch.zeros(1, len(CLASSES), SIDE, SIDE)
    depths[0, 2, 1, 3] = depths[0, 2, 5, 3] = 30.0
    monkeypatch.setattr(NETWORK.local, "forward", lambda *_: (depths.flatten(2), None))
    chosen = torch.tensor([0.0, 0.0, 1.0, 0.0])
    found = middles(NETWORK, codes_of(1), chosen)
    expected = grid(SIDE, depths)[:, [3 * SIDE + 3]].T
    torch.testing.assert_close(found, expected, rtol=0, atol=0.15)
    depths[:] = -torch.arange(len(CLASSES))[:, None, None] * 1000.0
    assert bool((middles(NETWORK, codes_of(1), chosen) == 0).all())


def test_a_class_is_scaled_about_its_middle() -> None:
    """What it looks up at its middle stays, and away from it lies nearer by the factor."""
    asked: list[torch.Tensor] = []
    chosen = NETWORK.present(["mouth"])
    middle = middles(NETWORK, codes_of(), chosen)[:, :, None]
    handle = NETWORK.embedding.register_forward_pre_hook(lambda _m, given: asked.append(given[0]))
    edit_of(SemanticScale()).apply(NETWORK, codes_of(), torch.tensor([1.0, -0.5, 0.0]))
    handle.remove()
    positions, plain = asked[-1], grid(SIDE, middle)
    factors = torch.tensor([2.0, 0.5, 1.0])[:, None, None]
    torch.testing.assert_close(positions[:, 2], middle + (plain - middle) / factors)
    for k in (0, 1, 3):
        torch.testing.assert_close(positions[:, k], plain.expand(3, 2, -1))


def test_all_of_a_drop_is_the_image_without_the_class() -> None:
    codes = codes_of()
    left = [name for name in CLASSES if name != "mouth"]
    expected = NETWORK.compose(codes, present=NETWORK.present(left)).images
    images = edit_of(SemanticDrop()).apply(NETWORK, codes, torch.tensor([1.0, 0.0, 1.0]))
    torch.testing.assert_close(images[[0, 2]], expected[[0, 2]])
    torch.testing.assert_close(images[1], NETWORK.render(codes)[1])


def test_half_of_a_drop_halves_the_mask_against_the_others() -> None:
    present = torch.ones(4)
    present[2] = 0.5
    part = NETWORK.compose(codes_of(), present=present)
    masks = NETWORK.compose(codes_of()).depths.softmax(1)
    masks[:, 2] /= 2
    torch.testing.assert_close(part.coarse, 2 * masks / masks.sum(1, keepdim=True) - 1)
    torch.testing.assert_close(edit_of(SemanticDrop()).apply(NETWORK, codes_of(), 0.5), part.images)


@pytest.mark.parametrize("kind", METHODS)
def test_images_are_differentiable_in_the_strength(kind: type[SemanticLayout]) -> None:
    strength = torch.tensor(0.3, requires_grad=True)
    edit_of(kind()).apply(NETWORK, codes_of(), strength).square().sum().backward()
    assert strength.grad is not None
    assert strength.grad.abs() > 0


@pytest.mark.parametrize("kind", METHODS)
def test_strengths_mean_something_by_themselves(kind: type[SemanticLayout]) -> None:
    edit = edit_of(kind())
    assert not kind().calibrated
    assert edit.scale.startswith("1 ")
    assert edit.shares == all(s > 0 for s in kind.strengths)
    kind().check_strengths(kind.strengths)
    assert 0 < edit.spread(NETWORK, codes_of()) <= 1


@pytest.mark.parametrize(
    ("kind", "wrong"), [(SemanticMove, 1.5), (SemanticScale, -1.0), (SemanticDrop, -0.5)]
)
def test_impossible_strengths(kind: type[SemanticLayout], wrong: float) -> None:
    with pytest.raises(UserError, match=f"strength={wrong:g}"):
        kind().check_strengths([wrong])
    if kind is not SemanticMove:
        with pytest.raises(UserError, match=f"strength={wrong:g}"):
            edit_of(kind()).apply(NETWORK, codes_of(), wrong)


def test_the_background_stays() -> None:
    options: dict[str, Any] = {"classes": ["background", "mouth"]}
    for kind in METHODS:
        with pytest.raises(UserError, match="'background' lies behind all other classes"):
            kind(**options).check(NETWORK, Box("mouth", [0.5, 0.5], [0.2, 0.2]))


def test_edits_are_of_one_generator() -> None:
    with pytest.raises(UserError, match="was found on"):
        edit_of(SemanticMove()).apply(random_network(seed=5), codes_of(), 0.1)
