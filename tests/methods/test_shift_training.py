"""Training of directions: the pairs, the objective, and what a kill leaves behind."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.methods import shift_training, training_loop
from pipeline.methods.kernel_basis import SingularBasis
from pipeline.methods.reconstructor import Reconstructor
from pipeline.methods.shift_training import Recipe, ShiftTraining, Trained
from tests.generators.networks import small_network

NETWORK = small_network(dtype=torch.float32)
LAYER = "b8.conv1"
BASIS = SingularBasis.of(NETWORK.kernels[LAYER])


def recipe(**changes: Any) -> Recipe:
    options: dict[str, Any] = {
        "directions": 3,
        "steps": 5,
        "batch": 4,
        "rate": 1e-3,
        "magnitude": None,
        "reach": 1.0,
        "least": 0.2,
        "regression": 0.5,
        "resolution": 16,
    }
    return Recipe(**{**options, **changes})


def training(**changes: Any) -> ShiftTraining:
    return ShiftTraining(NETWORK, LAYER, BASIS, recipe(**changes), seed=3)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_loop, "WINDOW", 2)
    monkeypatch.setattr(shift_training, "HELD_OUT", 6)


class KilledError(Exception):
    pass


class Memory:
    """Keeps states; after so many savings the process dies."""

    def __init__(self, dies_after: int | None = None) -> None:
        self.kept: dict[str, Any] | None = None
        self.dies_after = dies_after

    def load(self) -> dict[str, Any] | None:
        return self.kept

    def save(self, state: dict[str, Any]) -> None:
        self.kept = copy.deepcopy(state)
        if self.dies_after is not None:
            self.dies_after -= 1
            if not self.dies_after:
                raise KilledError


def same(a: Trained, b: Trained) -> None:
    assert torch.equal(a.curve, b.curve)
    assert torch.equal(a.coefficients, b.coefficients)
    assert (a.accuracy, a.error, a.range) == (b.accuracy, b.error, b.range)


def test_a_killed_training_goes_on_to_the_same_curve() -> None:
    told: list[float] = []
    whole = training().run(tell=lambda point: told.append(point["step"]))
    assert told == [2, 4, 5]
    assert whole.curve.shape == (3, len(ShiftTraining.curve))
    memory = Memory(dies_after=2)
    with pytest.raises(KilledError):
        training().run(memory)
    memory.dies_after = None
    assert memory.kept is not None
    assert memory.kept["step"] == 4
    seen: list[tuple[int, int]] = []
    same(training().run(memory, progress=lambda *n: seen.append(n)), whole)
    assert seen == [(5, 5)]


def test_directions_are_trained_with_the_network() -> None:
    task = training()
    before = [
        p.detach().clone() for p in (task._coefficients, task._reconstructor.trunk.conv1.weight)
    ]
    loss, classification, regression, accuracy = task.step()
    assert loss == pytest.approx(classification + 0.5 * regression)
    assert 0 <= accuracy <= 1
    for old, new in zip(
        before, (task._coefficients, task._reconstructor.trunk.conv1.weight), strict=True
    ):
        assert not torch.equal(old, new)
    assert all(p.grad is None for p in NETWORK.parameters())


def test_pairs_are_of_one_code_and_differ_by_a_shift() -> None:
    task = training(magnitude=7.0)
    random = torch.Generator().manual_seed(1)
    before, after, chosen, share = task._pairs(64, random)
    assert task.range == 7
    assert 0.2 <= float(share.abs().min()) < 0.21
    assert 0.9 < float(share.abs().max()) <= 1
    assert set(chosen.tolist()) == {0, 1, 2}
    assert share.min() < 0 < share.max()
    codes = NETWORK.sample(64, torch.Generator().manual_seed(1))
    assert torch.equal(before, NETWORK.render(codes))
    shift = BASIS.shifts(task._coefficients.detach())[chosen[5]]
    moved = NETWORK.render(codes[5:6], shifts={LAYER: 7 * share[5] * shift})
    torch.testing.assert_close(after[5:6].detach(), moved, rtol=1e-4, atol=1e-4)


def test_the_range_goes_by_the_kernels_norm() -> None:
    assert training(reach=2.0).range == pytest.approx(2 * float(NETWORK.kernels[LAYER].norm()))


def test_learns_to_tell_two_directions_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_loop, "WINDOW", 10)
    found = training(directions=2, steps=40, batch=16, reach=2.0).run()
    assert found.curve[-1, 1] < found.curve[0, 1]
    assert found.curve[-1, ShiftTraining.curve.index("accuracy")] > 0.65
    torch.testing.assert_close(found.coefficients.norm(dim=1), torch.ones(2))


def test_reconstructor_sees_both_images_at_its_own_size() -> None:
    network = Reconstructor(5, resolution=32).eval()
    a, b = torch.randn(2, 3, 3, 16, 16, generator=torch.Generator().manual_seed(0)).unbind()
    logits, share = network(a, b)
    assert logits.shape == (3, 5)
    assert share.shape == (3,)
    doubled: list[Tensor] = [x.repeat_interleave(2, 2).repeat_interleave(2, 3) for x in (a, b)]
    torch.testing.assert_close(network(*doubled)[0], logits)
    assert not torch.allclose(network(b, a)[0], logits)
    assert network.trunk.conv1.weight.shape == (64, 6, 7, 7)
    again, other = Reconstructor(5, 32).state_dict(), Reconstructor(5, 32, seed=1).state_dict()
    name = "trunk.layer1.0.conv1.weight"
    assert torch.equal(network.state_dict()[name], again[name])
    assert not torch.equal(again[name], other[name])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 0}, "steps=0 must be more than 0"),
        ({"directions": 1}, "two can be told apart"),
        ({"magnitude": -1.0}, "magnitude=-1.0 must be more than 0, or null"),
        ({"least": 1.0}, "least=1.0: a share"),
    ],
)
def test_impossible_recipes(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        recipe(**changes)
