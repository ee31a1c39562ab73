"""The training loop: it learns, resumes exactly, and disturbs images mildly."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.evaluators.training import Loss, Schedule, disturb, seeded, train

SCHEDULE = Schedule(steps=12, batch=16, rate=0.05, warmup=2)


class StopError(Exception):
    """An interruption."""


def line() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))


def fit(network: nn.Module) -> Loss:
    def loss(generator: torch.Generator) -> Tensor:
        x = torch.randn(16, 3, generator=generator)
        error: Tensor = network(x) - 3 - x.sum(1, keepdim=True)
        return error.square().mean()

    return loss


def test_the_loss_decreases(tmp_path: Path) -> None:
    losses: list[float] = []
    network, plan = line(), Schedule(steps=60, batch=16, rate=0.05, warmup=2)
    train(network, fit(network), plan, tmp_path / "x.pt", lambda _, __, loss: losses.append(loss))
    assert sum(losses[-5:]) < 0.3 * sum(losses[:5])


def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    def interrupt(step: int, steps: int, loss: float) -> None:
        if step == 7:
            raise StopError

    straight, broken, resumed = line(), line(), line()
    train(straight, fit(straight), SCHEDULE, tmp_path / "a.pt", every=5)
    with pytest.raises(StopError):
        train(broken, fit(broken), SCHEDULE, tmp_path / "b.pt", interrupt, every=5)
    train(resumed, fit(resumed), SCHEDULE, tmp_path / "b.pt", every=5)
    for a, b in zip(straight.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first, again = line(), line()
    seconds = train(first, fit(first), SCHEDULE, tmp_path / "a.pt")
    steps: list[int] = []
    spent = train(
        again, fit(again), SCHEDULE, tmp_path / "a.pt", lambda step, *_: steps.append(step)
    )
    assert not steps
    assert spent == pytest.approx(seconds, abs=0.5)


def test_another_schedule_is_refused(tmp_path: Path) -> None:
    network = line()
    train(network, fit(network), SCHEDULE, tmp_path / "a.pt")
    with pytest.raises(UserError, match=r"a\.pt.*another training"):
        train(network, fit(network), Schedule(steps=3, batch=16), tmp_path / "a.pt")


def test_rate_warms_up_and_falls_to_zero() -> None:
    rates = [SCHEDULE.rate_at(step) for step in range(SCHEDULE.steps + 1)]
    assert rates[:3] == pytest.approx([0.025, 0.05, 0.05])
    assert rates[-1] == pytest.approx(0, abs=1e-9)
    assert rates[2:] == sorted(rates[2:], reverse=True)


def test_seeded_depends_on_every_word() -> None:
    draws = [torch.rand(1, generator=seeded("a", i)).item() for i in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


def test_disturbance_is_mild_and_spares_half() -> None:
    images = torch.rand(64, 3, 8, 8, generator=seeded(1)) * 2 - 1
    changed = disturb(images, seeded(2))
    same = (changed == images).flatten(1).all(1)
    assert 16 < int(same.sum()) < 48
    assert (changed.mean((1, 2, 3)) - images.mean((1, 2, 3))).abs().max() < 0.1
