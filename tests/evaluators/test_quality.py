"""Closed forms of the quality measures."""

import pytest
import torch

from pipeline.evaluators.quality import (
    area_under_curve,
    batches,
    bootstrap,
    determination,
    intersection_over_union,
    iou_scores,
)


def test_iou_by_hand() -> None:
    truth = torch.tensor([[[0, 0], [1, 1]]], dtype=torch.uint8)
    predicted = torch.tensor([[[0, 1], [1, 1]]], dtype=torch.uint8)
    assert intersection_over_union(predicted, truth, 3).tolist() == pytest.approx([1 / 2, 2 / 3, 1])


def test_iou_scores_end_with_the_mean() -> None:
    truth = torch.tensor([[[0, 0], [1, 1]]], dtype=torch.uint8).expand(5, 2, 2)
    *parts, mean = iou_scores(truth.roll(1, 2), truth, 2)
    assert [score.value for score in parts] == [1, 1]
    assert (mean.value, mean.low, mean.high, mean.n) == (1, 1, 1, 5)


def test_determination_is_one_for_truth_and_zero_for_the_mean() -> None:
    truth = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    assert determination(truth, truth).tolist() == [1, 1, 1]
    constant = truth.mean(0).expand_as(truth)
    assert determination(constant, truth).abs().max() < 1e-6


def test_area_under_curve_counts_ties_half() -> None:
    positive, negative = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 1.0, 2.0])
    assert area_under_curve(positive, negative).item() == pytest.approx((1.5 + 3) / 6)


def test_bootstrap_covers_the_error_of_a_mean() -> None:
    x = torch.randn(400, generator=torch.Generator().manual_seed(1))
    (score,) = bootstrap(lambda index: x[index].mean(0, keepdim=True), 400)
    width = 2 * 1.96 * float(x.std()) / 20
    assert score.low < score.value < score.high
    assert score.high - score.low == pytest.approx(width, rel=0.15)


def test_batches_keep_order_and_remainder() -> None:
    x = torch.arange(7)
    parts = list(batches(x, 3))
    assert [len(part) for part in parts] == [3, 3, 1]
    assert torch.equal(torch.cat(parts), x)
