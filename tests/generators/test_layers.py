"""Layers against naive versions: loops over samples, zeros inserted by hand, plain convolutions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d, correlate2d
from torch import Tensor

from pipeline.generators.layers import (
    EqualizedConv2d,
    EqualizedLinear,
    blur,
    modulated_conv2d,
    pixel_norm,
    upsample,
)

FIR = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def zeros_between(channel: np.ndarray) -> np.ndarray:
    """``[h, w]`` to ``[2 h - 1, 2 w - 1]``."""
    rows, columns = channel.shape
    spread = np.zeros((2 * rows - 1, 2 * columns - 1))
    spread[::2, ::2] = channel
    return spread


def naive_modulated(
    x: Tensor, weight: Tensor, styles: Tensor, demodulate: bool, up: int, gain: float
) -> Tensor:
    """StyleGAN2, Eq. 1-3, a kernel per sample, one pair of channels at a time."""
    kernels = weight.expand(len(x), *weight.shape[-4:]) * styles[:, None, :, None, None]
    if demodulate:
        norm = (kernels.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).sqrt()
        kernels = kernels / norm * gain
    samples = []
    for image, kernel in zip(x.numpy(), kernels.numpy(), strict=True):
        rows = []
        for outgoing in kernel:
            pairs = list(zip(image, outgoing, strict=True))
            if up == 2:
                full = sum(convolve2d(zeros_between(c), k) for c, k in pairs)
                rows.append(4 * convolve2d(np.pad(full, 1), FIR, mode="valid"))
            else:
                rows.append(sum(correlate2d(c, k, mode="same") for c, k in pairs))
        samples.append(np.stack(rows))
    return torch.from_numpy(np.stack(samples))


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("up", [1, 2])
@pytest.mark.parametrize("per_sample", [False, True])
@pytest.mark.parametrize("n", [1, 3])
def test_modulated_convolution(n: int, per_sample: bool, up: int, demodulate: bool) -> None:
    lead = (n,) if per_sample else ()
    x, weight, styles = draw(n, 3, 4, 5), draw(*lead, 2, 3, 3, 3, seed=1), draw(n, 3, seed=2)
    gain = 1.7 if demodulate else 1.0
    actual = modulated_conv2d(x, weight, styles, demodulate, up, gain)
    expected = naive_modulated(x, weight, styles, demodulate, up, gain)
    assert actual.shape == (n, 2, 4 * up, 5 * up)
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)


def test_modulated_one_by_one_convolution() -> None:
    x, weight, styles = draw(2, 4, 3, 3), draw(3, 4, 1, 1, seed=1), draw(2, 4, seed=2)
    expected = torch.einsum("oi,ni,nihw->nohw", weight[..., 0, 0], styles, x)
    actual = modulated_conv2d(x, weight, styles, demodulate=False)
    torch.testing.assert_close(actual, expected)


def test_demodulation_keeps_the_variance_of_white_noise() -> None:
    x, weight, styles = draw(1, 16, 64, 64), draw(8, 16, 3, 3, seed=1), 5 * draw(1, 16, seed=2)
    y = modulated_conv2d(x, weight, styles)[:, :, 1:-1, 1:-1]
    assert y.std(dim=(2, 3)).sub(1).abs().max() < 0.1


@given(height=st.integers(3, 9), width=st.integers(3, 9), channels=st.integers(1, 3))
@settings(max_examples=10, deadline=None)
def test_blur_and_upsample(height: int, width: int, channels: int) -> None:
    x = draw(2, channels, height, width, seed=height * width)
    for actual, naive in (
        (blur(x, 1, gain=2.0), lambda c: 2 * convolve2d(np.pad(c, 1), FIR, mode="valid")),
        (blur(x, 2), lambda c: convolve2d(np.pad(c, 2), FIR, mode="valid")),
        (upsample(x), lambda c: 4 * convolve2d(np.pad(zeros_between(c), 2), FIR, mode="valid")),
    ):
        expected = torch.tensor(np.array([[naive(c) for c in image] for image in x.numpy()]))
        torch.testing.assert_close(actual[..., : expected.shape[2], : expected.shape[3]], expected)


def test_upsampling_a_constant_leaves_it_inside() -> None:
    y = upsample(torch.full((1, 2, 6, 6), 3.0))
    assert y.shape == (1, 2, 12, 12)
    torch.testing.assert_close(y[..., 2:-2, 2:-2], torch.full((1, 2, 8, 8), 3.0))


def test_upsampling_is_aligned_to_the_middle() -> None:
    """The mean position of an impulse stays where it is, as a fraction of the image."""
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 3, 5] = 1
    y = upsample(x)[0, 0]
    centres = (torch.arange(16) + 0.5) / 16
    assert float((y.sum(1) / 4 * centres).sum()) == pytest.approx(3.5 / 8)
    assert float((y.sum(0) / 4 * centres).sum()) == pytest.approx(5.5 / 8)


def test_pixel_norm() -> None:
    for x in (draw(5, 8), draw(2, 8, 3, 3)):
        expected = torch.ones(x[:, 0].shape, dtype=torch.float64)
        torch.testing.assert_close(pixel_norm(3 * x).square().mean(dim=1), expected)


@pytest.mark.parametrize(("activation", "multiplier"), [("linear", 1.0), ("lrelu", 0.01)])
def test_equalised_linear(activation: str, multiplier: float) -> None:
    layer = EqualizedLinear(9, 4, activation, multiplier, bias_init=0.5).double()
    x = draw(3, 9)
    weight, bias = layer.weight * multiplier / 3, layer.bias * multiplier
    torch.testing.assert_close(bias, torch.full_like(bias, 0.5))
    y = x @ weight.T + bias
    if activation == "lrelu":
        y = torch.where(y > 0, y, 0.2 * y) * math.sqrt(2)
    torch.testing.assert_close(layer(x), y)


def test_equalised_linear_starts_at_unit_variance_whatever_its_multiplier() -> None:
    torch.manual_seed(0)
    for multiplier in (1.0, 0.01):
        y = EqualizedLinear(256, 256, lr_multiplier=multiplier)(torch.randn(64, 256))
        assert float(y.detach().std()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("activation", ["linear", "lrelu"])
@pytest.mark.parametrize("kernel", [1, 3])
def test_equalised_convolution(kernel: int, activation: str) -> None:
    layer = EqualizedConv2d(4, 2, kernel, True, activation, gain=0.5).double()
    layer.bias.data.copy_(draw(2, seed=3))
    x = draw(1, 4, 6, 6)
    weight = layer.weight.detach().numpy() / math.sqrt(4 * kernel**2)
    y = np.array(
        [sum(correlate2d(c, k, "same") for c, k in zip(x[0], w, strict=True)) for w in weight]
    )
    y = torch.tensor(y) + layer.bias.detach()[:, None, None]
    if activation == "lrelu":
        y = torch.where(y > 0, y, 0.2 * y) * math.sqrt(2)
    torch.testing.assert_close(layer(x)[0], 0.5 * y)


@pytest.mark.parametrize("kernel", [1, 3])
def test_downsampling_convolution(kernel: int) -> None:
    """Blur, then every second pixel of the convolution, as of two steps by hand."""
    layer = EqualizedConv2d(1, 1, kernel, bias=False, down=2).double()
    x = draw(1, 1, 8, 8)
    blurred = convolve2d(np.pad(x[0, 0], 1 + kernel // 2), FIR, mode="valid")
    weight = layer.weight.detach()[0, 0].numpy() / kernel
    expected = correlate2d(blurred, weight, mode="valid")[::2, ::2]
    assert layer(x).shape == (1, 1, 4, 4)
    torch.testing.assert_close(layer(x)[0, 0], torch.tensor(expected))
