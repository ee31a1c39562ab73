"""The main job on pictures that nothing is known of, with a generator from a file."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir

from pipeline.config import register
from pipeline.datasets.procfaces.factors import sample_factors
from pipeline.datasets.procfaces.render import render
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config
from pipeline.generators.weights import save_stylegan2
from pipeline.preflight import CONF, preflight
from pipeline.report.images import save_png

ROOT = Path(__file__).parents[1]
BOX = ("region=box", "region.centre=[0.5,0.5]", "region.size=[0.5,0.5]")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of weights and a folder of pictures; no official weights."""
    place = tmp_path_factory.mktemp("own")
    torch.manual_seed(0)
    config = StyleGAN2Config(32, (12, 12, 8, 8), z_dim=8, w_dim=8, mapping_layers=2)
    save_stylegan2(StyleGAN2(config), place / "weights.safetensors")
    (place / "faces").mkdir()
    factors = sample_factors(12, torch.Generator().manual_seed(0))
    for number, image in enumerate(render(factors).images):
        save_png(image, place / "faces" / f"{number:02}.png")
    return place


def overrides(place: Path, *more: str) -> list[str]:
    """A command line; dataset and region are a folder and a box unless others are given."""
    given = {override.partition("=")[0] for override in more}
    weights = ["generator=checkpoint", f"generator.checkpoint={place / 'weights.safetensors'}"]
    dataset = [] if "dataset" in given else ["dataset=folder"]
    if "dataset" not in given and "dataset.path" not in given:
        dataset.append(f"dataset.path={place / 'faces'}")
    return [*weights, *dataset, *([] if "region" in given else BOX), "threads=1", *more]


def made(place: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> Experiment:
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(place / "none"))
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return Experiment.of(compose("config", overrides(place, *more)))


def test_the_main_job(place: Path, tmp_path: Path) -> None:
    small = ("samples=8", "strength=[-1,1]", "method.num_codes=1", "method.num_directions=2")
    out = (f"store={tmp_path / 'store'}", f"hydra.run.dir={tmp_path / 'out'}", "logger=none")
    done = subprocess.run(
        [sys.executable, "run.py", *overrides(place, *small, *out, "metric.fid=none")],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PIPELINE_WEIGHTS": str(place / "none")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (found["unit"], found["attribute"], found["attributes"]) == ("spread", None, {})
    assert found["dataset"]["images"] == 12 and "32 px by Pillow" in found["dataset"]["reference"]
    assert {"mse_in", "mse_out", "ssim"} <= set(found["metrics"])
    assert not {"id", "lpips", "fid"} & set(found["metrics"])
    assert set(found["evaluators"]) == {"id", "lpips"}
    assert found["metrics"]["mse_in"]["n"] == 8 and found["step"] > 0
    assert [row["attribute"] for row in found["directions"]] == [None, None]
    report = (tmp_path / "out" / "report.html").read_text()
    assert "could not be drawn" not in report
    for said in ("No attribute can be read off photos", "standard deviation of the latents"):
        assert said in report
    assert "LPIPS is left out" in report and "lpips is left out" in done.stdout + done.stderr


def test_regions_follow_the_frame(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    regions = [
        made(place, monkeypatch, "region=mouth", f"dataset.frame={frame}").region.mask(256)
        for frame in ("ffhq", "procfaces")
    ]
    assert int(regions[0].sum()) == 30 * 70
    assert int(regions[1].sum()) == 52 * 72


def test_the_frame_is_what_the_generator_makes(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = made(place, monkeypatch, "region=eyes", "generator.domain=ffhq", "dataset=auto")
    assert experiment.domain.frame == "ffhq"
    assert experiment.region.mask(256).sum() == 20 * 115
    assert "no reference images" in experiment.judges.notes["fid"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["dataset=procfaces"], "judges rendered faces alone"),
        (["region=hair"], "Nothing here finds the hair"),
        (["region=mouth"], "no box for pictures framed as 'none'"),
        (["attribute=smile"], "attribute=smile"),
        (["unit=attribute"], "unit=attribute"),
        (["metric.fid=embedded"], "rendered faces alone"),
        (["metric.id=recognition"], "dataset.frame=ffhq"),
        (["metric.lpips=official"], "alexnet"),
        (["dataset.filter=linear"], "bilinear"),
        (["dataset.size=0"], "dataset.size=0"),
        (["dataset.size=large"], "dataset.size=large"),
        (["dataset.reference_samples=few"], "reference_samples=few"),
        (["dataset.reference_samples=13"], "has 12 images"),
        (["dataset=auto", "dataset.reference_samples=13"], "reference_samples counts on"),
        (["dataset.path=/no/such"], "nothing at dataset.path=/no/such"),
        (["dataset=zip", f"dataset.path={ROOT / 'README.md'}"], "is no zip file"),
    ],
)
def test_what_does_not_fit_is_one_line(
    more: list[str], said: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError) as caught:
        made(place, monkeypatch, *more)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["dataset=folder"], "add dataset.path=PATH"),
        (["dataset=zip", "dataset.path=/no/such.zip"], "nothing at dataset.path=/no/such.zip"),
        (["dataset=foldr"], "dataset=folder"),
        (["unit=spraed"], "unit=spread"),
    ],
)
def test_a_mistake_is_told_before_any_work(given: list[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        preflight(given)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
