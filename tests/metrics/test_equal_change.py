"""Errors outside at equal errors inside: closed forms, and intervals that cover the truth."""

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.metrics.equal_change import (
    Sweep,
    common_levels,
    compare,
    compare_apart,
    interpolate,
)

STRENGTHS = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)


def sweep(slope: float, n: int = 60, noise: float = 0.0, seed: int = 0, reach: float = 1) -> Sweep:
    """Error outside is `slope` times the error inside; samples change more or less altogether."""
    draw = torch.Generator().manual_seed(seed)
    scale = 1 + torch.rand(n, 1, generator=draw, dtype=torch.float64)
    inside = reach * scale * STRENGTHS
    own = torch.randn(n, 1, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)
    return Sweep(inside, slope * inside * (1 + noise * own).clamp(min=0.01))


def test_interpolates_from_zero_and_in_proportion_beyond_the_last_point() -> None:
    x, y = torch.tensor([[3.0, 1.0], [2.0, 4.0]]), torch.tensor([[5.0, 1.0], [1.0, 3.0]])
    at = torch.tensor([0.5, 2.0, 4.0])
    expected = torch.tensor([[0.5, 3.0, 20 / 3], [0.25, 1.0, 3.0]])
    torch.testing.assert_close(interpolate(x, y, at), expected)


def test_a_curve_that_turns_back_stays_positive_beyond_its_points() -> None:
    x, y = torch.tensor([[1.0, 3.0, 2.9]]), torch.tensor([[1.0, 2.0, 9.0]])
    assert (interpolate(x, y, torch.tensor([3.5, 30.0])) > 0).all()


def test_points_at_the_same_place_have_no_slope() -> None:
    x, y = torch.tensor([[0.0, 2.0, 2.0]]), torch.tensor([[0.0, 1.0, 3.0]])
    assert interpolate(x, y, torch.tensor([0.0, 1.0])).isfinite().all()


def test_straight_curves_have_the_ratio_of_their_slopes_however_far_they_reach() -> None:
    first, second = sweep(0.2, reach=2), sweep(0.5)
    levels = common_levels([first, second], 4)
    assert levels[-1] == pytest.approx(0.9 * float(second.means()[0].max()))
    found = compare(first, second, levels, resamples=50)
    assert [r.value for r in found.ratios] == pytest.approx([0.4] * 4)
    assert found.overall.value == pytest.approx(0.4)
    assert found.overall.ci95 == pytest.approx((0.4, 0.4))
    assert found.overall.n == 60


def test_pairs_that_share_their_noise_are_told_apart() -> None:
    first, second = sweep(0.48, noise=0.5), sweep(0.5, noise=0.5)
    alone = compare(first, sweep(0.5, noise=0.5, seed=9), [2.0], resamples=300).overall
    paired = compare(first, second, [2.0], resamples=300).overall
    assert paired.ci95[1] < 1
    assert alone.ci95[0] < 1 < alone.ci95[1]


def test_samples_of_two_generators_are_drawn_apart() -> None:
    first, second = sweep(0.48, noise=0.5), sweep(0.5, noise=0.5)
    apart = compare_apart(first, second, [2.0], resamples=300).overall
    assert apart.value == pytest.approx(compare(first, second, [2.0], resamples=2).overall.value)
    assert apart.ci95[0] < 1 < apart.ci95[1]  # what the pairs share is not told apart
    few = compare_apart(sweep(0.1, n=30), sweep(0.5, n=50), [1.0, 2.0], resamples=50)
    assert [r.value for r in few.ratios] == pytest.approx([0.2, 0.2])
    assert few.overall.n == 30


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    hits = 0
    for seed in range(0, 80, 2):
        first, second = sweep(0.3, 40, 0.3, seed), sweep(0.3, 40, 0.3, seed + 1000)
        low, high = compare(first, second, [1.0, 2.0], resamples=200, seed=seed).overall.ci95
        hits += low <= 1 <= high
    assert 34 <= hits <= 40


def test_swapping_the_methods_inverts_the_ratio() -> None:
    first, second = sweep(0.3, noise=0.2), sweep(0.4, noise=0.2, seed=5)
    one, other = compare(first, second, [1.0]), compare(second, first, [1.0])
    assert one.overall.value == pytest.approx(1 / other.overall.value)
    assert one.overall.ci95[0] == pytest.approx(1 / other.overall.ci95[1])


def without_region(given: Sweep) -> Sweep:
    inside: Tensor = given.inside.clone()
    inside[3] = torch.nan
    return Sweep(inside, given.outside)


def test_a_sample_without_the_region_is_left_out_of_both() -> None:
    first, second = sweep(0.3, noise=0.2), sweep(0.4, noise=0.1)
    kept = torch.arange(60) != 3
    by_hand = [Sweep(s.inside[kept], s.outside[kept]) for s in (first, second)]
    found = compare(without_region(first), second, [1.0])
    assert found.overall == compare(by_hand[0], by_hand[1], [1.0]).overall
    assert found.overall.n == 59


def test_a_method_that_changes_nothing_is_told() -> None:
    with pytest.raises(UserError, match="changes nothing inside"):
        common_levels([sweep(1), Sweep(torch.zeros(5, 2), torch.zeros(5, 2))])


def test_other_numbers_of_samples_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        compare(sweep(1, 5), sweep(1, 6), [1.0])
