"""Hyperplanes on data whose separation is known."""

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.methods.separation import Penalty, Sides, accuracy, orthogonal, separate, sweep


def sides(scales: Tensor | None = None, relevant: int = 2, d: int = 30, n: int = 400) -> Sides:
    """Normal points whose class is the sign of the sum of the first coordinates."""
    random = torch.Generator().manual_seed(0)
    points = torch.randn(n + 200, d, generator=random, dtype=torch.float64)
    positive = points[:, :relevant].sum(1) > 0
    points = points * (torch.ones(d, dtype=torch.float64) if scales is None else scales) + 3
    return Sides(points[:n], positive[:n], points[n:], positive[n:])


def test_an_l1_penalty_keeps_the_coordinates_that_tell() -> None:
    plane = separate(sides(), Penalty.L1, 0.02, standardise=True)
    assert plane.zeros >= 26
    assert plane.sparsity == plane.zeros / 30
    assert set(plane.normal.nonzero()[:, 0].tolist()) >= {0, 1}
    assert plane.train > 0.95
    assert plane.validation > 0.95
    assert plane.converged
    assert float(plane.normal.norm()) == pytest.approx(1)


def test_an_l2_penalty_leaves_no_zeros() -> None:
    plane = separate(sides(), Penalty.L2, 1.0, standardise=False)
    assert plane.zeros == 0
    wanted = torch.zeros(30, dtype=torch.float64)
    wanted[:2] = 0.5**0.5
    assert float(plane.normal @ wanted) > 0.95


def test_standardised_coordinates_are_mapped_back() -> None:
    scales = torch.ones(30, dtype=torch.float64)
    scales[0], scales[1] = 100.0, 0.01
    plain = separate(sides(), Penalty.L1, 0.05, standardise=True)
    scaled = separate(sides(scales), Penalty.L1, 0.05, standardise=True)
    assert (scaled.train, scaled.validation) == (plain.train, plain.validation)
    assert scaled.zeros == plain.zeros
    # The normal itself points where coordinates are small, the step where they vary.
    assert float(scaled.normal[1].abs()) > 0.99
    assert float(scaled.step[0].abs()) > 0.99
    side = accuracy(scaled.normal, scaled.offset, sides(scales).train, sides(scales).train_positive)
    assert side == scaled.train


def test_a_constant_coordinate_takes_no_part() -> None:
    scales = torch.ones(30, dtype=torch.float64)
    scales[5] = 0
    plane = separate(sides(scales), Penalty.L1, 0.05, standardise=True)
    assert plane.normal[5] == 0
    assert bool(plane.normal.isfinite().all())


def test_sparsity_falls_along_the_sweep_and_empty_ends_are_left_out() -> None:
    planes = sweep(sides(), Penalty.L1, [1e-6, 0.01, 0.1, 10.0], standardise=True)
    assert [plane.C for plane in planes] == [0.01, 0.1, 10.0]
    zeros = [plane.zeros for plane in planes]
    assert zeros == sorted(zeros, reverse=True)
    with pytest.raises(UserError, match="C=1e-06 is so small"):
        separate(sides(), Penalty.L1, 1e-6, standardise=True)


def test_conditions_are_taken_out_all_together() -> None:
    random = torch.Generator().manual_seed(1)
    normal, *others = torch.randn(4, 6, generator=random, dtype=torch.float64)
    for count in range(4):
        left = orthogonal(normal, others[:count])
        assert float(left.norm()) == pytest.approx(1)
        for other in others[:count]:
            assert abs(float(left @ other)) < 1e-12
    one = orthogonal(normal, others[:1])
    by_hand = normal - (normal @ others[0]) / (others[0] @ others[0]) * others[0]
    torch.testing.assert_close(one, by_hand / by_hand.norm())
    with pytest.raises(UserError, match="take all of the attribute away"):
        orthogonal(normal, [2 * normal])
