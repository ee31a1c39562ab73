"""Calibration against directions whose effect is known in closed form."""

import pytest
import torch
from torch import Tensor

from pipeline.attributes import SMALLEST_CHANGE, calibrate, settle


def linear(*slopes: float) -> object:
    def change(step: float) -> Tensor:
        return torch.tensor(slopes, dtype=torch.float64) * step

    return change


def test_a_linear_response_gives_the_exact_step() -> None:
    unit = calibrate(linear(0.4, 0.1), 1.0, [0], [1])
    assert unit.reached
    assert unit.step == pytest.approx(2.5)
    assert float(unit.change[0]) == pytest.approx(1.0)
    assert unit.selectivity == pytest.approx(4.0)


def test_the_sense_in_which_the_attribute_grows_is_positive() -> None:
    unit = calibrate(linear(-0.5), 1.0, [0], [])
    assert unit.step == pytest.approx(-2.0)


def test_the_most_selective_attribute_is_taken() -> None:
    # Forward moves attribute 0 fast but drags 2 along; backward moves 1 alone.
    def change(step: float) -> Tensor:
        forward, backward = max(step, 0.0), max(-step, 0.0)
        return torch.tensor([forward, backward, 0.9 * forward + 0.05 * backward]).double()

    unit = calibrate(change, 1.0, [0, 1], [2])
    assert unit.attribute == 1
    assert unit.step == pytest.approx(-1.0)
    assert unit.selectivity == pytest.approx(20.0)


def test_a_saturating_response_is_located() -> None:
    def change(step: float) -> Tensor:
        return torch.tensor([3 * torch.tanh(torch.tensor(step / 2)).item()]).double()

    unit = calibrate(change, 0.7, [0], [])
    assert unit.reached
    assert float(unit.change[0]) == pytest.approx(1.0, abs=0.02)


def test_what_cannot_be_reached_is_said_and_the_greatest_change_taken() -> None:
    def change(step: float) -> Tensor:
        return torch.tensor([0.5 * torch.sin(torch.tensor(step)).item()]).double()

    unit = calibrate(change, 1.0, [0], [])
    assert not unit.reached
    assert float(unit.change[0]) == pytest.approx(0.5 * torch.sin(torch.tensor(2.0)).item())


def test_steps_scale_with_the_spread_of_the_latents() -> None:
    tried: list[float] = []

    def change(step: float) -> Tensor:
        tried.append(abs(step))
        return torch.tensor([0.0]).double()

    calibrate(change, 10.0, [0], [])
    assert min(tried) == pytest.approx(5.0)
    assert max(tried) == pytest.approx(60.0)


def test_the_attribute_itself_does_not_count_as_outside() -> None:
    unit = calibrate(linear(1.0), 1.0, [0], [0])
    assert unit.selectivity == pytest.approx(1 / SMALLEST_CHANGE)


def test_the_target_can_be_another_change() -> None:
    unit = calibrate(linear(0.5), 1.0, [0], [], target=2.0)
    assert unit.step == pytest.approx(4.0)


def test_a_unit_is_settled_on_other_codes() -> None:
    few = calibrate(linear(0.4, 0.1), 1.0, [0], [1])
    unit = settle(linear(0.3, 0.1), few, [1])
    assert unit.reached
    assert unit.step == pytest.approx(1 / 0.3)
    assert float(unit.change[0]) == pytest.approx(1.0)


def test_what_other_codes_do_not_bear_out_is_not_reached() -> None:
    unit = settle(linear(0.01), calibrate(linear(1.0), 1.0, [0], []), [])
    assert not unit.reached
    assert unit.step == pytest.approx(4.0)  # two corrections, each bounded


def test_an_unreached_step_is_kept_and_measured() -> None:
    few = calibrate(linear(0.01), 1.0, [0], [])
    unit = settle(linear(0.02), few, [])
    assert (unit.step, unit.reached) == (few.step, False)
    assert float(unit.change[0]) == pytest.approx(0.02 * few.step)
