"""Layers of StyleGAN3 (Karras et al. 2021): Fourier features, and convolutions between resamplings.

Parameters carry the names of the official release, so its tensors load by name.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.generators.alias_free import Resampling, Signal, Taps, downsample, upsample
from pipeline.generators.layers import LRELU_GAIN, EqualizedLinear, activate, modulated_conv2d


class FourierInput(nn.Module):
    """Fourier features, moved and turned by four styles, then mixed (section 3.2, appendix F).

    Args:
        channels: number of features.
        signal: what they must fit in: frequencies stay below its cutoff, fade out up to its rate.
        w_dim: length of w.

    Attributes:
        transform: of the image plane ``[3, 3]``, from the image to the features; the identity
            unless a user moves the image with it.
    """

    freqs: Tensor
    phases: Tensor
    transform: Tensor

    def __init__(self, channels: int, signal: Signal, w_dim: int) -> None:
        super().__init__()
        self.signal = signal
        self.affine = EqualizedLinear(w_dim, 4)
        nn.init.zeros_(self.affine.weight)
        self.affine.bias = nn.Parameter(torch.tensor([1.0, 0.0, 0.0, 0.0]))
        self.weight = nn.Parameter(torch.randn(channels, channels))
        angles, radii = 2 * math.pi * torch.rand(channels), torch.rand(channels).sqrt()
        disc = torch.stack([angles.cos(), angles.sin()], dim=1) * radii[:, None]
        self.register_buffer("freqs", disc * signal.cutoff)
        self.register_buffer("phases", torch.rand(channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))

    def forward(self, styles: Tensor) -> Tensor:
        """Rotation (cosine, sine) and shift (x, y) ``[n, 4]`` to features ``[n, c, size, size]``.

        All four are divided by the length of the first two.
        """
        freqs, phases = self._moved(styles)
        cutoff, edge = self.signal.cutoff, self.signal.rate / 2
        lengths = freqs.square().sum(dim=2).sqrt()
        amplitudes = (1 - (lengths - cutoff) / (edge - cutoff)).clamp(0, 1)
        size = self.signal.size
        places = torch.arange(size, dtype=freqs.dtype, device=freqs.device) + (0.5 - size / 2)
        along = places / self.signal.rate
        x = freqs[:, :, :1, None] * along + freqs[:, :, 1:, None] * along[:, None]
        waves = (2 * math.pi * (x + phases[:, :, None, None])).sin()
        weight = self.weight / math.sqrt(len(self.weight))
        return F.conv2d(waves * amplitudes[:, :, None, None], weight[:, :, None, None])

    def _moved(self, styles: Tensor) -> tuple[Tensor, Tensor]:
        """Frequencies ``[n, c, 2]`` and phases ``[n, c]`` on the transformed plane."""
        unit = styles * styles[:, :2].square().sum(dim=1, keepdim=True).rsqrt()
        cosine, sine = unit[:, 0], unit[:, 1]
        rotation = torch.stack([cosine, -sine, sine, cosine], dim=1).reshape(-1, 2, 2)
        shift = rotation @ -unit[:, 2:, None]
        plane = torch.cat([rotation, shift], dim=2) @ self.transform
        freqs = self.freqs @ plane[:, :, :2]
        return freqs, self.phases + (self.freqs @ plane[:, :, 2:]).squeeze(2)


class SynthesisLayer(nn.Module):
    """Modulated convolution, bias, leaky ReLU between two resamplings (Fig. 4b); or to-RGB.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: of the convolution.
        w_dim: length of w.
        resampling: from the input's signal to the output's.
        clamp: bound on the activations, or None.
        rgb: whether it is to-RGB: neither demodulation nor leaky ReLU.

    Attributes:
        magnitude_ema: mean square of the input, tracked in training; the input is scaled to 1.
    """

    magnitude_ema: Tensor
    up_filter: Tensor
    down_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        w_dim: int,
        resampling: Resampling,
        clamp: float | None,
        rgb: bool,
    ) -> None:
        super().__init__()
        self.rgb, self.clamp = rgb, clamp
        self.up, self.down = resampling.up, resampling.down
        self.padding, self.widening = resampling.padding(kernel_size), kernel_size // 2
        self.weight_gain = 1 / math.sqrt(in_channels * kernel_size**2)
        self.affine = EqualizedLinear(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.register_buffer("magnitude_ema", torch.ones([]))
        gain = self.up**2 * (1 if rgb else LRELU_GAIN)
        self._keep("up_filter", resampling.up_filter, gain)
        self._keep("down_filter", resampling.down_filter)

    def _keep(self, name: str, taps: Taps, gain: float = 1.0) -> None:
        plane = taps if taps.ndim == 2 else np.outer(taps, taps)
        self.register_buffer(name, torch.from_numpy(gain * plane).float(), persistent=False)

    def forward(self, x: Tensor, styles: Tensor, shift: Tensor | None) -> Tensor:
        """Features ``[n, in, h, w]`` and styles ``[n, in]`` to features ``[n, out, h', w']``."""
        weight = self.weight if shift is None else self.weight + shift
        x = F.pad(x, [self.widening] * 4)  # the convolution is full: it widens its input
        if self.rgb:
            x = modulated_conv2d(x, weight, styles * self.weight_gain, demodulate=False)
        else:
            x = modulated_conv2d(x, weight, styles)
        x = x * self.magnitude_ema.rsqrt().to(x.dtype) + self.bias.to(x.dtype)[:, None, None]
        x = upsample(x, self.up_filter, self.up, self.padding)
        x = activate(x, "linear" if self.rgb else "lrelu", self.clamp)
        return downsample(x, self.down_filter, self.down)
