"""Layers that the StyleGAN family shares, in plain PyTorch (no extension to compile).

Everything here is built from operations that differentiate in reverse and in forward mode and
under ``torch.func.vmap``.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LRELU_SLOPE = 0.2
LRELU_GAIN = math.sqrt(2.0)


def pixel_norm(x: Tensor, eps: float = 1e-8) -> Tensor:
    """Scale each vector of ``[n, c]`` or ``[n, c, h, w]`` to unit mean square over channels."""
    return x * (x.square().mean(dim=1, keepdim=True) + eps).rsqrt()


def activation_gain(activation: str) -> float:
    """The variance-preserving gain of an activation.

    The layers fold it into the linear part before: leaky ReLU is positively homogeneous, so the
    numbers stay, and a pass over the features is saved.
    """
    return LRELU_GAIN if activation == "lrelu" else 1.0


def activate(x: Tensor, activation: str, clamp: float | None = None) -> Tensor:
    """Leaky ReLU without its gain, or nothing; then the optional clamp."""
    if activation == "lrelu":
        x = F.leaky_relu(x, LRELU_SLOPE)
    return x if clamp is None else x.clamp(-clamp, clamp)


def fir_kernel(channels: int, gain: float, like: Tensor) -> Tensor:
    """The binomial filter [1, 3, 3, 1] as a depthwise kernel ``[channels, 1, 4, 4]`` of a sum."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=like.dtype, device=like.device) / 8
    return (gain * torch.outer(taps, taps)).expand(channels, 1, 4, 4)


def blur(x: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """Smooth ``[n, c, h, w]`` with the binomial filter [1, 3, 3, 1] in both axes."""
    return F.conv2d(x, fir_kernel(x.shape[1], gain, x), padding=padding, groups=x.shape[1])


def upsample(x: Tensor) -> Tensor:
    """Double height and width: zeros between pixels, then the binomial filter with gain 4."""
    kernel = fir_kernel(x.shape[1], 4.0, x)
    return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


class EqualizedLinear(nn.Module):
    """Fully connected layer with equalised learning rate (Karras et al. 2018, section 4.1).

    Args:
        lr_multiplier: learning-rate multiplier; weights are stored divided by it.
        bias_init: initial value of the bias as it acts (1 for style affines).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: str = "linear",
        lr_multiplier: float = 1.0,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        self.activation = activation
        gain = activation_gain(activation)
        self.weight_gain = gain * lr_multiplier / math.sqrt(in_features)
        self.bias_gain = gain * lr_multiplier
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / lr_multiplier)
        self.bias = nn.Parameter(torch.full([out_features], bias_init / lr_multiplier))

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in]`` to ``[..., out]``."""
        x = F.linear(x, self.weight * self.weight_gain, self.bias * self.bias_gain)
        return activate(x, self.activation)


class EqualizedConv2d(nn.Module):
    """Convolution with equalised learning rate (discriminators).

    Args:
        down: 2 to blur and halve height and width.
        gain: factor on the output.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        bias: bool = True,
        activation: str = "linear",
        down: int = 1,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.activation, self.down = activation, down
        self.bias_gain = gain * activation_gain(activation)
        self.weight_gain = self.bias_gain / math.sqrt(in_channels * kernel_size**2)
        self.padding = kernel_size // 2
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """``[n, in, h, w]`` to ``[n, out, h / down, w / down]``."""
        weight = self.weight * self.weight_gain
        bias = None if self.bias is None else self.bias * self.bias_gain
        if self.down == 1:
            x = F.conv2d(x, weight, bias, padding=self.padding)
        else:
            x = F.conv2d(blur(x, padding=1 + self.padding), weight, bias, stride=2)
        return activate(x, self.activation)


def modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    demodulate: bool = True,
    up: int = 1,
    gain: float = 1.0,
) -> Tensor:
    """Weight-modulated convolution (StyleGAN2, Karras et al. 2020, Eq. 1-3).

    The styles scale the input and the demodulation scales the output, around one convolution that
    the batch shares: the same numbers as modulating a kernel per sample, without the grouped
    convolution, which takes 1.6 to 2.2 times as long on a CPU (scripts/benchmark.py modulation).

    Args:
        x: features ``[n, in, h, w]``.
        weight: kernel ``[out, in, k, k]``, or one per sample ``[n, out, in, k, k]``.
        styles: one factor per input channel ``[n, in]``.
        demodulate: scale each output channel to the norm its input would keep.
        up: 2 to double height and width (transposed convolution, then blur).
        gain: factor on the demodulated output.

    Returns:
        Features ``[n, out, h * up, w * up]``.
    """
    energy = weight.square().sum(dim=(-2, -1))
    x = x * styles.to(x.dtype)[:, :, None, None]
    x = convolve(x, weight, up) if weight.ndim == 4 else convolve_each(x, weight, up)
    if up == 2:
        x = blur(x, padding=1, gain=4.0)
    if demodulate:
        norm = (energy * styles.square().unsqueeze(-2)).sum(dim=-1)
        x = x * (gain * (norm + 1e-8).rsqrt()).to(x.dtype)[:, :, None, None]
    return x


def convolve(x: Tensor, weight: Tensor, up: int) -> Tensor:
    """Convolution that keeps the size, or the transposed one of stride 2 (``2 h + k - 2``)."""
    if up == 2:
        return F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
    return F.conv2d(x, weight, padding=weight.shape[-1] // 2)


def convolve_each(x: Tensor, weight: Tensor, up: int) -> Tensor:
    """:func:`convolve`, each sample with a kernel of its own: one grouped convolution."""
    n, out_channels, in_channels, k, _ = weight.shape
    grouped = x.reshape(1, n * in_channels, *x.shape[2:])
    if up == 2:
        kernel = weight.transpose(1, 2).reshape(n * in_channels, out_channels, k, k)
        y = F.conv_transpose2d(grouped, kernel, stride=2, groups=n)
    else:
        kernel = weight.reshape(n * out_channels, in_channels, k, k)
        y = F.conv2d(grouped, kernel, padding=k // 2, groups=n)
    return y.reshape(n, out_channels, *y.shape[2:])
