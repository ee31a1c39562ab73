"""Distances at equal effects: exact on straight lines, and the interval of what is not shared."""

import pytest
import torch
from torch import Tensor

from pipeline.metrics.equal_effect import Course, common_levels, excess

EFFECTS = torch.tensor([0.0, -2.0, -1.0, 1.0, 2.0], dtype=torch.float64)


def course(slope: float, noise: Tensor, effects: Tensor = EFFECTS, n: int = 50) -> Course:
    """A distance of 3 that grows by ``slope`` with the size of the effect, plus noise shared."""
    distances = 3 + slope * effects.abs()
    return Course(effects.clone(), effects, distances, distances[:, None] + noise, n)


def test_the_difference_of_straight_lines_is_exact_and_shared_noise_cancels() -> None:
    noise = torch.randn(1, 10, generator=torch.Generator().manual_seed(0)).double()
    steep, flat = course(2.0, noise), course(0.5, noise, 0.9 * EFFECTS)
    levels = common_levels(steep.reach(1), flat.reach(1))
    assert levels[-1] == pytest.approx(0.95 * 1.8)
    assert len(levels) == 4
    found = excess(steep, flat, levels)
    expected = 1.5 * sum(levels) / 4
    assert found.value == pytest.approx(expected)
    assert found.ci95 == pytest.approx((expected, expected))
    assert found.n == 50
    other = torch.randn(1, 10, generator=torch.Generator().manual_seed(1)).double()
    low, high = excess(steep, course(0.5, other), levels).ci95
    assert high - low > 1


def test_both_senses_of_one_edit() -> None:
    none = torch.zeros(1, 4, dtype=torch.float64)
    lopsided = Course(
        EFFECTS, EFFECTS, torch.tensor([1.0, 5, 3, 2, 3]).double(), none.expand(5, 4) + 1, 9
    )
    assert lopsided.at([0.5, 1.5], -1)[0].tolist() == [2.0, 4.0]
    assert lopsided.at([0.5, 1.5], 1)[0].tolist() == [1.5, 2.5]
    assert excess(lopsided, lopsided, [0.5, 1.5], (-1, 1)).value == 1.0


def test_effects_in_any_order_and_edits_without_effect() -> None:
    none = torch.zeros(1, 4, dtype=torch.float64)
    turned = course(2.0, none, EFFECTS[[0, 4, 3, 2, 1]])
    assert turned.at([1.5], -1)[0].tolist() == [6.0]
    still = course(1.0, none, 0.01 * EFFECTS)
    assert common_levels(still.reach(1), turned.reach(1)) == ()


def test_an_effect_past_its_greatest_does_not_count() -> None:
    strengths = torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float64)
    effects = torch.tensor([0.0, 1.0, 0.5, 2.0], dtype=torch.float64)
    distances = torch.tensor([1.0, 2.0, 9.0, 3.0], dtype=torch.float64)
    turning = Course(strengths, effects, distances, distances[:, None], 5)
    assert turning.at([0.5, 1.0, 1.5], 1)[0].tolist() == [1.5, 2.0, 2.5]


def test_different_samples_are_no_pairs() -> None:
    none = torch.zeros(1, 4, dtype=torch.float64)
    with pytest.raises(ValueError, match="no pairs"):
        excess(course(1.0, none), course(1.0, none, n=60), [1.0])
