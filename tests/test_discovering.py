"""Discovery through the store, of edits that another run found."""

from dataclasses import replace
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir

from pipeline.config import register
from pipeline.discovering import discovered
from pipeline.experiment import Experiment
from pipeline.generators.checkpoints.own import save_own
from pipeline.generators.weights import load_stylegan2
from pipeline.methods.edits import Edits
from pipeline.preflight import CONF
from pipeline.records import MetricsLog
from pipeline.runner import Result, Runner
from pipeline.store import Store
from pipeline.translators.stargan import StarGAN
from tests.translators.small import STARGAN


def run(folder: Path, *overrides: str) -> tuple[Result[Edits], Runner]:
    register()
    nobody = ("metric.fid=none", "metric.lpips=none", "metric.id=none", "threads=1")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", ["layer=b8.torgb", *nobody, *overrides])
    with MetricsLog(folder / "metrics.jsonl") as record:
        runner = Runner(Store(folder / "store"), record)
        return discovered(Experiment.of(config), 0, runner), runner


def test_a_file_that_changes_is_another_discovery(tmp_path: Path) -> None:
    path = tmp_path / "edits.safetensors"
    found, _ = run(tmp_path, "method=navigan_svd", "method.num_directions=2")
    found.value.save(path)
    saved = ("method=saved", f"method.path={path}")
    first, runner = run(tmp_path, *saved)
    assert not runner.times["discover"].cached
    for one, other in zip(found.value, first.value, strict=True):
        assert torch.equal(one.arrays()["shift"], other.arrays()["shift"])
    again, runner = run(tmp_path, *saved)
    assert runner.times["discover"].cached
    assert again.key == first.key
    found, _ = run(tmp_path, "method=navigan_svd", "method.num_directions=1")
    found.value.save(path)
    changed, _ = run(tmp_path, *saved)
    assert changed.key != first.key
    assert len(changed.value) == 1


def test_translations_from_the_store_know_who_reads_what_a_picture_has(tmp_path: Path) -> None:
    network = StarGAN(replace(STARGAN, attributes=("smile", "bald"), resolution=64)).eval()
    save_own(network, tmp_path / "t.safetensors", {})
    translate = ("method=stargan", f"method.weights={tmp_path / 't.safetensors'}")
    found, _ = run(tmp_path, *translate)
    again, runner = run(tmp_path, *translate)
    assert runner.times["discover"].cached
    generator = load_stylegan2("stylegan2_procfaces.safetensors", "stylegan2_procfaces")
    codes = generator.sample(2, torch.Generator().manual_seed(0))
    pictures = [edits.value[0].apply(generator, codes, 1.0) for edits in (found, again)]
    assert torch.equal(*pictures)
    save_own(StarGAN(network.config).eval(), tmp_path / "t.safetensors", {})
    changed, runner = run(tmp_path, *translate)
    assert not runner.times["discover"].cached
    assert changed.key != found.key
