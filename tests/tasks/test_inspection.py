"""Looking through directions as a task: numbers of both ways, the page, and the edits to name."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from pipeline.config import register
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.metrics.base import Estimate
from pipeline.preflight import CONF
from pipeline.records import MetricsLog
from pipeline.runner import Runner
from pipeline.store import Store
from pipeline.tasks.base import Findings
from pipeline.tasks.inspection import Inspection, worse

SMALL = (
    "task=inspection", "method=navigan_svd", "method.num_directions=2", "layer=b32.conv1",
    "samples=3", "batch=2", "threads=1", "metric.fid=none", "metric.lpips=none",
    "metric.id=none", "task.shown=1", "task.magnitudes=[-3,3]",
)  # fmt: skip


def run(folder: Path) -> tuple[Findings, Runner]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", list(SMALL))
    experiment, task = Experiment.of(config), instantiate(config.task)
    assert isinstance(task, Inspection)
    task.check(experiment)
    with MetricsLog(folder / "metrics.jsonl") as record:
        runner = Runner(Store(folder / "store"), record)
        return task.run(experiment, config, runner), runner


def test_directions_are_measured_both_ways_and_shown(tmp_path: Path) -> None:
    found, runner = run(tmp_path)
    rows = found.details["directions"]
    assert [row["name"] for row in rows] == [f"navigan_svd/b32.conv1/{i}" for i in range(2)]
    assert all(row["numbers"]["mse_ratio"] > 0 for row in rows)
    assert all(row["leading"] in row["effects"] for row in rows)
    assert max(abs(value) for value in rows[0]["effects"].values()) > 0.01
    assert found.metrics["selective_directions"].n == 2
    assert found.edits is not None
    assert len(found.edits) == 2
    assert list(found.pages) == ["inspection"]
    _, again = run(tmp_path)
    assert again.times["inspection"].cached


def test_the_worse_of_both_ways_counts() -> None:
    def numbers(fd: float, ratio: float, inside: float) -> dict[str, Estimate]:
        values = {"fd_embedded": fd, "mse_ratio": ratio, "mse_in": inside}
        return {name: Estimate(value, (value, value), 4) for name, value in values.items()}

    found = worse(numbers(3, 2, 1), numbers(2, 1, 5))
    assert {name: estimate.value for name, estimate in found.items()} == {
        "fd_embedded": 3,
        "mse_ratio": 1,
    }


def test_impossible_inspections() -> None:
    with pytest.raises(UserError, match="other than 0"):
        Inspection(magnitudes=[-1, 0, 1])
    with pytest.raises(UserError, match="measured=0"):
        Inspection(measured=0)
    method = SimpleNamespace(needs_reference=True, name="editing_in_style")
    experiment: Any = SimpleNamespace(method=method)
    with pytest.raises(UserError, match="take something from a reference"):
        Inspection().check(experiment)
