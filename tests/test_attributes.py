"""Calibration against directions whose effect is known in closed form."""

import pytest
import torch
from torch import Tensor

from pipeline.attributes import SMALLEST_CHANGE, Unit, calibrate, settle, turned


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


def test_what_cannot_be_reached_is_said_at_the_first_step_that_does_about_the_most() -> None:
    def change(step: float) -> Tensor:
        return torch.tensor([0.5 * torch.tanh(torch.tensor(step)).item()]).double()

    unit = calibrate(change, 1.0, [0], [])
    assert (unit.reached, unit.step) == (False, 2.0)
    assert float(unit.change[0]) == pytest.approx(0.5 * torch.tanh(torch.tensor(2.0)).item())


def test_steps_scale_with_the_spread_of_the_latents() -> None:
    tried: list[float] = []

    def change(step: float) -> Tensor:
        tried.append(abs(step))
        return torch.tensor([0.0]).double()

    calibrate(change, 10.0, [0], [])
    assert min(tried) == pytest.approx(10.0)
    assert max(tried) == pytest.approx(20.0)  # and no further where nothing moves at all


def test_a_faint_direction_is_followed_far_while_it_promises_something() -> None:
    """A single style channel takes 5 to 20 standard deviations."""
    unit = calibrate(linear(0.06, 0.01), 1.0, [0], [1])
    assert unit.reached
    assert unit.step == pytest.approx(1 / 0.06)
    assert calibrate(linear(0.03), 1.0, [0], []).step == 30.0


def test_the_walk_ends_where_images_fall_apart() -> None:
    tried: list[float] = []

    def change(step: float) -> Tensor | None:
        tried.append(abs(step))
        return None if abs(step) > 5 else torch.tensor([0.1 * step]).double()

    unit = calibrate(change, 1.0, [0], [])
    assert (unit.reached, unit.step) == (False, 4.0)
    assert max(tried) == 6.0
    assert not calibrate(lambda _step: None, 1.0, [0], [1]).reached


@pytest.mark.parametrize("target", [1.0, -1.0, -0.5])
def test_both_ways_of_a_direction_have_their_own_unit(target: float) -> None:
    """Raised by half a step, lowered by two."""

    def change(step: float) -> Tensor:
        return torch.tensor([2 * step if step > 0 else step / 2, 0.1 * step]).double()

    unit = calibrate(change, 1.0, [0], [1], target)
    other = turned(change, 1.0, unit, [1], -target)
    assert (unit.reached, other.reached) == (True, True)
    for found, wanted in ((unit, target), (other, -target)):
        assert found.step == pytest.approx(wanted / 2 if wanted > 0 else wanted * 2)
        assert float(found.change[0]) == pytest.approx(wanted)
        assert found.selectivity == pytest.approx(20 if wanted > 0 else 5)
        assert settle(change, found, [1], wanted).step == pytest.approx(found.step)


def test_a_floor_is_not_passed() -> None:
    """What is closed cannot be closed further."""

    def change(step: float) -> Tensor:
        return torch.tensor([max(step, -0.4)]).double()

    unit = calibrate(change, 1.0, [0], [])
    other = turned(change, 1.0, unit, [])
    assert (unit.reached, other.reached) == (True, False)
    assert float(other.change[0]) == pytest.approx(-0.4)


def test_settling_follows_a_bent_response() -> None:
    def change(step: float) -> Tensor:
        return torch.tensor([1.5 * torch.tanh(torch.tensor(step / 4)).item()]).double()

    unit = settle(change, calibrate(linear(1.0), 1.0, [0], []), [])
    assert unit.reached
    assert float(unit.change[0]) == pytest.approx(1.0, abs=0.05)


def test_of_what_is_settled_in_vain_the_step_that_comes_closest_is_kept() -> None:
    """More of it does less: the face has turned away."""

    def change(step: float) -> Tensor:
        return torch.tensor([0.3 * step * (3 - step)]).double()

    unit = settle(change, calibrate(linear(1.0), 1.0, [0], []), [])
    assert not unit.reached
    assert 0.6 <= float(unit.change[0]) < 0.675
    lost = settle(lambda _step: None, unit, [])
    assert (lost.reached, lost.step) == (False, unit.step)


def test_a_change_the_wrong_way_has_no_merit() -> None:
    """Whatever is done, the mouth opens."""
    opening = calibrate(lambda step: torch.tensor([0.3 * abs(step)]).double(), 1.0, [0], [], -1.0)
    closing = calibrate(linear(-0.01), 1.0, [0], [], -1.0)
    assert not opening.reached and not closing.reached
    assert float(opening.change[0]) > 0
    assert closing.merit > opening.merit


def test_settling_ends_where_images_fall_apart() -> None:
    def change(step: float) -> Tensor | None:
        return None if step > 3 else torch.tensor([0.2 * step]).double()

    unit = settle(change, calibrate(linear(0.5), 1.0, [0], []), [])
    assert (unit.reached, unit.step) == (False, pytest.approx(2.0))


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
    assert unit.step == pytest.approx(8.0)  # three corrections, each bounded


def test_an_unreached_step_is_kept_and_measured() -> None:
    few = calibrate(linear(0.01), 1.0, [0], [])
    unit = settle(linear(0.02), few, [])
    assert (unit.step, unit.reached) == (few.step, False)
    assert float(unit.change[0]) == pytest.approx(0.02 * few.step)


def test_a_unit_without_a_step_is_not_reached() -> None:
    """As where the images are none of the domain at the first step that is tried."""
    unit = Unit(0, 0.0, torch.zeros(2), reached=False, selectivity=0.0)
    found = settle(lambda step: torch.tensor([step, 0.0]), unit, [1])
    assert (found.reached, found.step, found.attribute) == (False, 0.0, 0)
