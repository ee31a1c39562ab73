"""The benchmark of the Jacobian on a network that takes no time."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pipeline.benchmarks import jacobian_report as report
from pipeline.benchmarks import reference
from pipeline.benchmarks.jacobian import Case, InW, InWPlus, Memory, in_w, in_w_plus
from pipeline.benchmarks.memory import peak_bytes
from pipeline.generators.base import Space
from pipeline.methods.jacobian import jacobian
from scripts import benchmark

TINY = Case(16, (6, 5, 4), w_dim=12, chunk=5, max_bytes=2**10)


def test_the_public_way_finds_the_same_rows_and_directions() -> None:
    network = TINY.network().double()
    (function,), point = TINY.functions(network)
    exact = jacobian(function, point)
    found, times = reference.rows_of(function, point, [0, 300, 767])
    torch.testing.assert_close(torch.stack(found), exact.flatten(0, 2)[[0, 300, 767]])
    assert times.whole(10) == times.forward + 10 * times.row > 0
    inside = TINY.inside()
    assert int(inside.sum()) == 3 * int(TINY.mask().sum())
    flat = exact.flatten(0, 2)
    directions = reference.directions(flat, inside, 1e-3)
    f, b = (flat[part].T @ flat[part] / part.sum() for part in (inside, ~inside))
    b = b + 1e-3 * b.trace() * torch.eye(12, dtype=torch.float64)
    quotients = (directions @ f * directions).sum(1) / (directions @ b * directions).sum(1)
    assert (quotients.diff() < 0).all()
    expected = torch.linalg.eigvals(torch.linalg.solve(b, f)).real.max()
    torch.testing.assert_close(quotients[0], expected)


def test_both_ways_in_w() -> None:
    found = in_w(TINY, sampled=3, runs=2)
    assert min(*found.public, *found.ours, found.products, found.torch_forward, found.images) > 0
    assert len(found.cosines) == 5
    assert min(found.cosines) > 0.999
    assert min(found.public_cosines) > 0.99
    assert found.speed_up == pytest.approx(sum(found.public) / sum(found.ours))
    assert found.overhead == pytest.approx(sum(found.ours) / found.products)


def test_in_w_plus_with_and_without_the_full_solution() -> None:
    found = in_w_plus(TINY, full=True)
    assert found.dimensions == 6 * 12
    assert found.vectors <= 72
    assert min(found.cosines) > 0.999
    assert max(found.eigenvalue_errors) < 0.1
    alone = in_w_plus(TINY, full=False)
    assert alone.full[1] is None
    assert alone.cosines == ()


def test_networks_follow_from_the_seed() -> None:
    state = torch.random.get_rng_state()
    first, second = TINY.network(), TINY.network()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert first.fingerprint == second.fingerprint
    functions, point = TINY.functions(first, Space.W_PLUS, count=2)
    assert point.shape == (72,)
    assert not torch.equal(functions[0](point), functions[1](point))


def hold(megabytes: int) -> Callable[[], object]:
    return lambda: torch.ones(megabytes, 250_000)


def fail() -> Callable[[], object]:
    raise ValueError("not here")


def test_memory_of_a_process_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    found = peak_bytes(hold, 60)
    assert found is None or 58e6 <= found < 70e6  # the kernel counts in batches
    with pytest.raises(RuntimeError, match="failed"):
        peak_bytes(fail)
    assert "not here" in capfd.readouterr().err


W = InW((7200.0, 1.0), 300, (4.0, 0.2), 4.0, 8.0, 4.1, (0.9999,) * 5, (0.99,) * 5, (0.4,) * 5)
W_PLUS = InWPlus(72, (60.0, 12.0), 3.0, 20, (1e-4,) * 5, 2e-3, (0.9999,) * 5, (1e-3,) * 5)


def test_the_report_says_what_was_measured(tmp_path: Path) -> None:
    measured = report.Measured(TINY, W, [Memory(1, 10**9, 10**8), Memory(5, None, None)], W_PLUS)
    text = report.text(report.rows(measured))
    assert "W: end to end" in text
    assert "2.0 h" in text
    assert "1715" in text
    assert "1000 MB" in text and "unknown" in text
    assert "channels 6-5-4 (from 4 px)" in report.title(measured)
    assert "from 300 of 768 rows" in report.notes(measured)
    report.write([measured], tmp_path / "new")
    (data,) = json.loads((tmp_path / "new" / "jacobian.json").read_text())
    assert data["in_w"]["ours"] == [4.0, 0.2]
    page = (tmp_path / "new" / "jacobian.md").read_text()
    assert "| W: end to end | 2.0 h | 4.2 s | 1715 | >= 100 |" in page
    assert "| W+: end to end | 72 s | 3 s | 24 |" in page


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.benchmarks.jacobian.CASES", {64: TINY})
    monkeypatch.setattr("pipeline.benchmarks.jacobian.memory", lambda _, n: Memory(n, 10, 1))
    arguments = ["--sizes", "64", "--rows", "2", "--runs", "1", "--threads", "1"]
    command = ["benchmark.py", "jacobian", *arguments, "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", command)
    assert benchmark.main() == 0
    assert "W+: vectors multiplied" in capsys.readouterr().out
    assert {p.name for p in tmp_path.iterdir()} == {"jacobian.json", "jacobian.md"}
