from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.domains.judges import Judges
from pipeline.generators.base import Codes, Space
from pipeline.measures import MeasureFactory, Measures
from pipeline.methods.edits import DirectionEdit
from pipeline.regions.box import Box
from pipeline.stages.evaluation import Evaluating, Trial
from tests.generic import WaveGenerator


class Brightness:
    name, fingerprint = "brightness", "brightness"
    names = ("brightness", "contrast")

    def standardised(self, images: Tensor) -> Tensor:
        flat = images.flatten(1)
        return torch.stack([flat.mean(1), flat.std(1)], dim=1)


GENERATOR = WaveGenerator()
CODES = GENERATOR.sample(10, torch.Generator().manual_seed(0))
FACTORY = MeasureFactory(Judges(None, None, None), None, Brightness())


def edit() -> DirectionEdit:
    direction = torch.zeros(6, dtype=torch.float64)
    direction[0] = 1
    return DirectionEdit(
        name="test/0",
        generator=GENERATOR.name,
        fingerprint=GENERATOR.fingerprint,
        direction=direction,
        space=Space.W,
    )


def stage(codes: Codes, first: int, batch: int = 4) -> Evaluating:
    box = Box("box", [0.5, 0.5], [0.5, 0.5])
    trials = [Trial("unedited", None), Trial("1.0", edit(), 0.7)]
    return Evaluating(trials, GENERATOR, codes, first, box, {}, FACTORY, batch)


def measured(codes: Codes, first: int, batch: int = 4) -> dict[str, Measures]:
    return stage(codes, first, batch).compute(lambda _done, _total: None)


def assert_equal(a: Measures, b: Measures) -> None:
    """Equal but for the last digit: a convolution rounds by how its batch is cut."""
    for mine, theirs in ((a, b), (a.attributes, b.attributes)):
        found, wanted = mine.compute(), theirs.compute()
        assert found.keys() == wanted.keys()
        for name, estimate in found.items():
            assert estimate.n == wanted[name].n
            assert estimate.value == pytest.approx(wanted[name].value, rel=1e-12)
            assert estimate.ci95 == pytest.approx(wanted[name].ci95, rel=1e-12)


def test_an_unedited_trial_changes_nothing() -> None:
    numbers = measured(CODES, 0)["unedited"].compute()
    assert numbers["mse_in"].value == 0
    assert numbers["mse_out"].value == 0
    assert numbers["ssim"].value == 1


def test_the_edit_is_measured_as_by_hand() -> None:
    numbers = measured(CODES, 0)["1.0"].compute()
    before = GENERATOR.render(CODES).clamp(-1, 1)
    after = edit().apply(GENERATOR, CODES, 0.7).clamp(-1, 1)
    errors = ((after - before) / 2).square().mean(1)
    assert torch.isclose(
        torch.tensor(numbers["mse_in"].value, dtype=torch.float64),
        errors[:, 4:12, 4:12].mean(),
        rtol=1e-6,
    )


def test_shards_merge_to_what_one_process_finds() -> None:
    whole = measured(CODES, 0)["1.0"]
    parts = [measured(CODES[a:b], a)["1.0"] for a, b in ((7, 10), (0, 3), (3, 7))]
    for part in parts[1:]:
        parts[0].merge(part)
    assert_equal(parts[0], whole)


def test_the_batch_size_does_not_matter() -> None:
    assert_equal(measured(CODES, 0, 3)["1.0"], measured(CODES, 0, 10)["1.0"])


def test_measures_survive_the_store(tmp_path: Path) -> None:
    found = measured(CODES, 5)
    stage(CODES, 5).save(found, tmp_path)
    read = stage(CODES, 5).load(tmp_path)
    assert read.keys() == found.keys()
    assert read["1.0"].compute() == found["1.0"].compute()
    assert read["1.0"].attributes.compute() == found["1.0"].attributes.compute()


def test_the_key_depends_on_step_shard_and_metrics() -> None:
    settings = stage(CODES, 0).settings()
    assert settings != stage(CODES, 1).settings()
    other = stage(CODES, 0)
    other.trials = [Trial("1.0", edit(), 0.8)]
    assert settings != other.settings()
    fewer = stage(CODES, 0)
    fewer.factory = MeasureFactory(Judges(None, None, None), None, Brightness(), ssim=False)
    assert settings != fewer.settings()
