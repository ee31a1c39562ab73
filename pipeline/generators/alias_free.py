"""Alias-free signal processing (StyleGAN3, Karras et al. 2021, section 3 and appendix C).

Feature maps are samples of band-limited signals on the image plane. Frequencies are in cycles per
image width, rates in samples per image width. Filters are designed in float64 with NumPy and apply
as plain depthwise convolutions, which differentiate in both modes and run under ``vmap``; in two
dimensions at once, which costs more products than one axis after the other and less time.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Taps = NDArray[np.float64]

NEAR = 1e-9
"""Stands for a radius of 0, where the jinc is a limit."""


@dataclass(frozen=True)
class Signal:
    """What a layer hands on.

    Attributes:
        cutoff: f_c, where the pass band ends.
        half_width: f_h, half of the transition band around the cutoff.
        rate: s, the sampling rate.
        size: height and width of the feature map, margins included.
    """

    cutoff: float
    half_width: float
    rate: int
    size: int


def plan_signals(
    resolution: int,
    layers: int,
    critical: int,
    first_cutoff: float,
    first_stopband: float,
    stopband_ratio: float,
    margin: int,
) -> tuple[Signal, ...]:
    """The signals of all layers, to-RGB last (section 3.2 and appendix D, Fig. 4c).

    Cutoff and stopband grow geometrically up to the first critically sampled layer; the rate is the
    smallest power of two that holds the stopband, at most that of the image.

    Args:
        resolution: image size, the rate of the last layer.
        layers: layers before to-RGB.
        critical: how many of them are critically sampled, the last ones.
        first_cutoff: cutoff of the first layer.
        first_stopband: where the transition band of the first layer ends.
        stopband_ratio: stopband over cutoff of the last layer.
        margin: samples around the image, on each side, but not in the last two.
    """
    last_cutoff = resolution / 2
    signals = []
    for i in range(layers + 1):
        progress = min(i / (layers - critical), 1.0)
        cutoff = first_cutoff * (last_cutoff / first_cutoff) ** progress
        last_stopband = last_cutoff * stopband_ratio
        stopband = first_stopband * (last_stopband / first_stopband) ** progress
        rate = 2 ** math.ceil(math.log2(min(2 * stopband, resolution)))
        size = resolution if i >= layers - 1 else rate + 2 * margin
        signals.append(Signal(cutoff, max(stopband, rate / 2) - cutoff, rate, size))
    return tuple(signals)


@dataclass(frozen=True)
class Resampling:
    """How a layer gets from one signal to the next around its nonlinearity (Fig. 4b).

    Attributes:
        before: the signal that comes in.
        after: the signal that goes out.
        rate: at which the nonlinearity acts.
        taps: of a filter, per unit of the factor it resamples by; 0 for no filters (to-RGB).
        radial: whether the filter on the way down is radially symmetric.
    """

    before: Signal
    after: Signal
    rate: int
    taps: int
    radial: bool

    @property
    def up(self) -> int:
        """Factor from the incoming rate to the nonlinearity's."""
        return round(self.rate / self.before.rate)

    @property
    def down(self) -> int:
        """Factor from the nonlinearity's rate to the outgoing one."""
        return round(self.rate / self.after.rate)

    @property
    def up_filter(self) -> Taps:
        """The filter on the way up, for one axis ``[t]``, of sum 1."""
        signal = self.before
        return low_pass(self._count(self.up), signal.cutoff, signal.half_width, self.rate)

    @property
    def down_filter(self) -> Taps:
        """The filter on the way down, for one axis ``[t]``, or radial ``[t, t]``; of sum 1."""
        count, signal = self._count(self.down), self.after
        design = radial_low_pass if self.radial and count > 1 else low_pass
        return design(count, signal.cutoff, signal.half_width, self.rate)

    def padding(self, kernel_size: int) -> tuple[int, int]:
        """Zeros to put before and after upsampled rows and columns; negative to cut.

        Args:
            kernel_size: of the convolution before, which widens its input by this less 1.
        """
        wanted = (self.after.size - 1) * self.down + 1
        there = (self.before.size + kernel_size - 1) * self.up
        total = wanted - there + self._count(self.up) + self._count(self.down) - 2
        before = (total + self.up) // 2
        return before, total - before

    def _count(self, factor: int) -> int:
        return self.taps * factor if self.taps and factor > 1 else 1


def low_pass(count: int, cutoff: float, half_width: float, rate: float) -> Taps:
    """Kaiser's low-pass filter ``[count]`` of sum 1 (appendix C.1), as ``scipy.signal.firwin``."""
    if count == 1:
        return np.ones(1)
    times = (np.arange(count) - (count - 1) / 2) / rate
    taps: Taps = np.sinc(2 * cutoff * times) * _kaiser(count, half_width, rate)
    taps /= taps.sum()
    return taps


def radial_low_pass(count: int, cutoff: float, half_width: float, rate: float) -> Taps:
    """Radially symmetric low-pass filter ``[count, count]`` of sum 1 (appendix C.1).

    The jinc J1(2 pi f_c r) / r takes the place of the sinc; the window stays separable.

    Args:
        count: number of taps along each axis.
        cutoff: f_c.
        half_width: f_h.
        rate: s.
    """
    times = (np.arange(count) - (count - 1) / 2) / rate
    radius = np.maximum(np.hypot(times[:, None], times), NEAR)
    bessel = torch.special.bessel_j1(torch.from_numpy(2 * np.pi * cutoff * radius)).numpy()
    window = _kaiser(count, half_width, rate)
    taps: Taps = bessel / radius * np.outer(window, window)
    taps /= taps.sum()
    return taps


def _kaiser(count: int, half_width: float, rate: float) -> Taps:
    """Kaiser's window, as wide as a transition band of ``2 half_width`` allows."""
    attenuation = 2.285 * (count - 1) * np.pi * 4 * half_width / rate + 7.95
    if attenuation > 50:
        beta = 0.1102 * (attenuation - 8.7)
    elif attenuation > 21:
        beta = 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    else:
        beta = 0.0
    return np.kaiser(count, beta)


def upsample(x: Tensor, taps: Tensor, factor: int, padding: tuple[int, int]) -> Tensor:
    """Zeros between the samples of ``[n, c, h, w]`` and around them, then a filter.

    Args:
        x: features.
        taps: symmetric filter ``[t, t]``, its gain included.
        factor: of the sampling rate.
        padding: zeros before and after, as :meth:`Resampling.padding` counts them.

    Returns:
        Features ``[n, c, h', w']`` with ``h' = h * factor + sum(padding) - t + 1``.
    """
    channels, count = x.shape[1], len(taps)
    kernel = taps.to(x.dtype).expand(channels, 1, count, count)
    before, after = padding[0] - count + 1, padding[1] - count + factor
    cut = max(0, min(-before, -after))
    x = F.conv_transpose2d(x, kernel, stride=factor, padding=cut, groups=channels)
    rest = (before + cut, after + cut)
    return F.pad(x, rest * 2) if any(rest) else x


def downsample(x: Tensor, taps: Tensor, factor: int) -> Tensor:
    """Filter ``[n, c, h, w]`` with ``[t, t]``, unpadded, and keep one sample of each ``factor``."""
    channels = x.shape[1]
    kernel = taps.to(x.dtype).expand(channels, 1, *taps.shape)
    return F.conv2d(x, kernel, stride=factor, groups=channels)
