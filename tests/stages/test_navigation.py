"""The stages of NaviGAN: results survive their files, and a killed training its process."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.methods import shift_training, training_loop
from pipeline.methods.kernel_basis import SingularBasis
from pipeline.methods.navigan_optimization import NaviGANOptimization
from pipeline.methods.navigan_spectrum import NaviGANSpectrum
from pipeline.records import MetricsLog
from pipeline.runner import Runner
from pipeline.stages.checkpoint_file import CheckpointFile
from pipeline.stages.navigation import TakingSpectrum, TrainingShifts
from pipeline.store import Store
from tests.generators.networks import small_network
from tests.methods.navigation import SmallEmbedding, codes_of

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is")
"""PyTorch's own forward mode warns of itself when it is first used."""

LAYER = "b8.torgb"
NETWORK = small_network()


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with MetricsLog(tmp_path / "metrics.jsonl") as record:
        yield Runner(Store(tmp_path / "store"), record)


def a_training(folder: Path, every: float = 0.0, **changes: Any) -> TrainingShifts:
    options = {"num_directions": 2, "steps": 3, "batch": 2, "resolution": 16, **changes}
    keeper = CheckpointFile(folder / "unfinished" / "key.pt", every)
    basis = SingularBasis.of(NETWORK.kernels[LAYER])
    return TrainingShifts(NaviGANOptimization(LAYER, **options), NETWORK, basis, 3, keeper)


@pytest.fixture(autouse=True)
def _few_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shift_training, "HELD_OUT", 4)
    monkeypatch.setattr(training_loop, "WINDOW", 1)


def test_a_spectrum_is_taken_once(runner: Runner) -> None:
    method = NaviGANSpectrum(LAYER, num_directions=2, num_codes=3, hessian_resolution=8)
    method.embedding = SmallEmbedding()
    stage = TakingSpectrum(method, NETWORK, codes_of(NETWORK), 0)
    first, again = runner.run(stage), runner.run(stage)
    assert torch.equal(first.value.shifts, again.value.shifts)
    assert first.value.shifts.shape == (2, *NETWORK.kernels[LAYER].shape)
    assert again.value.passes == first.value.passes > 0
    other = NaviGANSpectrum(LAYER, num_directions=2, num_codes=3, tolerance=0.1)
    other.embedding = SmallEmbedding()
    assert TakingSpectrum(other, NETWORK, stage.codes, 0).settings() != stage.settings()


def test_a_killed_training_goes_on_from_its_file(
    tmp_path: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = a_training(tmp_path / "whole").compute(lambda _done, _total: None)
    stage, steps = a_training(tmp_path), []
    original = shift_training.ShiftTraining.step

    def counted(self: Any) -> Any:
        steps.append(self._step)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return original(self)

    monkeypatch.setattr(shift_training.ShiftTraining, "step", counted)
    with pytest.raises(KeyboardInterrupt):
        runner.run(stage)
    assert stage.keeper is not None
    assert stage.keeper.path.exists()
    found = runner.run(a_training(tmp_path)).value
    assert steps == [0, 1, 2, 2]
    assert torch.equal(found.curve, whole.curve)
    assert torch.equal(found.coefficients, whole.coefficients)
    stage.keeper.discard()
    assert not stage.keeper.path.exists()


def test_a_damaged_checkpoint_counts_as_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = CheckpointFile(tmp_path / "key.pt", every=0)
    assert keeper.load() is None
    keeper.path.write_bytes(b"half of a file")
    with caplog.at_level(logging.WARNING):
        assert keeper.load() is None
    assert "training begins anew" in caplog.text


def test_states_are_written_now_and_then(tmp_path: Path) -> None:
    keeper = CheckpointFile(tmp_path / "new" / "key.pt", every=3600)
    assert keeper.load() is None
    keeper.save({"step": 1})
    assert not keeper.path.exists()
    keeper.every = 0
    keeper.save({"step": 2})
    assert keeper.load() == {"step": 2}


def test_the_recipe_is_part_of_the_key(tmp_path: Path) -> None:
    settings = [
        a_training(tmp_path, **c).settings() for c in ({}, {"steps": 4}, {"preset": "paper"})
    ]
    assert settings[0] != settings[1]
    assert settings[0] != settings[2]
