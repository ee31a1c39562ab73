"""Directions of single classes of a SemanticStyleGAN."""

from typing import Any

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.base import Method
from pipeline.methods.ganspace import SigmaEdit
from pipeline.methods.semantic_stylegan import SemanticDirections, affine, style_components
from pipeline.regions.region import Region
from tests.generators.semantic_cases import random_network
from tests.generic import MethodCase
from tests.methods.semantics import KINDS, MOUTH, NETWORK, codes_of, rendered, ws_of

SMALL: dict[str, Any] = {"num_samples": 300, "num_directions": 3}


class TestDirections(MethodCase):
    @pytest.fixture
    def method(self) -> Method:
        return SemanticDirections(**SMALL)

    @pytest.fixture
    def generator(self) -> Generator:
        return NETWORK

    @pytest.fixture
    def region(self) -> Region:
        return MOUTH


def first(**changes: Any) -> SigmaEdit:
    edit = SemanticDirections(**(SMALL | changes)).discover(NETWORK, codes_of(), MOUTH)[0]
    assert isinstance(edit, SigmaEdit)
    return edit


@pytest.mark.parametrize(("kind", "moved"), KINDS)
def test_only_the_rows_of_the_class_move(kind: str, moved: list[int]) -> None:
    edit = first(codes=kind)
    assert edit.direction.abs().sum(1).nonzero()[:, 0].tolist() == moved
    assert float(edit.direction.norm()) == pytest.approx(1)
    ws = ws_of(codes_of())
    ws[:, moved] += 0.7 * edit.sigma * edit.direction[moved]
    torch.testing.assert_close(edit.apply(NETWORK, codes_of(), 0.7), rendered(ws))


def test_steps_are_deviations_of_principal_components_of_the_styles() -> None:
    """Held against the components of the styles of samples themselves."""
    rows = [5, 6]
    weight = affine(NETWORK, rows).double()
    codes = codes_of(2000)
    w = NETWORK.convert(codes, Space.W).values.double()
    steps, variances = style_components(weight, torch.cov(w.T))
    styles = NETWORK.convert(codes[:2], Space.S).values
    slices = [NETWORK.style_slices[f"mouth.conv{i}"] for i in range(1, 4)]
    own = torch.cat([styles[:, s] for s in slices], 1).double()
    torch.testing.assert_close(weight @ (w[0] - w[1]), own[0] - own[1], rtol=1e-4, atol=1e-4)
    values, vectors = torch.linalg.eigh(torch.cov((w @ weight.T).T))
    torch.testing.assert_close(variances, values.flip(0)[:6])
    for step, value, vector in zip(steps, values.flip(0), vectors.T.flip(0), strict=False):
        change = weight @ step
        torch.testing.assert_close(change.norm(), value.sqrt())
        assert abs(float(change @ vector)) == pytest.approx(float(value.sqrt()))
        scores = (w - w.mean(0)) @ weight.T @ vector
        regression = (w - w.mean(0)).T @ scores / scores.square().sum() * value.sqrt()
        torch.testing.assert_close(regression.abs(), step.abs())


def test_the_edit_is_of_one_generator_and_goes_by_the_image() -> None:
    edit, codes = first(), codes_of()
    with pytest.raises(UserError, match="was found on"):
        edit.apply(random_network(seed=5), codes, 1.0)
    strengths = torch.tensor([0.0, 1.0, -2.0])
    images = edit.apply(NETWORK, codes, strengths)
    for i, strength in enumerate(strengths):
        alone = edit.apply(NETWORK, codes[i : i + 1], float(strength))
        torch.testing.assert_close(images[i : i + 1], alone)


def test_images_are_differentiable_in_the_strength() -> None:
    strength = torch.tensor(0.5, requires_grad=True)
    first().apply(NETWORK, codes_of(), strength).square().sum().backward()
    assert strength.grad is not None
    assert strength.grad.abs() > 0


def test_the_seed_decides_and_the_notes_tell() -> None:
    method = SemanticDirections(**SMALL)
    found = [method.discover(NETWORK, codes_of(), MOUTH, seed=s) for s in (1, 2)]
    assert not torch.equal(*(edits[0].arrays()["direction"] for edits in found))
    assert found[0].notes["classes"] == ["mouth"]
    assert found[0].notes["codes"] == "both"
    values = found[0].extra["eigenvalues"]
    assert values.tolist() == sorted(values.tolist(), reverse=True)
    assert isinstance(found[0][0], SigmaEdit)
    assert found[0][0].spread(NETWORK, Codes(Space.W, torch.zeros(1, 6))) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"codes": "shape"}, "Unknown method.codes 'shape'"),
        ({"num_directions": 0}, "num_directions=0"),
        ({"num_samples": 1}, "num_samples=1"),
    ],
)
def test_impossible_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        SemanticDirections(**options)
