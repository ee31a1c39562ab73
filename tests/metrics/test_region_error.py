"""In- and Out-MSE alone, against the metric that has them among others."""

import pytest
import torch

from pipeline.metrics.masked_mse import MaskedMSE
from pipeline.metrics.region_error import RegionError


def test_equals_the_full_metric() -> None:
    draw = torch.Generator().manual_seed(0)
    original, edited = (torch.rand(5, 3, 8, 6, generator=draw) * 2.4 - 1.2 for _ in range(2))
    masks = (torch.rand(5, 8, 6, generator=draw) > 0.6).float()
    masks[2] = 0
    cheap, full = RegionError(), MaskedMSE()
    for metric in (cheap, full):
        metric.update(original, edited, masks, torch.arange(5))
    for name, estimate in cheap.compute().items():
        expected = full.compute()[name]
        assert estimate.n == expected.n
        assert estimate.value == pytest.approx(expected.value, rel=1e-6)
        assert estimate.ci95 == pytest.approx(expected.ci95, rel=1e-6)


def test_a_known_change() -> None:
    mask = torch.zeros(4, 4)
    mask[:2] = 1
    edited = torch.zeros(2, 3, 4, 4) + 0.6 * mask
    metric = RegionError()
    metric.update(torch.zeros(2, 3, 4, 4), edited, mask, torch.arange(2))
    assert metric.compute()["mse_in"].value == pytest.approx(0.09, rel=1e-6)
    assert metric.compute()["mse_out"].value == 0
