"""95 % intervals against their closed forms and against simulation."""

import math

import pytest
import torch
from scipy import stats

from pipeline.metrics.intervals import (
    fraction_estimate,
    jackknife_estimate,
    mean_estimate,
    ratio_estimate,
)


def draw(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_mean_has_the_t_interval() -> None:
    x = draw(7)
    estimate = mean_estimate(x)
    expected = stats.t.interval(0.95, 6, loc=x.mean(), scale=stats.sem(x.numpy()))
    assert estimate.value == pytest.approx(x.mean().item(), rel=1e-14)
    assert estimate.ci95 == pytest.approx(expected, rel=1e-12)
    assert estimate.n == 7


def test_mean_leaves_nan_out_and_counts_the_rest() -> None:
    x = torch.tensor([1.0, math.nan, 3.0])
    assert mean_estimate(x).value == 2.0
    assert mean_estimate(x).n == 2


def test_one_value_has_no_interval() -> None:
    estimate = mean_estimate(torch.tensor([4.0]))
    assert estimate.value == 4.0
    assert all(map(math.isnan, estimate.ci95))


def test_mean_is_summed_exactly_in_any_order() -> None:
    x = torch.tensor([1e16, 1.0, -1e16, 1.0], dtype=torch.float64)
    assert mean_estimate(x).value == mean_estimate(x.flip(0)).value == 0.5


def test_ratio_is_of_the_means_over_pairs() -> None:
    above = torch.tensor([1.0, 2.0, 3.0, math.nan, 9.0])
    below = torch.tensor([1.0, 1.0, 4.0, 5.0, math.nan])
    estimate = ratio_estimate(above, below)
    assert (estimate.value, estimate.n) == (1.0, 3)


def test_ratio_interval_agrees_with_the_delta_method() -> None:
    below = 5 + draw(800)
    above = 2 * below + draw(800, 1)
    estimate = ratio_estimate(above, below)
    error = ((above - estimate.value * below).std() / below.mean() / 800**0.5).item()
    low, high = estimate.ci95
    assert (low, high) == pytest.approx(
        (estimate.value - 1.96 * error, estimate.value + 1.96 * error), abs=0.3 * error
    )
    assert ratio_estimate(above, below) == estimate


def test_ratio_without_a_denominator() -> None:
    zeros, ones = torch.zeros(4), torch.ones(4)
    assert ratio_estimate(ones, zeros).value == math.inf
    assert ratio_estimate(ones, zeros).ci95 == (math.inf, math.inf)
    assert math.isnan(ratio_estimate(zeros, zeros).value)
    assert all(map(math.isnan, ratio_estimate(zeros, zeros).ci95))


def test_jackknife_of_a_mean_is_its_t_interval() -> None:
    x = draw(6) + 9
    left_out = [(x.sum() - v).item() / 5 for v in x]
    estimate = jackknife_estimate(x.mean().item(), left_out, 6)
    assert estimate.ci95 == pytest.approx(mean_estimate(x).ci95, rel=1e-12)


def test_jackknife_ends_at_zero_and_needs_two_groups() -> None:
    assert jackknife_estimate(0.1, [0.0, 5.0], 8).ci95[0] == 0.0
    assert all(map(math.isnan, jackknife_estimate(0.1, [0.1], 8).ci95))
    assert all(map(math.isnan, jackknife_estimate(0.1, [0.1, math.nan], 8).ci95))


@pytest.mark.parametrize(("count", "n"), [(0, 10), (3, 10), (10, 10), (40, 1000)])
def test_fraction_has_wilsons_interval(count: int, n: int) -> None:
    expected = stats.binomtest(count, n).proportion_ci(method="wilson")
    estimate = fraction_estimate(count, n)
    assert estimate.value == count / n
    assert estimate.ci95 == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-12)
