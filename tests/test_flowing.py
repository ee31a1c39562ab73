"""StyleFlow in the standard job: its flow, the store that runs share, and what a kill leaves."""

from functools import partial
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

from pipeline import flowing
from pipeline.config import register
from pipeline.discovering import discovered
from pipeline.experiment import Experiment
from pipeline.flowing import flowed
from pipeline.labelling import learned_from
from pipeline.methods import training_loop
from pipeline.methods.flow_training import FlowTraining
from pipeline.methods.styleflow_edit import FlowEdit
from pipeline.navigating import UNFINISHED
from pipeline.preflight import CONF
from pipeline.records import MetricsLog, read_metrics
from pipeline.runner import Runner
from pipeline.stages.checkpoint_file import CheckpointFile
from pipeline.store import Store

SMALL = (
    "threads=1", "metric.fid=none", "metric.lpips=none", "metric.id=none", "method=styleflow",
    "method.num_samples=24", "method.hidden=[8]", "method.steps=4", "method.batch=4",
    "method.tolerance=1e-2",
)  # fmt: skip


def experiment(*overrides: str) -> Experiment:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return Experiment.of(compose("config", [*SMALL, *overrides]))


def trained(folder: Path, e: Experiment) -> tuple[list[str], Runner]:
    with MetricsLog(folder / "metrics.jsonl") as record:
        runner = Runner(Store(folder / "store"), record)
        labels = learned_from(e, 0, runner)
        return flowed(e, labels, 0, runner), runner


@pytest.fixture(autouse=True)
def _every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_loop, "WINDOW", 1)
    monkeypatch.setattr(flowing, "CheckpointFile", partial(CheckpointFile, every=0.0))


def test_all_attributes_share_one_flow(tmp_path: Path) -> None:
    first, runner = trained(tmp_path, experiment("attribute=mouth_open"))
    assert not runner.times["flow"].cached
    e = experiment("attribute=beard", "region=whole")
    second, runner = trained(tmp_path, e)
    assert runner.times["flow"].cached
    assert first == second
    points = [line for line in read_metrics(tmp_path / "metrics.jsonl") if "training" in line]
    assert [point["step"] for point in points] == [1, 2, 3, 4]
    assert not list((tmp_path / "store" / UNFINISHED).glob("*"))
    with MetricsLog(tmp_path / "metrics.jsonl") as record:
        found = discovered(e, 0, Runner(Store(tmp_path / "store"), record))
    edit = found.value[0]
    assert isinstance(edit, FlowEdit)
    codes = e.generator.sample(2, torch.Generator().manual_seed(0))
    assert edit.apply(e.generator, codes, 1.0).shape == (2, 3, 64, 64)
    assert found.value.notes["conditions"][0] == "masculinity"


def test_a_killed_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    step = FlowTraining.step

    def dying(training: FlowTraining) -> float:
        if len(steps) == 2:
            steps.append(0)
            raise KeyboardInterrupt
        steps.append(1)
        return step(training)

    monkeypatch.setattr(FlowTraining, "step", dying)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, experiment("attribute=beard"))
    assert len(list((tmp_path / "store" / UNFINISHED).glob("*.pt"))) == 1
    trained(tmp_path, experiment("attribute=beard"))
    assert len(steps) == 5  # two, the kill, and the two that were left


def test_other_methods_need_no_flow(tmp_path: Path) -> None:
    e = experiment("attribute=beard")
    object.__setattr__(e, "method", object())
    with MetricsLog(tmp_path / "metrics.jsonl") as record:
        assert flowed(e, [], 0, Runner(Store(tmp_path / "store"), record)) == []
