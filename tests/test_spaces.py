"""ReSeFa through the whole job in w+ by every solver, with layer ranges, and in z of a BigGAN."""

from dataclasses import dataclass
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
from pipeline.generators.checkpoints.own import save_own
from pipeline.job import execute
from pipeline.methods.edits import DirectionEdit
from pipeline.outcome import Outcome
from pipeline.preflight import CONF
from pipeline.records import MetricsLog
from pipeline.report.images import save_png
from pipeline.runner import Runner
from pipeline.store import Store
from tests.generators.conditional import small_biggan
from tests.generators.networks import small_network

SMALL = (
    "dataset=folder", "region=box", "metric.fid=none", "metric.id=none", "metric.lpips=none",
    "samples=3", "strength=[-1,1]", "batch=2", "threads=1", "generator=checkpoint",
    "method=resefa", "method.num_directions=2", "method.num_codes=2",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A folder with a StyleGAN2, a BigGAN and some pictures."""

    folder: Path

    def run(self, network: str, *more: str) -> Outcome:
        """All stages of a job."""
        weights = f"generator.checkpoint={self.folder / network}.safetensors"
        register()
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("config", [*SMALL, weights, f"dataset.path={self.folder}", *more])
        with MetricsLog(self.folder / "metrics.jsonl") as record:
            runner = Runner(Store(self.folder / "store"), record)
            return execute(Experiment.of(config), config, runner)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("spaces")
    save_own(small_network(dtype=torch.float32), folder / "stylegan2.safetensors")
    save_own(small_biggan(torch.float32), folder / "biggan.safetensors")
    for number, image in enumerate(render(sample_factors(2, torch.Generator())).images):
        save_png(image, folder / f"{number}.png")
    return Place(folder)


def check(outcome: Outcome, shape: tuple[int, ...]) -> None:
    """Two directions of a shape, and numbers that are of an edit."""
    assert len(outcome.edits) == 2
    edit = outcome.edit
    assert isinstance(edit, DirectionEdit)
    assert edit.direction.shape == shape
    numbers = outcome.by_strength[1.0].compute()
    assert float(numbers["mse_in"].value) > 0
    assert outcome.unedited.compute()["mse_in"].value == 0


@pytest.mark.parametrize("solver", ["regularised", "woodbury", "matrix_free"])
def test_w_plus_of_a_range_of_layers(solver: str, place: Place) -> None:
    """A range of layers, of which the last two of four are edited."""
    layers = ("method.space=w+", "method.layers=[1,5]", "method.edit_layers=[3,5]")
    outcome = place.run("stylegan2", f"method.solver={solver}", *layers)
    check(outcome, (6, 6))
    edit: Any = outcome.edit
    assert edit.direction[[0, 5]].abs().max() == 0
    assert edit.direction[1:5].abs().amax(1).min() > 0
    assert edit.layers == (3, 5)


def test_all_of_w_plus(place: Place) -> None:
    check(place.run("stylegan2", "method.space=w+"), (6, 6))


@pytest.mark.parametrize("solver", ["regularised", "woodbury", "matrix_free"])
def test_z_of_a_biggan(solver: str, place: Place) -> None:
    outcome = place.run("biggan", "method.space=z", f"method.solver={solver}")
    check(outcome, (9,))
    assert outcome.codes.labels is not None  # the edit moves z, and leaves each its class


@pytest.mark.parametrize(
    ("network", "options", "said"),
    [
        ("biggan", [], "needs the space 'w'"),
        ("biggan", ["method.space=w+"], r"needs the space 'w\+'"),
        ("biggan", ["method.space=z", "method.layers=[0,2]"], "space=z has none"),
        ("stylegan2", ["method.space=w+", "method.layers=[1,9]"], "beyond this generator's 6"),
        ("stylegan2", ["method.space=w+", "method.layers=[1,3]", "method.edit_layers=[0,3]"],
         "must lie within"),
        ("stylegan2", ["method.space=w+", "method.rank=99", "method.solver=woodbury"],
         "rank=99 must be within 1..36"),
        # Styles that grow together cancel in the demodulation: w+ always has such directions.
        ("stylegan2", ["method.space=w+", "method.solver=cholesky"], "Use solver=regularised"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(
    network: str, options: list[str], said: str, place: Place
) -> None:
    with pytest.raises(UserError, match=said) as caught:
        place.run(network, *options)
    assert "\n" not in str(caught.value)
