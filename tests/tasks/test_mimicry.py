"""Mimicking a direction as a task: numbers as shares, pictures, and what is refused."""

from pathlib import Path

import pytest

from pipeline.errors import UserError
from tests.tasks.navigation import made, run

JOB = ("task=mimicry", "samples=5", "task.codes=6", "task.steps=12", "task.batch=4")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few codes to calibrate on."""
    monkeypatch.setattr("pipeline.calibrating.CALIBRATION_CODES", 4)


@pytest.mark.parametrize(("space", "shape"), [("w+", (10, 128)), ("activations", (48, 32, 32))])
def test_numbers_are_shares_of_what_the_edit_does(
    space: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    found, _ = run(tmp_path, *JOB, f"task.space={space}")
    assert {"left_mse", "left_lpips_embedded", "wanted", "reached"} == set(found.metrics)
    assert all(estimate.n == 5 for estimate in found.metrics.values())
    assert 0 < found.metrics["left_mse"].value < 3
    assert len(found.details["curve"]) == 2
    assert found.details["curve"][0] == pytest.approx(1.0, abs=0.4)
    assert tuple(found.details["shift"])[-1] == shape[-1]
    assert found.arrays["images"].shape == (1, 3, 3, 64, 64)
    _, again = run(tmp_path, *JOB, f"task.space={space}")
    assert again.times["mimic"].cached


def test_without_the_perceptual_distance(tmp_path: Path) -> None:
    found, _ = run(tmp_path, *JOB, "task.space=z", "task.perceptual=0")
    assert {"left_mse", "wanted", "reached"} == set(found.metrics)


def test_impossible_wishes() -> None:
    with pytest.raises(UserError, match=r"layer=b4\.conv1 is given no features"):
        made(*JOB, "task.space=activations", "layer=b4.conv1")
    with pytest.raises(UserError, match="'w'"):
        made(*JOB, "generator=biggan_procfaces", "layer=to_rgb")
