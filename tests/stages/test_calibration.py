"""Calibration where attributes can be read, and where they cannot."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.config import Unit
from pipeline.domains.photos import Photos
from pipeline.errors import UserError
from pipeline.generators.base import Space
from pipeline.methods.edits import DirectionEdit, Edits
from pipeline.regions.box import Box
from pipeline.stages.calibration import Calibrating, Calibration
from tests.generic import WaveGenerator

GENERATOR = WaveGenerator()
CODES = GENERATOR.sample(20, torch.Generator().manual_seed(0))
BOX = Box("box", [0.5, 0.5], [0.5, 0.5])


class Brightness:
    """Reads the mean and the upper half's mean off an image; the latter ill."""

    name, fingerprint = "brightness", "brightness"
    names, readable = ("brightness", "upper"), ("brightness",)

    def standardised(self, images: Tensor) -> Tensor:
        return torch.stack([images.mean((1, 2, 3)), images[:, :, :8].mean((1, 2, 3))], 1) * 20


class Lit(Photos):
    """Pictures whose brightness can be read."""

    attribute_parts = {"brightness": ("all",), "upper": ("all",)}
    predictor = Brightness()


def edits() -> Edits:
    axes = torch.eye(6, dtype=torch.float64)[:3]
    kind = {"generator": GENERATOR.name, "fingerprint": GENERATOR.fingerprint, "space": Space.W}
    found = [DirectionEdit(name=f"t/{i}", direction=axis, **kind) for i, axis in enumerate(axes)]
    return Edits(edits=tuple(found), method="t", region="box", seed=0,
                 generator=GENERATOR.name, fingerprint=GENERATOR.fingerprint)  # fmt: skip


def stage(domain: Photos, direction: int | None = None) -> Calibrating:
    return Calibrating(edits(), GENERATOR, CODES, BOX, {}, domain, None, direction, batch=8)


def calibrated(domain: Photos, direction: int | None = None) -> Calibration:
    return stage(domain, direction).compute(lambda _done, _total: None)


def test_without_attributes_directions_go_by_the_spread_of_the_latents(tmp_path: Path) -> None:
    found = calibrated(Photos())
    w = GENERATOR.convert(CODES, Space.W).values
    spread = float((w - w.mean(0)).square().mean().sqrt().detach())
    assert found.spreads == pytest.approx((spread,) * 3)
    assert (found.attributes, found.units, found.selected) == ((), (), 0)
    assert found.common == Unit.SPREAD
    assert found.step(1, Unit.SPREAD) == pytest.approx(spread)
    assert found.step(1, Unit.LATENT) == 1
    assert found.attribute(1) is None and found.reached(1)
    stage(Photos()).save(found, tmp_path)
    assert stage(Photos()).load(tmp_path) == found


def test_with_attributes_each_unit_can_be_had(tmp_path: Path) -> None:
    found = calibrated(Lit())
    assert found.common == Unit.ATTRIBUTE
    assert found.inside == ("brightness",) and found.outside == ()
    assert [found.attribute(i) for i in range(3)] == ["brightness"] * 3
    assert found.step(2, Unit.ATTRIBUTE) == found.units[2].step
    assert found.spreads == calibrated(Photos()).spreads
    stage(Lit()).save(found, tmp_path)
    read = stage(Lit()).load(tmp_path)
    assert [read.step(i, read.common) for i in range(3)] == [u.step for u in found.units]


@pytest.mark.parametrize("domain", [Photos(), Lit()])
def test_a_direction_can_be_asked_for(domain: Photos) -> None:
    assert calibrated(domain, 2).selected == 2
    with pytest.raises(UserError, match="there are 3 directions, 0 to 2"):
        calibrated(domain, 3)


def test_both_signs_of_a_strength_have_a_step_of_their_own(tmp_path: Path) -> None:
    """What brightens by one deviation need not darken by one when turned round."""
    calibrating = replace(stage(Lit(), direction=1), senses=(1, -1), target=0.025)
    found = calibrating.compute(lambda _done, _total: None)
    index, codes = found.selected, CODES
    before = Brightness().standardised(GENERATOR.render(codes).detach().clamp(-1, 1))[:, 0].mean()
    for strength in (1.0, -1.0):
        assert found.reached(index, strength)
        step = strength * found.step(index, Unit.ATTRIBUTE, strength)
        moved = edits()[index].apply(GENERATOR, codes, step).detach().clamp(-1, 1)
        change = Brightness().standardised(moved)[:, 0].mean() - before
        assert float(change) == pytest.approx(0.025 * strength, abs=0.001)
    assert found.step(index, Unit.ATTRIBUTE, 1.0) != found.step(index, Unit.ATTRIBUTE, -1.0)
    calibrating.save(found, tmp_path)
    assert calibrating.load(tmp_path).step(index, Unit.ATTRIBUTE, -1.0) == found.step(
        index, Unit.ATTRIBUTE, -1.0
    )


@pytest.mark.parametrize("target", [1.0, -1.0])
def test_a_run_of_negative_strengths_goes_by_what_they_do(target: float) -> None:
    """A strength of -1 for a target of 1 is what a strength of 1 is for one of -1."""
    found = replace(stage(Lit()), senses=(-1,), target=target).compute(lambda _d, _t: None)
    other = replace(stage(Lit()), senses=(1,), target=-target).compute(lambda _d, _t: None)
    assert (found.sense, other.sense, found.selected) == (-1, 1, other.selected)
    for index in range(3):
        steps = [c.step(index, Unit.ATTRIBUTE, c.sense) * c.sense for c in (found, other)]
        assert steps[0] == pytest.approx(steps[1])
    assert found.turned == ()


@torch.no_grad()
def test_images_that_are_no_longer_of_the_domain_end_the_search() -> None:
    """The steps tried stay where readings are as far from the mean as those of the data."""
    calibrating = stage(Lit())
    before = calibrating._read(lambda codes: GENERATOR.render(codes), 20)
    assert calibrating._extent(before) == float(before[:, 0].square().mean().sqrt())

    class Bright(DirectionEdit):
        def render(self, generator: object, codes: object, strengths: Tensor, _r: object) -> Tensor:
            return torch.zeros(len(strengths), 3, 16, 16) + strengths[:, None, None, None]

    edit = Bright(name="t", generator=GENERATOR.name, fingerprint=GENERATOR.fingerprint,
                  direction=torch.ones(6), space=Space.W)  # fmt: skip
    change = calibrating._change(edit, before)
    assert change(0.05) is not None  # reads 1
    assert change(0.5) is None  # reads 10
