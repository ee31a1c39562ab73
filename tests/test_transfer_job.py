"""The main job with a method that takes a part from another image, on a small setting."""

import json
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
from pipeline.methods.catalog.catalog import Catalog
from pipeline.preflight import CONF
from pipeline.report.images import save_png

ROOT = Path(__file__).parents[1]
SMALL = (
    "method=editing_in_style",
    "method.layers=[b16.conv1]",
    "method.clusters=[10]",
    "method.num_samples=12",
    "method.num_vectors=2000",
    "method.restarts=2",
    "method.threshold=0",
    "dataset.reference_samples=64",
    "threads=1",
    "logger=none",
)


def run(store: Path, out: Path, *overrides: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "run.py", *SMALL, f"store={store}", f"hydra.run.dir={out}", *overrides],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((out / "metrics.json").read_text())
    return found


def made(*overrides: str) -> Experiment:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return Experiment.of(compose("config", [*SMALL, *overrides]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, and what a run left."""
    folder = tmp_path_factory.mktemp("transfer")
    run(folder / "store", folder / "out", "region=hair", "samples=6", "strength=[0.5,1]")
    return folder


def test_samples_take_from_each_other(folder: Path) -> None:
    found = json.loads((folder / "out" / "metrics.json").read_text())
    assert (found["method"], found["region"], found["unit"]) == (
        "editing_in_style", "hair", "latent",
    )  # fmt: skip
    assert (found["attribute"], found["step"], found["reached"]) == (None, 1.0, True)
    assert found["metrics"]["mse_in"]["n"] == 6
    errors = found["curves"]["mse_in"]["value"]
    assert 0 == errors[0] < errors[1] < errors[2]
    (order,) = (folder / "store" / "references").glob("*/references.json")
    assert sorted(json.loads(order.read_text())) == list(range(6))


def test_it_leaves_the_catalog_and_shows_the_references(folder: Path) -> None:
    catalog = Catalog.load(folder / "out" / "catalog.safetensors")
    assert catalog.layer == "b16.conv1"
    assert "hair" in (folder / "out" / "catalog_labels.yaml").read_text()
    page = (folder / "out" / "report.html").read_text()
    assert "Sample 0, reference" in page
    assert "1 takes all of the reference" in page
    assert (folder / "out" / "strips.png").stat().st_size > 1000
    assert "failed" not in (folder / "out" / "run.log").read_text()


def test_regions_share_the_catalog(folder: Path, tmp_path: Path) -> None:
    found = run(folder / "store", tmp_path, "region=eyes", "samples=4", "method.label=background")
    assert found["from_store"]["catalog"]
    assert found["strengths"] == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("count", [1, 2])
def test_photographs_take_from_each_other_or_from_a_sample(
    count: int, folder: Path, tmp_path: Path
) -> None:
    factors = sample_factors(count, torch.Generator().manual_seed(7))
    for number, image in enumerate(render(factors).images):
        save_png(image, tmp_path / "faces" / f"{number}.png")
    inversion = ("codes=inversion", f"codes.images={tmp_path / 'faces'}", "codes.steps=2")
    found = run(
        folder / "store", tmp_path / "out", "region=hair", "strength=1", "dataset=procfaces",
        *inversion,
    )  # fmt: skip
    assert found["samples"] == count
    assert found["from_store"]["catalog"]
    assert found["metrics"]["mse_in"]["value"] > 0


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["strength=[-1,1]"], "goes from the target"),
        (["unit=attribute"], "leave unit=auto"),
        (["method.catalog=nowhere.safetensors"], "no catalog at nowhere"),
        (["method.parts=[lips]"], "Unknown part 'lips'"),
        (["method.clusters=[5000]"], "vectors to cluster"),
    ],
)
def test_mistakes_are_told_before_any_work(overrides: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        made("region=hair", *overrides)
