"""NaviGAN in the standard job: its distance, its stages, and the store that runs share."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from pipeline.config import register
from pipeline.domains.procfaces import ProcFaces
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.methods import shift_training, training_loop
from pipeline.methods.edits import Edits
from pipeline.methods.navigan_hybrid import NaviGANHybrid
from pipeline.navigating import UNFINISHED, embedding, navigated, training_curve
from pipeline.preflight import CONF
from pipeline.records import MetricsLog, read_metrics
from pipeline.runner import Runner
from pipeline.stages.inputs import Sampling
from pipeline.store import Store

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is")
"""PyTorch's own forward mode warns of itself when it is first used."""

SMALL = (
    "layer=b8.torgb", "threads=1", "metric.fid=none", "metric.lpips=none", "metric.id=none",
)  # fmt: skip
SPECTRAL = ("method.num_codes=2", "method.hessian_resolution=16", "method.tolerance=0.1")
TRAINED = ("method.steps=2", "method.batch=2", "method.num_directions=2", "method.resolution=32")


def composed(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", [*SMALL, *overrides])


def run(folder: Path, *overrides: str) -> tuple[Experiment, list[str], Runner]:
    e = Experiment.of(composed(*overrides))
    with MetricsLog(folder / "metrics.jsonl") as record:
        runner = Runner(Store(folder / "store"), record)
        seen = runner.run(Sampling(e.generator, 2, 0, "discover"))
        return e, navigated(e, seen, 0, runner), runner


def test_hybrid_and_spectrum_share_their_eigenvectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shift_training, "HELD_OUT", 2)
    monkeypatch.setattr(training_loop, "WINDOW", 1)
    _, first, runner = run(
        tmp_path, "method=navigan_spectrum", "method.num_directions=2", *SPECTRAL
    )
    assert not runner.times["spectrum"].cached
    overrides = ("method=navigan_hybrid", "method.vectors=2", *SPECTRAL, *TRAINED)
    e, second, runner = run(tmp_path, *overrides)
    assert runner.times["spectrum"].cached
    assert first == second[:1]
    assert isinstance(e.method, NaviGANHybrid)
    codes = e.generator.sample(2, torch.Generator().manual_seed(0))
    edits = e.method.discover(e.generator, codes, e.region)
    assert len(edits) == 2
    points = [line for line in read_metrics(tmp_path / "metrics.jsonl") if "training" in line]
    assert [point["step"] for point in points] == [1, 2]
    assert not list((tmp_path / "store" / UNFINISHED).glob("*"))
    _, again, runner = run(tmp_path, *overrides)
    assert again == second
    assert runner.times["train"].cached


def test_the_curve_goes_to_the_mirror() -> None:
    curve = torch.tensor([[25, 2.0, 1.5, 0.5, 0.25], [50, 1.0, 0.75, 0.25, 0.5]]).double()
    about = {"method": "navigan_hybrid", "generator": "g", "fingerprint": "f", "region": "r"}
    trained = Edits(edits=(), seed=0, extra={"curve": curve}, notes={"accuracy": 0.5}, **about)
    points = dict(training_curve(trained))
    assert list(points) == [25, 50]
    assert points[50] == {
        "training/loss": 1.0,
        "training/classification": 0.75,
        "training/regression": 0.25,
        "training/accuracy": 0.5,
    }
    assert not list(training_curve(replace(trained, extra={}, notes={})))


def test_other_methods_need_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "method=navigan_svd")[1] == []


def test_distances(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    domain = ProcFaces()
    assert embedding("auto", domain).name == "lpips_embedded"
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match="vgg16"):
        embedding("lpips_vgg", domain)
    monkeypatch.setattr(ProcFaces, "name", "photographs")
    with pytest.raises(UserError, match="vgg16"):
        embedding("auto", domain)
    with pytest.raises(UserError, match="knows rendered faces alone"):
        embedding("embedded", domain)


def test_an_unknown_layer_is_refused_before_any_work() -> None:
    with pytest.raises(UserError, match="Unknown layer 'b16.conv3'. Did you mean layer=b16.conv"):
        Experiment.of(composed("method=navigan_svd", "layer=b16.conv3"))
