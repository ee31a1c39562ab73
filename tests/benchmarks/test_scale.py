"""The benchmark of scale on a network that takes no time."""

import json
from pathlib import Path

import pytest

from pipeline.benchmarks import scale
from pipeline.benchmarks.jacobian import Case
from pipeline.benchmarks.scale import Point
from pipeline.records import read_metrics
from scripts import benchmark


def test_a_job_writes_what_it_takes(tmp_path: Path) -> None:
    scale.prepared(Case(16, (6, 5, 4), w_dim=scale.W_DIM), 6, 4, tmp_path)()
    assert json.loads((tmp_path / "seconds.json").read_text()) > 0
    stages = [line["stage"] for line in read_metrics(tmp_path / "metrics.jsonl")]
    assert stages == ["codes", "edit"]
    assert len(list((tmp_path / "store" / "edit").glob("*/trial_2.safetensors"))) == 1


def test_memory_that_grows_with_the_samples_is_told() -> None:
    points = [Point(64, 10, 4, 2.0, 10**8), Point(64, 1000, 4, 100.0, 104 * 10**6)]
    assert points[1].per_sample == 0.1
    assert scale.growth([*points, Point(128, 10, 4, 1.0, None)]) == {64: (10**8, 104 * 10**6)}
    assert "64 px: memory is bounded (100 to 104 MB)" in scale.text(points)
    assert "GROWS" in scale.text([points[0], Point(64, 1000, 4, 100.0, 3 * 10**8)])


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scale, "measure", lambda r, n, b: Point(r, n, b, 0.01 * n, r * 10**6))
    sizes = ["--resolutions", "64", "128", "--samples", "8", "80", "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["benchmark.py", "scale", *sizes])
    assert benchmark.main() == 0
    assert "128 px: memory is bounded (128 to 128 MB)" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "scale.json").read_text())) == 4
