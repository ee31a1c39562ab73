"""Methods of every space that a SemanticStyleGAN offers, through the whole job."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

from pipeline.config import register
from pipeline.datasets.procfaces.factors import sample_factors
from pipeline.datasets.procfaces.render import render
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.generators.checkpoints.own import save_own
from pipeline.job import execute
from pipeline.preflight import CONF
from pipeline.records import MetricsLog
from pipeline.report.images import save_png
from pipeline.runner import Runner
from pipeline.store import Store
from tests.generators.semantic_cases import random_network

SMALL = (
    "dataset=folder", "region=box", "metric.fid=none", "metric.id=none", "metric.lpips=none",
    "samples=3", "strength=[-1,1]", "batch=2", "threads=1", "generator=checkpoint",
)  # fmt: skip
JACOBIAN = ("method.num_directions=2", "method.num_codes=2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("semantic")
    save_own(random_network(), place / "g.safetensors")
    for number, image in enumerate(render(sample_factors(2, torch.Generator()), 16).images):
        save_png(image, place / f"{number}.png")
    return place


def moved(folder: Path, *options: str) -> float:
    """Squared change inside the region, of the edits at strength 1."""
    data = (f"generator.checkpoint={folder / 'g.safetensors'}", f"dataset.path={folder}")
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", [*SMALL, *data, *options])
    with MetricsLog(folder / "metrics.jsonl") as record:
        outcome = execute(Experiment.of(config), config, Runner(Store(folder / "store"), record))
    return float(outcome.by_strength[1.0].compute()["mse_in"].value)


@pytest.mark.parametrize("space", ["z", "w", "w+", "s"])
def test_resefa(folder: Path, space: str) -> None:
    assert moved(folder, "method=resefa", f"method.space={space}", *JACOBIAN) > 0


@pytest.mark.parametrize("method", ["lowrankgan", "sefa", "ganspace"])
def test_other_methods_of_w(folder: Path, method: str) -> None:
    options = JACOBIAN if method == "lowrankgan" else ()
    assert moved(folder, f"method={method}", *options) > 0


@pytest.mark.parametrize(
    "method",
    ["stylegan", "transfer", "resample", "move", "scale", "drop"],
)
def test_methods_of_single_classes(folder: Path, method: str) -> None:
    mouth = ("method.classes=[mouth]", "strength=[1]")
    assert moved(folder, f"method=semantic_{method}", *mouth) > 0


def test_strengths_of_layouts_are_no_changes_of_attributes(folder: Path) -> None:
    with pytest.raises(UserError, match="means something by itself"):
        moved(folder, "method=semantic_move", "method.classes=[mouth]", "unit=spread")


def test_kernels_are_not_offered(folder: Path) -> None:
    with pytest.raises(UserError, match="parameters"):
        moved(folder, "method=navigan_svd")
