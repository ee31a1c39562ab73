"""Filters and schedules of StyleGAN3 against SciPy, the official network and the formulas."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import signal
from torch import Tensor

from pipeline.generators.alias_free import (
    Signal,
    downsample,
    low_pass,
    plan_signals,
    radial_low_pass,
    upsample,
)
from pipeline.generators.stylegan3 import StyleGAN3Config
from tests.generators.stylegan3_cases import naive_filter

OFFICIAL = {
    1024: [36, 36, 52, 52, 84, 148, 148, 276, 276, 532, 1044, 1044, 1044, 1024, 1024],
    256: [36, 36, 36, 52, 52, 84, 84, 148, 148, 148, 276, 276, 276, 256, 256],
}
"""Sizes of the layers of the official networks, which are in the layers' names."""

PRINTED = {  # what the official network of 1024 px prints of some of its layers
    0: (16, 2, 6),
    1: (16, 3.1748, 4.8252),
    2: (32, 5.03968, 10.9603),
    7: (256, 50.7968, 77.2032),
    11: (1024, 322.54, 189.46),
    12: (1024, 512, 118.346),
    14: (1024, 512, 118.346),
}


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("resolution", OFFICIAL)
def test_sizes_of_the_official_networks(resolution: int) -> None:
    signals = StyleGAN3Config(resolution, (1,) * 14).signals
    assert [s.size for s in signals] == OFFICIAL[resolution]


def test_bands_of_the_official_network() -> None:
    signals = StyleGAN3Config(1024, (1,) * 14).signals
    for i, (rate, cutoff, half_width) in PRINTED.items():
        assert signals[i].rate == rate
        assert signals[i].cutoff == pytest.approx(cutoff, rel=1e-5)
        assert signals[i].half_width == pytest.approx(half_width, rel=1e-5)


def test_bands_fit_their_rates() -> None:
    signals = plan_signals(100, 6, 1, 2.0, 5.0, 1.3, 3)
    assert [s.rate for s in signals[-2:]] == [128, 128]  # the power of two above
    assert [s.size for s in signals[-2:]] == [100, 100]
    for before, after in zip(signals[:-2], signals[1:-1], strict=True):
        assert before.cutoff < after.cutoff and before.rate <= after.rate
        assert after.rate / 2 >= after.cutoff > 0


@pytest.mark.parametrize("count", [2, 12, 13, 24])
@pytest.mark.parametrize("half_width", [0.2, 3.0, 30.0])  # of each case of Kaiser's formula
def test_low_pass_is_that_of_scipy(count: int, half_width: float) -> None:
    expected = signal.firwin(count, 5.0, width=2 * half_width, fs=64.0)
    np.testing.assert_allclose(low_pass(count, 5.0, half_width, 64.0), expected, atol=1e-12)


def test_radial_filter() -> None:
    taps = radial_low_pass(12, 5.0, 8.0, 64.0)
    expected = naive_filter(12, Signal(5.0, 8.0, 0, 0), 64.0, radial=True)
    np.testing.assert_allclose(taps, expected.numpy(), atol=1e-12)
    np.testing.assert_allclose(taps, np.rot90(taps), atol=1e-15)
    assert taps.sum() == pytest.approx(1)


def test_radial_filter_with_a_tap_in_the_middle() -> None:
    taps = radial_low_pass(11, 5.0, 8.0, 64.0)
    assert np.isfinite(taps).all()
    assert taps.max() == taps[5, 5]


@pytest.mark.parametrize("factor", [1, 2, 3])
@pytest.mark.parametrize("padding", [(9, 8), (2, 5), (-3, -1), (20, 17)])
def test_upsampling_is_filtering_between_zeros(factor: int, padding: tuple[int, int]) -> None:
    x, taps = draw(2, 3, 11, 11), draw(6)
    taps = taps + taps.flip(0)
    spread = torch.zeros(2, 3, 11 * factor, 11 * factor, dtype=x.dtype)
    spread[:, :, ::factor, ::factor] = x
    kernel = torch.outer(taps, taps)
    expected = F.conv2d(F.pad(spread, padding * 2), kernel.expand(3, 1, 6, 6), groups=3)
    torch.testing.assert_close(upsample(x, kernel, factor, padding), expected)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_downsampling_filters_and_keeps_some(factor: int) -> None:
    x, taps = draw(2, 3, 17, 17), draw(6, 6)
    full = F.conv2d(x, taps.expand(3, 1, 6, 6), groups=3)
    torch.testing.assert_close(downsample(x, taps, factor), full[:, :, ::factor, ::factor])
