"""The conditional flow: its derivative, its inverse, its likelihood, and its training."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.methods import training_loop
from pipeline.methods.flow_training import FlowRecipe, FlowTraining
from pipeline.methods.normalising_flow import FlowShape, MovingNorm, NormalisingFlow

SHAPE = FlowShape(3, 2, (6, 5), 1e-6)
RECIPE = FlowRecipe(steps=4, batch=8, rate=0.01, decay=True, noise=0.1)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def random_flow(shape: FlowShape = SHAPE) -> NormalisingFlow:
    flow = NormalisingFlow(shape)
    return NormalisingFlow.unpacked(0.5 * random(len(flow.packed())).abs(), shape)


FLOW, X, A = random_flow(), random(4, 3, seed=1), random(4, 2, seed=2)


def jacobian(x: Tensor, a: Tensor) -> Tensor:
    columns = torch.autograd.functional.jacobian(
        lambda y: FLOW.to_base(y[None], a[None])[0], x, vectorize=False
    )
    assert isinstance(columns, Tensor)
    return columns


def test_the_tangent_is_the_derivative_of_the_field() -> None:
    t, tangent = torch.tensor(0.3), random(4, 3, seed=3)
    _, moved = FLOW.field(t, X, A, tangent)
    _, expected = torch.autograd.functional.jvp(lambda x: FLOW.field(t, x, A)[0], X, tangent)
    torch.testing.assert_close(moved, expected)


def test_a_latent_goes_to_the_base_and_comes_back() -> None:
    base = FLOW.to_base(X, A)
    assert float((base - X).abs().max()) > 0.1
    torch.testing.assert_close(FLOW.from_base(base, A), X, rtol=1e-4, atol=1e-4)
    other = FLOW.from_base(base, A + 1)
    assert float((other - X).abs().max()) > 0.01


def test_the_likelihood_is_that_of_the_base_and_the_volume() -> None:
    base = FLOW.to_base(X, A)
    normal = -0.5 * (base.square() + math.log(2 * math.pi)).sum(1)
    volume = torch.stack([jacobian(x, a).slogdet()[1] for x, a in zip(X, A, strict=True)])
    # Over the corners of a cube e' J e has the trace of J as its mean, to the last digit.
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)
    found = [FLOW.log_likelihood(X, A, e.expand(4, 3)) for e in corners]
    mean = torch.stack(found).mean(0)
    torch.testing.assert_close(mean, normal + volume, rtol=1e-4, atol=1e-4)


def test_moving_statistics_follow_the_batches() -> None:
    norm = MovingNorm(3)
    batch = 2 + 3 * random(500, 3)
    first = norm(batch).detach()
    assert float(first.mean().abs()) < 1e-5
    assert float(first.std()) == pytest.approx(1, abs=0.01)
    norm(batch + 10)
    assert float(norm.mean.mean()) == pytest.approx(float(batch.mean()) + 1, abs=1e-4)
    norm.eval()
    torch.testing.assert_close(norm.inverse(norm(batch)), batch)
    assert float(norm.mean.mean()) == pytest.approx(float(batch.mean()) + 1, abs=1e-4)


def pairs(n: int = 80) -> tuple[Tensor, Tensor]:
    attributes = random(n, 2, seed=4)
    return attributes @ random(2, 3, seed=5) + 0.3 * random(n, 3, seed=6), attributes


def training(recipe: FlowRecipe = RECIPE, **changes: Any) -> FlowTraining:
    options = {"dimensions": 3, "conditions": 2, "hidden": (6,), "tolerance": 1e-2} | changes
    return FlowTraining(*pairs(), FlowShape(**options), recipe, seed=0)


def test_training_finds_what_the_attributes_tell() -> None:
    recipe = FlowRecipe(steps=60, batch=32, rate=0.03, decay=True)
    trained = training(recipe).run()
    assert trained.nats < trained.normal - 0.1
    assert [row[0] for row in trained.curve.tolist()] == [25, 50, 60]


class Memory:
    """A keeper that breaks the training off at its first saving."""

    def __init__(self) -> None:
        self.state: dict[str, Any] | None = None

    def load(self) -> dict[str, Any] | None:
        return self.state

    def save(self, state: dict[str, Any]) -> None:
        first, self.state = self.state is None, state
        if first:
            raise KeyboardInterrupt


def test_a_killed_training_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_loop, "WINDOW", 2)
    memory = Memory()
    with pytest.raises(KeyboardInterrupt):
        training().run(memory)
    resumed, whole = training().run(memory), training().run()
    assert torch.equal(resumed.weights, whole.weights)
    assert torch.equal(resumed.curve, whole.curve)
    assert resumed.nats == whole.nats


def test_gradients_solved_backwards_are_those_through_the_steps() -> None:
    found = []
    for adjoint in (False, True):
        flow = random_flow(replace(SHAPE, adjoint=adjoint)).train().requires_grad_()
        flow.log_likelihood(X, A, random(4, 3, seed=7).sign()).sum().backward()
        grads = [p.grad for p in flow.parameters() if p.grad is not None]
        found.append(torch.cat([grad.flatten() for grad in grads]))
    assert float(found[0].abs().max()) > 0.1
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("change", [{"hidden": ()}, {"hidden": (4, 0)}, {"tolerance": 0.0}])
def test_wrong_shapes_are_told(change: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(change))):
        FlowShape(**{"dimensions": 3, "conditions": 2, "hidden": (4,)} | change)


def test_wrong_recipes_are_told() -> None:
    with pytest.raises(UserError, match="steps=0"):
        FlowRecipe(0, 8, 0.1, True)
    with pytest.raises(UserError, match="batch=1"):
        FlowRecipe(4, 1, 0.1, True)
    with pytest.raises(UserError, match="noise=1"):
        FlowRecipe(4, 8, 0.1, True, 1.0)
    with pytest.raises(UserError, match="too few"):
        FlowTraining(*(x[:3] for x in pairs()), SHAPE, RECIPE, 0)


def test_a_row_of_another_flow_is_refused() -> None:
    with pytest.raises(ValueError, match="are no flow of"):
        NormalisingFlow.unpacked(torch.zeros(5), SHAPE)
