"""Mimicry: a known latent shift is found again, and what no latent shift can do is not done."""

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.methods.latents import shift
from pipeline.methods.mimicry import (
    ActivationMover,
    MimicryRecipe,
    distances,
    judged,
    layer_before,
    mimic,
    mover,
)
from pipeline.methods.weight_shift import render_shifted
from tests.generators.networks import small_network

LAYER = "b8.conv1"
RECIPE = MimicryRecipe(steps=200, batch=12, rate=0.2, perceptual=0)
NETWORK = small_network()
TRAIN, TEST = (NETWORK.sample(12, torch.Generator().manual_seed(seed)) for seed in (1, 2))
TRAIN, TEST = (codes.with_values(codes.values.double()) for codes in (TRAIN, TEST))


class Halves:
    """A distance of its own: squared differences of the left halves."""

    name = "halves"

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        return (a - b)[..., : a.shape[-1] // 2].square().mean((1, 2, 3))


def residual(space: Space, target: str, recipe: MimicryRecipe = RECIPE) -> tuple[float, Tensor]:
    """What is left on held-out codes of an edit in ``target``, mimicked in a space."""
    random = torch.Generator().manual_seed(3)

    def edited(codes: Codes) -> Tensor:
        return moved.render(codes, known) if target != "weights" else shifted(codes)

    def shifted(codes: Codes) -> Tensor:
        return render_shifted(NETWORK, codes, {LAYER: kernel_shift})

    kernel = NETWORK.kernels[LAYER]
    kernel_shift = torch.randn(kernel.shape, generator=random, dtype=torch.float64)
    kernel_shift *= 0.5 * kernel.norm() / kernel_shift.norm()
    if target != "weights":
        moved = mover(NETWORK, TRAIN, Space(target), LAYER)
        known = torch.randn(moved.shape, generator=random, dtype=torch.float64) * moved.scale
        known = 0.5 * known
    own = mover(NETWORK, TRAIN, space, LAYER)
    found = mimic(own, TRAIN, NETWORK.render, edited, recipe, random)
    before = judged(NETWORK.render, edited, TEST, None)["mse"].mean()
    after = judged(lambda codes: own.render(codes, found.shift), edited, TEST, None)["mse"].mean()
    return float(after / before), found.curve


@pytest.mark.parametrize("space", [Space.Z, Space.W, Space.W_PLUS, Space.ACTIVATIONS])
def test_a_shift_of_the_space_itself_is_mimicked_to_nothing(space: Space) -> None:
    left, curve = residual(space, space)
    assert left < 5e-3
    assert curve[0] > 0.1
    assert curve[-1] < 5e-3


def test_what_a_wider_space_can_do_a_narrower_cannot() -> None:
    assert residual(Space.W_PLUS, Space.W)[0] < 5e-3
    assert residual(Space.W, Space.W_PLUS)[0] > 0.1


def test_a_random_shift_of_weights_is_not_mimicked() -> None:
    left, curve = residual(Space.W, "weights")
    assert 0.1 < left < 1.2
    assert curve[-1] > 0.1


def test_activations_are_those_the_convolution_is_given() -> None:
    assert layer_before(NETWORK, TRAIN, "b8.conv1") == "b8.conv0"
    assert layer_before(NETWORK, TRAIN, "b8.conv0") == "b4.conv1"
    own = ActivationMover(NETWORK, TRAIN, LAYER)
    still = own.render(TEST, torch.zeros(own.shape, dtype=torch.float64))
    assert torch.equal(still, NETWORK.render(TEST))
    step = torch.ones(own.shape, dtype=torch.float64)
    assert not torch.allclose(own.render(TEST, step), still)


def test_impossible_wishes() -> None:
    with pytest.raises(UserError, match=r"layer=b4\.conv1 is given no features"):
        mover(NETWORK, TRAIN, Space.ACTIVATIONS, "b4.conv1")
    with pytest.raises(UserError, match="changes nothing"):
        own = mover(NETWORK, TRAIN, Space.W, LAYER)
        mimic(own, TRAIN, NETWORK.render, NETWORK.render, RECIPE, torch.Generator())
    with pytest.raises(UserError, match="steps=0"):
        MimicryRecipe(steps=0)
    with pytest.raises(UserError, match="one of them more"):
        MimicryRecipe(mse=0, perceptual=0)


def test_both_distances_count_as_shares_of_doing_nothing() -> None:
    recipe = MimicryRecipe(steps=10, batch=12, rate=1e-9, mse=2, perceptual=3)
    own = mover(NETWORK, TRAIN, Space.W, LAYER)

    def edited(codes: Codes) -> Tensor:
        return NETWORK.render(shift(NETWORK, codes, torch.ones(1, 6).double(), Space.W))

    random = torch.Generator().manual_seed(3)
    found = mimic(own, TRAIN, NETWORK.render, edited, recipe, random, Halves())
    assert found.curve.tolist() == pytest.approx([1.0], abs=1e-5)


def test_distances_are_those_of_the_images() -> None:
    a, b = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    b[1, ..., 0] = 1.0
    found = distances(a, b, Halves())
    assert found["mse"].tolist() == [0.0, 0.0625]
    assert found["halves"].tolist() == [0.0, 0.5]
