"""Edits whose changes of attributes are read image by image."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from pipeline.config import register
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.metrics.attribute_change import UNWANTED
from pipeline.preflight import CONF
from pipeline.records import MetricsLog
from pipeline.runner import Runner
from pipeline.store import Store
from pipeline.tasks.base import Findings
from pipeline.tasks.marked_edits import MarkedEdits

SMALL = (
    "task=marked_edits", "method=sefa", "method.num_directions=1", "samples=5", "batch=2",
    "threads=1", "strength=[1]", "task.shown=3", "metric.fid=none", "metric.lpips=none",
    "metric.id=none", "attribute=smile",
)  # fmt: skip


def configured(*overrides: str) -> tuple[Experiment, MarkedEdits, Any]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", [*SMALL, *overrides])
    task = instantiate(config.task)
    assert isinstance(task, MarkedEdits)
    return Experiment.of(config), task, config


def found(folder: Path) -> tuple[Experiment, Findings]:
    experiment, task, config = configured()
    task.check(experiment)
    with MetricsLog(folder / "metrics.jsonl") as record:
        return experiment, task.run(experiment, config, Runner(Store(folder / "store"), record))


def test_every_change_is_that_of_the_images(tmp_path: Path) -> None:
    experiment, findings = found(tmp_path)
    arrays, predictor = findings.arrays, experiment.domain.predictor
    assert arrays["originals"].shape == arrays["edited"].shape == (3, 3, 64, 64)
    names = list(predictor.readable)
    assert findings.details["names"] == names
    columns = [predictor.names.index(name) for name in names]
    with torch.no_grad():
        after, before = (
            predictor.standardised(arrays[name])[:, columns] for name in ("edited", "originals")
        )
    torch.testing.assert_close(arrays["changes"], after - before, rtol=1e-3, atol=1e-4)
    others = arrays["changes"].clone()
    others[:, names.index("smile")] = 0
    counted = (others.abs() >= UNWANTED).sum(1).tolist()
    assert findings.details["unwanted"][:3] == counted
    assert findings.metrics["unwanted"].n == findings.metrics["change"].n == 5


def test_pictures_without_readable_attributes_are_refused() -> None:
    experiment, task, _ = configured()
    blind = type(experiment.domain.predictor)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(UserError, match="reads attributes"):
        patch.setattr(blind, "readable", ())
        task.check(experiment)


def test_at_least_one_image_is_shown() -> None:
    with pytest.raises(UserError, match="task.shown=0"):
        MarkedEdits(shown=0)
