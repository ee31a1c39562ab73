"""Layers of the BigGAN family (Brock et al. 2019, appendix B).

Spectrally normalised layers, batch norm whose scale and offset follow the class, self-attention.
In training, norms take the statistics of the batch and spectral vectors follow the weights.
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.generators.progressive import correlate, upconvolve

Shifts = Mapping[nn.Module, Tensor]
"""What to add to the kernels of convolutions: ``[out, in, k, k]``, or one per sample."""


def spectral_sigma(weight: Tensor, u: Tensor, v: Tensor | None = None) -> Tensor:
    """Estimate of a matrix's largest singular value (Miyato et al. 2018, algorithm 1).

    Args:
        weight: the matrix ``[out, in]``.
        u: left vector ``[1, out]``.
        v: right vector ``[1, in]`` that belongs to it; None runs one power iteration from u, which
            moves u as well.

    Returns:
        ``u W v``, a scalar.
    """
    if v is None:
        matrix = weight.detach()
        v = F.normalize(u @ matrix, eps=1e-6)
        u = F.normalize(v @ matrix.T, eps=1e-6)
    return (v @ weight.T @ u.T).squeeze()


def double(x: Tensor) -> Tensor:
    """Double height and width of ``[n, c, h, w]`` by repeating pixels."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


class Spectral(nn.Module):
    """A weight, divided by its estimated spectral norm, and the vectors of the estimate.

    Args:
        shape: of the weight, outputs first.
        bias: whether there is a bias.
        stored: both vectors are stored and used as they are; otherwise only ``u0`` is, and one
            power iteration runs from it.
    """

    u0: Tensor
    v0: Tensor | None

    def __init__(self, shape: tuple[int, ...], bias: bool, stored: bool) -> None:
        super().__init__()
        fan_in = math.prod(shape[1:])
        self.weight = nn.Parameter(torch.randn(shape) / math.sqrt(fan_in))
        self.bias = nn.Parameter(torch.zeros(shape[0])) if bias else None
        self.register_buffer("u0", torch.full((1, shape[0]), shape[0] ** -0.5))
        self.register_buffer("v0", torch.full((1, fan_in), fan_in**-0.5) if stored else None)

    def sigma(self) -> Tensor:
        """The norm that divides the weight, a scalar."""
        if not self.training:
            return spectral_sigma(self.weight.flatten(1), self.u0, self.v0)
        with torch.autocast(self.weight.device.type, enabled=False):
            self.follow()
            return spectral_sigma(self.weight.flatten(1), self.u0, self.v0)

    @torch.no_grad()
    def follow(self) -> None:
        """One power iteration of the stored vectors, which takes them closer to the weight's."""
        matrix = self.weight.flatten(1)
        v = F.normalize(self.u0 @ matrix, eps=1e-6)
        self.u0.copy_(F.normalize(v @ matrix.T, eps=1e-6))
        if self.v0 is not None:
            self.v0.copy_(v)


class SpectralLinear(Spectral):
    """Fully connected layer with spectral norm."""

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, stored: bool = False
    ) -> None:
        super().__init__((out_features, in_features), bias, stored)

    def forward(self, x: Tensor) -> Tensor:
        """``[n, in]`` to ``[n, out]``."""
        return F.linear(x, self.weight / self.sigma(), self.bias)


class SpectralConv2d(Spectral):
    """Convolution with spectral norm that keeps the size, or doubles it first.

    A shift moves the kernel as it is stored; the norm that divides both is the unmoved kernel's.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the kernel.
        kernel_size: odd.
        bias: whether there is a bias.
        stored: see :class:`Spectral`.
        up: double height and width first, by repeating pixels (3 x 3 only).
        used: compute the first so many outputs only; None computes all.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        bias: bool = True,
        stored: bool = False,
        up: bool = False,
        used: int | None = None,
    ) -> None:
        super().__init__((out_channels, in_channels, kernel_size, kernel_size), bias, stored)
        self.up, self.used = up, used

    def forward(self, x: Tensor, shifts: Shifts) -> Tensor:
        """``[n, in, h, w]`` to ``[n, out, h', w']``."""
        weight = self.weight + shifts[self] if self in shifts else self.weight
        weight = weight[..., : self.used, :, :, :] / self.sigma()
        x = upconvolve(x, weight) if self.up else correlate(x, weight)
        return x if self.bias is None else x + self.bias[: self.used, None, None]


class StoredBatchNorm(nn.Module):
    """Batch norm by stored statistics, of which there may be several rows (one per truncation).

    In training it goes by the batch, and the first row follows.

    Attributes:
        momentum: how far it does so in one batch.
    """

    stored_mean: Tensor
    stored_var: Tensor
    momentum = 0.1

    def __init__(self, channels: int, rows: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("stored_mean", torch.zeros(rows, channels))
        self.register_buffer("stored_var", torch.ones(rows, channels))

    def scaled(self, x: Tensor, gain: Tensor, bias: Tensor, rows: Tensor) -> Tensor:
        """Normalise ``[n, c, h, w]``, then scale and offset it.

        Args:
            x: the features.
            gain: ``[c]``, or ``[n, c]`` per sample.
            bias: likewise.
            rows: weight of each row of the statistics.
        """
        if self.training:
            running = self.stored_mean[0], self.stored_var[0]
            x = F.batch_norm(x, *running, None, None, True, self.momentum, self.eps)
            return torch.addcmul(bias.to(x)[..., None, None], x, gain.to(x)[..., None, None])
        mean, variance = rows @ self.stored_mean, rows @ self.stored_var
        scale = gain * (variance + self.eps).rsqrt()
        return x * scale[..., None, None] + (bias - mean * scale)[..., None, None]


class OutputBatchNorm(StoredBatchNorm):
    """Batch norm with a scale and an offset of its own."""

    def __init__(self, channels: int, rows: int = 1, eps: float = 1e-5) -> None:
        super().__init__(channels, rows, eps)
        self.gain = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, rows: Tensor) -> Tensor:
        """Features ``[n, c, h, w]`` to the same shape."""
        return self.scaled(x, self.gain, self.bias, rows)


class ConditionalBatchNorm(StoredBatchNorm):
    """Batch norm whose scale and offset are linear in a condition (de Vries et al. 2017).

    Args:
        channels: channels of the features.
        condition: length of the condition.
        rows: rows of statistics.
        eps: added to the variance.
        stored: see :class:`Spectral`.
        spectral: whether the two linear maps have spectral norm.
    """

    def __init__(
        self,
        channels: int,
        condition: int,
        rows: int = 1,
        eps: float = 1e-5,
        stored: bool = False,
        spectral: bool = True,
    ) -> None:
        super().__init__(channels, rows, eps)
        self.gain, self.bias = (
            SpectralLinear(condition, channels, bias=False, stored=stored)
            if spectral
            else nn.Linear(condition, channels, bias=False)
            for _ in range(2)
        )

    def forward(self, x: Tensor, condition: Tensor, rows: Tensor) -> Tensor:
        """Features ``[n, c, h, w]`` and a condition ``[n, d]`` to features of the same shape."""
        return self.scaled(x, 1 + self.gain(condition), self.bias(condition), rows)


class SelfAttention(nn.Module):
    """Self-attention over pixels, keys and values at half the size (Zhang et al. 2019, Eq. 1-3)."""

    def __init__(self, channels: int, stored: bool = False) -> None:
        super().__init__()
        key, value = channels // 8, channels // 2
        self.theta = SpectralConv2d(channels, key, 1, bias=False, stored=stored)
        self.phi = SpectralConv2d(channels, key, 1, bias=False, stored=stored)
        self.g = SpectralConv2d(channels, value, 1, bias=False, stored=stored)
        self.o = SpectralConv2d(value, channels, 1, bias=False, stored=stored)
        self.gamma = nn.Parameter(torch.zeros([]))

    def forward(self, x: Tensor, shifts: Shifts) -> Tensor:
        """Features ``[n, c, h, w]`` to the same shape."""
        queries = self.theta(x, shifts).flatten(2)
        keys = F.max_pool2d(self.phi(x, shifts), 2).flatten(2)
        values = F.max_pool2d(self.g(x, shifts), 2).flatten(2)
        attention = torch.softmax(queries.transpose(1, 2) @ keys, dim=-1)
        mixed = (values @ attention.transpose(1, 2)).unflatten(2, x.shape[2:])
        out: Tensor = self.o(mixed, shifts)
        return x + self.gamma * out
