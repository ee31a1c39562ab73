"""Masked squared errors against their closed forms."""

import math

import pytest
import torch
from skimage.color import rgb2lab
from skimage.metrics import mean_squared_error
from torch import Tensor

from pipeline.errors import UserError
from pipeline.metrics.base import Estimate
from pipeline.metrics.colour import Lab, lab_error
from pipeline.metrics.masked_mse import MaskedMSE

BOX = torch.zeros(8, 6)
BOX[2:5, 1:4] = 1


def measure(original: Tensor, edited: Tensor, mask: Tensor) -> dict[str, Estimate]:
    metric = MaskedMSE()
    metric.update(original, edited, mask, torch.arange(len(original)))
    return metric.compute()


def noisy(n: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(2)
    a, b = (torch.rand(n, 3, 8, 6, generator=draw) * 2 - 1 for _ in range(2))
    return a, b


def test_a_shift_inside_the_region() -> None:
    original = torch.full((3, 3, 8, 6), -0.2)
    results = measure(original, original + 0.4 * BOX, BOX)
    assert results["mse_in"].value == pytest.approx(0.04, rel=1e-6)  # 0.2 of the range [0, 1]
    assert results["mse_out"].value == 0
    assert results["mse_ratio"].value == math.inf


def test_the_ratio_is_inside_over_outside() -> None:
    original = torch.zeros(4, 3, 8, 6)
    results = measure(original, original + 0.1 + 0.2 * BOX, BOX)
    assert results["mse_ratio"].value == pytest.approx(9, rel=1e-5)
    assert results["mse_ratio"].ci95 == pytest.approx((9, 9), rel=1e-5)


def test_equals_scikit_image_over_the_whole_image() -> None:
    a, b = noisy(1)
    results = measure(a, b, torch.ones(8, 6))
    u, v = ((x[0].double().numpy() + 1) / 2 for x in (a, b))
    assert results["mse_in"].value == pytest.approx(mean_squared_error(u, v), rel=1e-12)
    expected = mean_squared_error(rgb2lab(u, channel_axis=0), rgb2lab(v, channel_axis=0))
    assert results["mse_lab_in"].value == pytest.approx(expected, rel=1e-9)
    assert results["mse_out"].n == 0


def test_black_to_white_in_cielab() -> None:
    results = measure(-torch.ones(2, 3, 8, 6), torch.ones(2, 3, 8, 6), BOX)
    assert results["mse_lab_in"].value == pytest.approx(100**2 / 3, rel=1e-6)


def test_an_image_without_the_region_counts_outside_only() -> None:
    a, b = noisy(3)
    masks = BOX.expand(3, -1, -1).clone()
    masks[1] = 0
    results, without = measure(a, b, masks), measure(a[::2], b[::2], BOX)
    assert results["mse_in"] == without["mse_in"]
    assert results["mse_ratio"] == without["mse_ratio"]
    assert (results["mse_in"].n, results["mse_out"].n, results["mse_ratio"].n) == (2, 3, 2)


def test_fractional_masks_weigh_the_pixels() -> None:
    edited = torch.zeros(1, 3, 1, 2)
    edited[..., 0], edited[..., 1] = 0.2, 0.4
    results = measure(torch.zeros(1, 3, 1, 2), edited, torch.tensor([[1.0, 0.5]]))
    assert results["mse_in"].value == pytest.approx((0.01 + 0.5 * 0.04) / 1.5, rel=1e-6)
    assert results["mse_out"].value == pytest.approx(0.04, rel=1e-6)


def test_maps_are_the_mean_error_per_pixel() -> None:
    a, b = noisy(7)
    metric = MaskedMSE()
    metric.update(a, b, BOX, torch.arange(7))
    u, v = (a.double() + 1) / 2, (b.double() + 1) / 2
    lab = torch.from_numpy(rgb2lab(u.numpy(), channel_axis=1) - rgb2lab(v.numpy(), channel_axis=1))
    maps = metric.maps()
    assert (maps["mse_map"] - (u - v).square().mean((0, 1))).abs().max() < 1e-11
    assert (maps["mse_lab_map"] - lab.square().mean((0, 1))).abs().max() < 1e-6


def test_maps_are_the_same_to_the_last_bit_however_they_are_split() -> None:
    a, b = noisy(7)
    whole, first, second = MaskedMSE(), MaskedMSE(), MaskedMSE()
    whole.update(a, b, BOX, torch.arange(7))
    for i in (5, 0, 6):
        first.update(a[i : i + 1], b[i : i + 1], BOX, torch.tensor([i]))
    second.update(a[1:5], b[1:5], BOX, torch.arange(1, 5))
    first.merge(second)
    again = MaskedMSE.from_state(first.state())
    for name, expected in whole.maps().items():
        assert torch.equal(again.maps()[name], expected)


def test_one_resolution_throughout() -> None:
    metric = MaskedMSE()
    metric.update(*noisy(1), BOX, torch.tensor([0]))
    small = torch.zeros(1, 3, 4, 4)
    with pytest.raises(UserError, match="one resolution"):
        metric.update(small, small, torch.ones(4, 4), torch.tensor([1]))
    assert MaskedMSE().maps() == {}


def test_the_reference_code_s_colours_have_names_of_their_own() -> None:
    a, b = noisy(3)
    metric = MaskedMSE(Lab.REFERENCE)
    metric.update(a, b, torch.ones(8, 6), torch.arange(3))
    expected = lab_error((a.double() + 1) / 2, (b.double() + 1) / 2, Lab.REFERENCE).mean(0)
    assert (metric.maps()["mse_lab_reference_map"] - expected).abs().max() < 1e-11
    assert metric.compute()["mse_lab_reference_in"].value == pytest.approx(float(expected.mean()))
    assert "mse_lab_in" not in metric.compute()
    with pytest.raises(UserError, match="cannot be merged|same settings"):
        MaskedMSE().merge(metric)
