"""A direction over its magnitude, as a task: curves, replicates, map and share."""

from pathlib import Path

import pytest
import torch

from pipeline.errors import UserError
from pipeline.tasks.magnitudes import Magnitudes, thinned
from tests.tasks.navigation import made, run

JOB = ("task=magnitudes", "samples=20", "region=mouth", "metric.lpips=none")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few codes to calibrate on."""
    monkeypatch.setattr("pipeline.calibrating.CALIBRATION_CODES", 4)


def test_what_is_left_for_comparisons(tmp_path: Path) -> None:
    found, _ = run(tmp_path, *JOB)
    curves = found.details["curves"]
    assert {"fd_embedded", "mse_in", "mse_out", "effect"} <= set(curves)
    assert all(len(rows) == 3 for rows in curves.values())
    assert curves["effect"][0][:3] == [0.0, 0.0, 0.0]
    assert curves["effect"][1][0] < curves["effect"][2][0]
    assert found.details["strengths"] == [-1.0, 1.0]
    replicates = found.arrays["replicates"]
    assert replicates.shape == (3, 10)
    assert replicates.isfinite().all()
    share, area = found.arrays["share"], found.details["area"]
    assert len(share) == found.metrics["share_inside"].n == 20
    assert 0.04 < area < 0.08
    change = found.arrays["map"]
    assert change.shape == (64, 64)
    mean = float(change.mean())
    both = [[curves[f"mse_{side}"][i][0] for i in (1, 2)] for side in ("in", "out")]
    expected = (area * sum(both[0]) + (1 - area) * sum(both[1])) / 2
    assert mean == pytest.approx(expected, rel=1e-4)
    for name in ("mse_out", "effect"):
        expected = torch.tensor([curves[name][i][0] for i in (1, 2)], dtype=torch.float64)
        torch.testing.assert_close(found.arrays[name].mean(0), expected)
    assert found.arrays["mse_in"].shape == (20, 2)
    assert list(found.pictures) == ["strengths", "map"]
    _, again = run(tmp_path, *JOB)
    assert again.times["magnitudes"].cached


def test_a_part_of_every_image_has_no_share(tmp_path: Path) -> None:
    found, _ = run(tmp_path, *JOB, "region=hair", "metric.fid=none")
    assert "share_inside" not in found.metrics
    assert len(found.arrays["share"]) == 0
    assert "replicates" not in found.arrays


def test_impossible_jobs() -> None:
    with pytest.raises(UserError, match="leave codes=sampled"):
        made(*JOB, "codes=held_out", "codes.count=1")
    with pytest.raises(UserError, match=r"task\.shown=0"):
        Magnitudes(shown=0)


def test_a_sheet_shows_some_strengths_and_both_ends() -> None:
    assert thinned([1.0, 2.0], 8) == [1.0, 2.0]
    found = thinned([float(i) for i in range(20)], 8)
    assert (len(found), found[0], found[-1]) == (8, 0.0, 19.0)
    assert torch.tensor(found).diff().min() >= 2
