"""Processes that average, and requests to stop."""

import os
import signal
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.training.processes import StopRequest, average, launch

BATCH = 6


def losses_gradients(images: Tensor) -> list[Tensor]:
    """Gradients of a small network's mean loss; no sample looks at another."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.LeakyReLU(), nn.Flatten(), nn.Linear(12, 1))
    network.double()(images).square().mean().backward()
    return [p.grad for p in network.parameters()]  # type: ignore[misc]


def batch() -> Tensor:
    return torch.randn(BATCH, 2, 4, 4, generator=torch.Generator().manual_seed(1)).double()


def share_of_the_work(rank: int, out: Path) -> None:
    """What both processes do: their half of the batch, the mean of gradients, a stop for all."""
    gradients = losses_gradients(batch()[rank * BATCH // 2 : (rank + 1) * BATCH // 2])
    average(gradients)
    with StopRequest() as stop:
        before = stop.agreed()
        if rank == 1:
            signal.raise_signal(signal.SIGTERM)
        result = {"gradients": gradients, "before": before, "after": stop.agreed()}
    torch.save(result, out / f"{rank}.pt")
    if (out / "refuse").exists() and rank == 1:
        raise UserError("the second process is refused something")


def test_two_processes_average_to_one_with_the_whole_batch(tmp_path: Path) -> None:
    """And where one is told to stop, both know at the same step; a refusal ends all."""
    (tmp_path / "refuse").touch()
    with pytest.raises(UserError, match="gave up for the reason above"):
        launch(share_of_the_work, tmp_path, 2)
    expected = losses_gradients(batch())
    for rank in range(2):
        result = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(result["gradients"], expected, rtol=1e-12, atol=1e-12)
        assert (result["before"], result["after"]) == (False, True)


def test_alone_nothing_is_averaged() -> None:
    x = torch.tensor([1.0, 2.0])
    average([x])
    assert x.tolist() == [1.0, 2.0]


def test_one_process_is_this_one() -> None:
    seen: list[tuple[int, int]] = []
    launch(lambda rank, pid: seen.append((rank, pid)), os.getpid(), 1)
    assert seen == [(0, os.getpid())]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_noted_once_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopRequest() as stop:
        assert not stop.agreed()
        signal.raise_signal(number)
        assert stop.agreed()
        assert signal.getsignal(number) == signal.SIG_DFL
    assert signal.getsignal(number) == before
