"""Layers of progressively grown generators (Karras et al. 2018): PGGAN's, which StyleGAN kept.

Up-convolutions have two forms in the references: nearest-neighbour upsampling and a convolution,
or both fused into one transposed convolution. The two are the same map but for a flip of the
kernel, so kernels are kept as the unfused form has them, and the faster form runs at each size.
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import UserError, unknown_name
from pipeline.generators.layers import LRELU_GAIN, convolve, convolve_each

FUSED_RESOLUTION = 128
"""Output size from which up-convolutions run fused, as in the references' ``auto``."""


def check_blocks(kind: str, resolution: int, channels: tuple[int, ...]) -> None:
    """Refuse a resolution that is not that of the blocks 4 x 4, 8 x 8, ... with these channels.

    Raises:
        UserError: it is not.
    """
    if not channels or resolution != 2 ** (len(channels) + 1) or min(channels) < 1:
        raise UserError(
            f"{kind}: resolution={resolution} must be a power of two of at least 4, with one "
            f"entry of channels per block from 4 x 4 up; got {channels}."
        )


def instance_norm(x: Tensor, eps: float) -> Tensor:
    """Scale each channel of ``[n, c, h, w]`` to zero mean and unit variance over the image."""
    x = x - x.mean(dim=(2, 3), keepdim=True)
    return x * (x.square().mean(dim=(2, 3), keepdim=True) + eps).rsqrt()


def correlate(x: Tensor, weight: Tensor, up: int = 1) -> Tensor:
    """:func:`convolve` with one kernel ``[out, in, k, k]`` or one per sample."""
    return convolve(x, weight, up) if weight.ndim == 4 else convolve_each(x, weight, up)


def upconvolve(x: Tensor, weight: Tensor) -> Tensor:
    """Double height and width of ``[n, in, h, w]`` and convolve, 3 x 3."""
    fused = 2 * x.shape[-1] >= FUSED_RESOLUTION
    return upconvolve_fused(x, weight) if fused else upconvolve_plain(x, weight)


def upconvolve_plain(x: Tensor, weight: Tensor) -> Tensor:
    """:func:`upconvolve` in two steps."""
    return correlate(F.interpolate(x, scale_factor=2, mode="nearest"), weight)


def upconvolve_fused(x: Tensor, weight: Tensor) -> Tensor:
    """:func:`upconvolve` as one transposed convolution with 16 instead of 36 products a pixel."""
    padded = F.pad(weight.flip(-2, -1), (1, 1, 1, 1))
    rows = padded[..., 1:, :] + padded[..., :-1, :]
    return correlate(x, rows[..., 1:] + rows[..., :-1], up=2)[..., 1:-1, 1:-1]


class Kernel(nn.Module):
    """Convolution with equalised learning rate and without bias, whose kernel can be shifted.

    Args:
        kernel_size: 3, or 1.
        gain: standard deviation of the output for unit inputs, before equalisation.
        up: double height and width first.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        gain: float = LRELU_GAIN,
        up: bool = False,
    ) -> None:
        super().__init__()
        self.up, self.weight_gain = up, gain / math.sqrt(in_channels * kernel_size**2)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))

    def kernel(self, shift: Tensor | None) -> Tensor:
        """The kernel as it acts, moved by ``[out, in, k, k]`` or by one shift per sample."""
        return (self.weight if shift is None else self.weight + shift) * self.weight_gain

    def forward(self, x: Tensor, shift: Tensor | None = None) -> Tensor:
        """``[n, in, h, w]`` to ``[n, out, h', w']``."""
        weight = self.kernel(shift)
        return upconvolve(x, weight) if self.up else correlate(x, weight)


class ToRGB(Kernel):
    """Convolution of 1 x 1 to RGB, with a bias."""

    def __init__(self, in_channels: int) -> None:
        super().__init__(in_channels, 3, kernel_size=1, gain=1.0)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, shift: Tensor | None = None) -> Tensor:
        """``[n, in, h, w]`` to ``[n, 3, h, w]``."""
        return super().forward(x, shift) + self.bias[:, None, None]


def check_shifts(shifts: Mapping[str, Tensor], kernels: Mapping[str, Tensor]) -> None:
    """Refuse shifts of layers that have no kernel, or of another shape than the kernel.

    Raises:
        UserError: there is one.
    """
    for name, shift in shifts.items():
        if name not in kernels:
            raise unknown_name("layer", name, kernels)
        shape = tuple(kernels[name].shape)
        if tuple(shift.shape[-4:]) != shape or shift.ndim > 5:
            raise UserError(
                f"The shift of layer {name} is {tuple(shift.shape)}; its kernel is {shape}, "
                "with one more dimension in front for shifts per sample."
            )
