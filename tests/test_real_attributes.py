"""The main job on photographs of faces whose attributes are read by classifiers from files."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config
from pipeline.generators.weights import save_stylegan2
from pipeline.weights.registry import REGISTRY
from tests.evaluators.attribute_cases import random_classifier, write_classifier

ROOT = Path(__file__).parents[1]
BOX = ("region=box", "region.centre=[0.5,0.5]", "region.size=[0.5,0.5]")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator of 256 px, and a weights folder with two classifiers."""
    place = tmp_path_factory.mktemp("faces")
    torch.manual_seed(0)
    config = StyleGAN2Config(256, (6, 6, 4, 4, 2, 2, 2), z_dim=8, w_dim=8, mapping_layers=2)
    save_stylegan2(StyleGAN2(config), place / "generator.safetensors")
    for seed, name in enumerate(("smiling", "young")):
        write_classifier(place / REGISTRY[f"celeba_{name}"].file, random_classifier(seed=seed))
    return place


def run(place: Path, *more: str) -> subprocess.CompletedProcess[str]:
    weights = ("generator=checkpoint", f"generator.checkpoint={place / 'generator.safetensors'}")
    return subprocess.run(
        [sys.executable, "run.py", *weights, "generator.domain=ffhq", *BOX, *more, "logger=none"],
        cwd=ROOT, capture_output=True, text=True, timeout=600,
        env={**os.environ, "PIPELINE_WEIGHTS": str(place)},
    )  # fmt: skip


def test_directions_are_learned_from_the_labels_of_the_classifiers(
    place: Path, tmp_path: Path
) -> None:
    out = (f"store={tmp_path / 'store'}", f"hydra.run.dir={tmp_path / 'out'}", "threads=1")
    method = ("method=interfacegan", "method.num_samples=64", "method.share=0.25")
    done = run(place, *method, *out, "attribute=smiling", "samples=4", "strength=1",
               "dataset.attributes=[smiling]")  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (found["unit"], found["attribute"]) == ("attribute", "smiling")
    assert found["dataset"]["labeller"] == "celebahq_classifiers"
    assert set(found["attributes"]) == {"smiling"}
    assert "standardise" in found["timings"] and "label" in found["timings"]
    assert "could not be drawn" not in (tmp_path / "out" / "report.html").read_text()


def test_an_attribute_without_its_weights_ends_in_one_line(place: Path, tmp_path: Path) -> None:
    done = run(place, "attribute=bangs", f"hydra.run.dir={tmp_path / 'out'}")
    assert done.returncode != 0 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: The weights 'celeba_bangs' are missing")
    assert str(place / "celebahq-classifier-09-bangs.pkl") in done.stderr
