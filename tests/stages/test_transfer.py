"""Transfers between pairs: measured as by hand, the same in any shards, and kept by the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.edits import Edit
from pipeline.metrics.feature_statistics import FeatureStatistics, Moments
from pipeline.stages.transfer import (
    Instruments,
    Measure,
    Measured,
    PartMasks,
    Transfer,
    Transferring,
    merge,
)
from tests.generic import WaveGenerator

GENERATOR = WaveGenerator()
TARGETS, REFERENCES = (GENERATOR.sample(10, torch.Generator().manual_seed(seed)) for seed in (0, 1))


@dataclass(frozen=True, eq=False, kw_only=True)
class Mixing(Edit):
    """Part of the way to the reference in w."""

    needs_reference = True
    gain: float = 1.0

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        assert reference is not None
        w, other = (generator.convert(c, Space.W).values for c in (codes, reference))
        mixed = w + self.gain * strengths[:, None] * (other - w)
        return generator.render(Codes(Space.W, mixed))


class Halves(PartMasks):
    """The upper half of every picture, and the lower one."""

    def settings(self) -> Mapping[str, Any]:
        return {"masks": "halves"}

    def find(self, generator: Generator, codes: Codes, parts: Sequence[str]) -> dict[str, Tensor]:
        upper = torch.zeros(len(codes), 16, 16)
        upper[:, :8] = 1
        return {"upper": upper, "lower": 1 - upper}


class Features:
    name, dim, fingerprint = "fd_test", 3, "test"

    def __call__(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))


DATA = FeatureStatistics.of("fd_test", Moments.of(torch.linspace(0, 1, 15).view(5, 3).sin()))
MIX = Mixing(name="mix", generator=GENERATOR.name, fingerprint=GENERATOR.fingerprint)
TRANSFERS = [
    Transfer("unedited", None, 0, ["upper"], [Measure.DISTANCE]),
    Transfer("mix/0.5", MIX, 0.5, ["upper", "lower"], [Measure.ERROR, Measure.MAP]),
    Transfer("mix/1", MIX, 1, ["lower"], [Measure.DISTANCE, Measure.DRIFT]),
]


def stage(first: int = 0, past: int = 10, batch: int = 4) -> Transferring:
    rows = slice(first, past)
    instruments = Instruments(Features(), DATA)
    return Transferring(
        TRANSFERS, Halves(), GENERATOR, TARGETS[rows], REFERENCES[rows], first, instruments, batch
    )


def measured(first: int = 0, past: int = 10, batch: int = 4) -> Measured:
    return stage(first, past, batch).compute(lambda _done, _total: None)


def numbers(found: Measured) -> dict[str, list[float]]:
    return {
        f"{key}/{name}": [e.value, *e.ci95, e.n]
        for key, metric in found.items()
        for name, e in metric.compute().items()
    }


def close(a: Measured, b: Measured) -> bool:
    mine, theirs = numbers(a), numbers(b)
    return mine.keys() == theirs.keys() and all(
        mine[k] == pytest.approx(theirs[k], rel=1e-9, abs=1e-12, nan_ok=True) for k in mine
    )


def test_a_transfer_is_measured_as_by_hand() -> None:
    found = measured()
    before = GENERATOR.render(TARGETS).clamp(-1, 1).detach()
    after = MIX.apply(GENERATOR, TARGETS, 0.5, REFERENCES).clamp(-1, 1).detach()
    errors = ((after - before) / 2).square().mean(1)
    upper = found["mix/0.5", "upper", Measure.ERROR].compute()
    lower = found["mix/0.5", "lower", Measure.ERROR].compute()
    assert upper["mse_in"].value == pytest.approx(float(errors[:, :8].mean()))
    assert lower["mse_in"].value == pytest.approx(upper["mse_out"].value)
    full = found["mix/0.5", "upper", Measure.MAP].compute()
    assert full["mse_in"].value == pytest.approx(upper["mse_in"].value)


def test_distances_look_at_no_mask_and_are_taken_once() -> None:
    keys = {key for key in measured() if key[2] in (Measure.DISTANCE, Measure.DRIFT)}
    assert keys == {
        ("unedited", "upper", Measure.DISTANCE),
        ("mix/1", "lower", Measure.DISTANCE),
        ("mix/1", "lower", Measure.DRIFT),
    }


def test_a_complete_transfer_gives_the_references() -> None:
    """Its distance to the data is that of the references."""
    whole = measured()["mix/1", "lower", Measure.DISTANCE].compute()["fd_test"]
    others = replace(stage(), targets=REFERENCES).compute(lambda _done, _total: None)
    expected = others["unedited", "upper", Measure.DISTANCE].compute()["fd_test"]
    assert whole.value == pytest.approx(expected.value, rel=1e-6)


def test_shards_merge_to_what_one_process_finds() -> None:
    total: Measured = {}
    for first, past in ((7, 10), (0, 3), (3, 7)):
        merge(total, measured(first, past))
    assert close(total, measured())


def test_the_batch_size_does_not_matter() -> None:
    assert close(measured(batch=3), measured(batch=10))


def test_measures_survive_the_store(tmp_path: Path) -> None:
    found = measured(3, 9)
    stage(3, 9).save(found, tmp_path)
    read = stage(3, 9).load(tmp_path)
    assert list(read) == list(found)
    assert close(read, found)


def test_the_key_depends_on_edits_strengths_measures_and_pairs() -> None:
    base = stage().settings()
    assert base == stage().settings()
    other_edit = Transfer("mix/1", replace(MIX, gain=0.5), 1, ["lower"], TRANSFERS[2].measures)
    for other in (
        replace(stage(), transfers=[*TRANSFERS[:2], other_edit]),
        replace(stage(), transfers=TRANSFERS[:2]),
        replace(stage(), transfers=[*TRANSFERS[:2], replace(TRANSFERS[2], strength=0.9)]),
        replace(stage(), transfers=[*TRANSFERS[:2], replace(TRANSFERS[2], measures=[])]),
        replace(stage(), first=1),
        replace(stage(), instruments=Instruments(Features(), None)),
    ):
        assert other.settings() != base
