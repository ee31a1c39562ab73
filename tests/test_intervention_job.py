"""Style Intervention in the standard job: labels, coefficients per image, and the store."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from pipeline.config import register
from pipeline.experiment import Experiment
from pipeline.job import execute
from pipeline.labelling import learned_from
from pipeline.methods.hyperplanes import Hyperplanes
from pipeline.methods.intervention_edit import InterventionEdit
from pipeline.methods.resefa import ReSeFa
from pipeline.outcome import Outcome
from pipeline.preflight import CONF
from pipeline.records import MetricsLog
from pipeline.runner import Runner
from pipeline.store import Store
from tests.generators.networks import small_network
from tests.methods.labelling import Scenes

SMALL = (
    "attribute=age", "region=whole", "samples=3", "batch=2", "threads=1", "strength=[1]",
    "metric.fid=none", "metric.lpips=none", "metric.id=none", "method.num_samples=48",
    "method.share=0.25",
)  # fmt: skip
FEW_STEPS = ("method.steps=2", "method.num_codes=4", "method.calibration_codes=3")

NETWORK = small_network(dtype=torch.float32)


def composed(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", [*SMALL, *overrides])


def run(folder: Path, *overrides: str) -> tuple[Outcome, Runner]:
    config = composed(*overrides)
    with MetricsLog(folder / "metrics.jsonl") as record:
        runner = Runner(Store(folder / "store"), record)
        return execute(Experiment.of(config), config, runner), runner


def test_every_image_is_solved_once_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solved: list[tuple[int, int]] = []
    original = InterventionEdit.solve

    def counted(self: Any, generator: Any, codes: Any, sense: int, *rest: Any) -> Any:
        solved.append((sense, len(codes)))
        return original(self, generator, codes, sense, *rest)

    monkeypatch.setattr(InterventionEdit, "solve", counted)
    overrides = ("method=style_intervention", *FEW_STEPS)
    first, runner = run(tmp_path, *overrides)
    assert isinstance(first.edit, InterventionEdit)
    # Both ways for the codes that it is calibrated on, one way for those that are measured.
    assert sorted(solved[:2]) == [(-1, 3), (1, 3)]
    assert [count for _, count in solved[2:]] == [3]
    assert {"label", "intervene"} <= set(runner.times)
    assert first.by_strength[1.0].compute()["mse_in"].n == 3
    solved.clear()
    again, runner = run(tmp_path, *overrides)
    assert solved == []
    assert all(time.cached for time in runner.times.values())
    assert again.by_strength[1.0].compute() == first.by_strength[1.0].compute()


def test_only_methods_that_learn_from_labels_get_some(tmp_path: Path) -> None:
    method = Hyperplanes(attribute="bright", num_samples=20)
    scenes = Scenes()
    learner, other = (
        SimpleNamespace(method=m, generator=NETWORK, domain=scenes) for m in (method, ReSeFa())
    )
    with MetricsLog(tmp_path / "metrics.jsonl") as record:
        runner = Runner(Store(tmp_path / "store"), record)
        assert learned_from(other, 0, runner) == []  # type: ignore[arg-type]
        assert runner.times == {}
        keys = learned_from(learner, 0, runner)  # type: ignore[arg-type]
    assert len(keys) == 1
    assert method.labels is not None
    assert len(method.labels) == 20
