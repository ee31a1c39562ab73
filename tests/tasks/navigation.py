"""What the tests of NaviGAN's tasks share: a small job on the shipped generator."""

from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from pipeline.config import register
from pipeline.experiment import Experiment
from pipeline.preflight import CONF
from pipeline.records import MetricsLog
from pipeline.runner import Runner
from pipeline.store import Store
from pipeline.tasks.base import Findings, Task

SMALL = (
    "method=navigan_svd", "method.num_directions=1", "layer=b32.conv1", "batch=8", "threads=1",
    "metric.id=none", "attribute=mouth_open", "strength=[-1,1]", "task.shown=1",
)  # fmt: skip


def made(*overrides: str) -> tuple[Experiment, Task]:
    """The parts of a job and its task, checked."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", [*SMALL, *overrides])
    experiment, task = Experiment.of(config), instantiate(config.task)
    task.check(experiment)
    return experiment, task


def run(folder: Path, *overrides: str) -> tuple[Findings, Runner]:
    """What a small job finds."""
    experiment, task = made(*overrides)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", [*SMALL, *overrides])
    with MetricsLog(folder / "metrics.jsonl") as record:
        runner = Runner(Store(folder / "store"), record)
        return task.run(experiment, config, runner), runner
