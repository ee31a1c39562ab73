"""The synthesis network of StyleGAN2 (Karras et al. 2020, Fig. 2c, and Fig. 7b: output skips).

Parameters carry the names of the official PyTorch release, so its tensors load by name.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.errors import unknown_name
from pipeline.generators.layers import (
    LRELU_GAIN,
    EqualizedLinear,
    activate,
    modulated_conv2d,
    upsample,
)
from pipeline.generators.progressive import check_shifts

ActivationHook = Callable[[str, Tensor], Tensor]
"""Called with the name and output of a layer; what it returns goes on in its place."""

NOISE_MODES = ("const", "none", "random")


@dataclass(frozen=True, eq=False)
class PartialPass:
    """A synthesis up to some layer.

    Attributes:
        features: what the last convolution gave ``[n, c, h, w]``.
        image: sum of the RGB so far ``[n, 3, h', w']``; None before the first to-RGB layer.
    """

    features: Tensor
    image: Tensor | None


class SynthesisLayer(nn.Module):
    """Modulated 3 x 3 convolution, noise, bias and leaky ReLU.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        resolution: height and width of the output.
        w_dim: length of w.
        clamp: bound on the output, or None.
        up: 2 to double the resolution.
    """

    noise_const: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        resolution: int,
        w_dim: int,
        clamp: float | None,
        up: int = 1,
    ) -> None:
        super().__init__()
        self.up, self.clamp = up, clamp
        self.weight_gain = 1 / math.sqrt(in_channels * 9)
        self.affine = EqualizedLinear(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))

    def forward(self, x: Tensor, styles: Tensor, noise: str, shift: Tensor | None) -> Tensor:
        """Features ``[n, in, h, w]`` and styles ``[n, in]`` to features ``[n, out, h', w']``."""
        weight, styles = _shifted(self.weight, shift), styles * self.weight_gain
        x = modulated_conv2d(x, weight, styles, up=self.up, gain=LRELU_GAIN)
        strength = (self.noise_strength * LRELU_GAIN).to(x.dtype)
        offset = (self.bias * LRELU_GAIN).to(x.dtype)[:, None, None]
        if noise == "const":
            offset = offset + self.noise_const.to(x.dtype) * strength
        elif noise == "random":
            x = x + torch.randn_like(x[:, :1]) * strength
        return activate(x + offset, "lrelu", self.clamp)


class ToRGB(nn.Module):
    """Modulated 1 x 1 convolution to RGB, without demodulation."""

    def __init__(self, in_channels: int, w_dim: int, clamp: float | None) -> None:
        super().__init__()
        self.clamp = clamp
        self.weight_gain = 1 / math.sqrt(in_channels)
        self.affine = EqualizedLinear(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(3, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, styles: Tensor, shift: Tensor | None) -> Tensor:
        """Features ``[n, in, h, w]`` and styles ``[n, in]`` to RGB ``[n, 3, h, w]``."""
        weight = _shifted(self.weight, shift)
        x = modulated_conv2d(x, weight, styles * self.weight_gain, demodulate=False)
        return activate(x + self.bias.to(x.dtype)[:, None, None], "linear", self.clamp)


class SynthesisBlock(nn.Module):
    """One resolution: conv0 (up), conv1, torgb; the first block starts at a constant instead."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        resolution: int,
        w_dim: int,
        clamp: float | None,
    ) -> None:
        super().__init__()
        if in_channels:
            self.conv0 = SynthesisLayer(in_channels, out_channels, resolution, w_dim, clamp, up=2)
        else:
            self.const = nn.Parameter(torch.randn(out_channels, resolution, resolution))
        self.conv1 = SynthesisLayer(out_channels, out_channels, resolution, w_dim, clamp)
        self.torgb = ToRGB(out_channels, w_dim, clamp)


class SynthesisNetwork(nn.Module):
    """Synthesis network with skip connections to RGB: w+ -> styles -> image.

    Args:
        channels: channels of each block, from 4 x 4 up.
        w_dim: length of w.
        clamp: bound on the output of every layer, or None.

    Attributes:
        style_slices: where each layer's styles lie in an s code, in the order of the layers:
            b4.conv1, b4.torgb, b8.conv0, b8.conv1, b8.torgb, ...
    """

    def __init__(self, channels: Sequence[int], w_dim: int, clamp: float | None = None) -> None:
        super().__init__()
        self._layers: dict[str, tuple[SynthesisLayer | ToRGB, int]] = {}
        self.style_slices: dict[str, slice] = {}
        previous = index = 0
        for i, width in enumerate(channels):
            name = f"b{2 ** (i + 2)}"
            block = SynthesisBlock(previous, width, 2 ** (i + 2), w_dim, clamp)
            self.add_module(name, block)
            names = ["conv1", "torgb"] if i == 0 else ["conv0", "conv1", "torgb"]
            for offset, layer in enumerate(names):
                self._add_layer(f"{name}.{layer}", getattr(block, layer), index + offset)
            index += len(names) - 1  # torgb reads the same w as the next block's conv0
            previous = width

    def _add_layer(self, name: str, layer: SynthesisLayer | ToRGB, ws_index: int) -> None:
        start = max((part.stop for part in self.style_slices.values()), default=0)
        self.style_slices[name] = slice(start, start + layer.affine.weight.shape[0])
        self._layers[name] = (layer, ws_index)

    @property
    def kernels(self) -> dict[str, Tensor]:
        """The kernels of all layers ``[out, in, k, k]``."""
        return {name: layer.weight for name, (layer, _) in self._layers.items()}

    def styles(self, ws: Tensor) -> Tensor:
        """S space (Wu et al. 2021): styles of all layers ``[n, s]`` of w+ ``[n, num_ws, w_dim]``.

        Each is the affine's output with its bias, before to-RGB's gain of 1 / sqrt(channels).
        """
        return torch.cat([layer.affine(ws[:, i]) for layer, i in self._layers.values()], dim=1)

    def forward(
        self,
        styles: Tensor,
        noise: str = "const",
        shifts: Mapping[str, Tensor] | None = None,
        hook: ActivationHook | None = None,
    ) -> Tensor:
        """Image ``[n, 3, r, r]`` from styles ``[n, s]``.

        Args:
            styles: styles of all layers, as :meth:`styles` gives them.
            noise: ``const`` (stored maps), ``none`` or ``random``.
            shifts: what to add to the kernels of named layers, ``[out, in, k, k]`` or one per
                sample ``[n, out, in, k, k]``; the network itself stays as it is.
            hook: sees, and may replace, the output of every layer.

        Raises:
            UserError: there is no such noise or layer, or a shift does not fit its kernel.
        """
        if noise not in NOISE_MODES:
            raise unknown_name("noise", noise, NOISE_MODES)
        shifts = shifts or {}
        check_shifts(shifts, self.kernels)
        so_far = self.start(len(styles))
        for name, part in self.style_slices.items():
            so_far = self.advance(so_far, name, styles[:, part], noise, shifts.get(name), hook)
        if so_far.image is None:
            raise RuntimeError("a synthesis network has at least one block")
        return so_far.image

    def start(self, n: int) -> PartialPass:
        """Before the first layer, for n images."""
        return PartialPass(self.get_parameter("b4.const").expand(n, -1, -1, -1), None)

    def advance(
        self,
        so_far: PartialPass,
        name: str,
        styles: Tensor,
        noise: str = "const",
        shift: Tensor | None = None,
        hook: ActivationHook | None = None,
    ) -> PartialPass:
        """One layer further, so that a pass can begin again at any layer.

        Args:
            so_far: what the layers before this one gave.
            name: the layer.
            styles: its own styles ``[n, in]``.
            noise: as in :meth:`forward`.
            shift: what to add to its kernel.
            hook: as in :meth:`forward`.
        """
        layer, _ = self._layers[name]
        hook, below = hook or (lambda _name, x: x), so_far.image
        if isinstance(layer, SynthesisLayer):
            return PartialPass(hook(name, layer(so_far.features, styles, noise, shift)), below)
        rgb = hook(name, layer(so_far.features, styles, shift))
        return PartialPass(so_far.features, rgb if below is None else upsample(below) + rgb)


def _shifted(weight: Tensor, shift: Tensor | None) -> Tensor:
    return weight if shift is None else weight + shift
