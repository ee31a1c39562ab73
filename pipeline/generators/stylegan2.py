"""StyleGAN2 (Karras et al. 2020): mapping network, synthesis network and the spaces they offer.

Parameters carry the names of the official PyTorch release, so its tensors load by name.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.layers import (
    LRELU_GAIN,
    EqualizedLinear,
    activate,
    modulated_conv2d,
    pixel_norm,
    upsample,
)

ActivationHook = Callable[[str, Tensor], Tensor]


@dataclass(frozen=True)
class StyleGAN2Config:
    """Architecture of a StyleGAN2.

    Attributes:
        resolution: image size, a power of two of at least 8.
        channels: channels of each block, from 4 x 4 up to ``resolution``.
        mapping_layers: depth of the mapping network (8 in the paper, 2 in ADA's ``auto``).
        num_classes: classes of a class-conditional network, else 0.
        conv_clamp: bound on activations (ADA uses 256 with float16), or None.
    """

    resolution: int
    channels: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    mapping_lr_multiplier: float = 0.01
    num_classes: int = 0
    conv_clamp: float | None = None

    def __post_init__(self) -> None:
        blocks = int(math.log2(self.resolution)) - 1
        if self.resolution != 2 ** (blocks + 1) or blocks < 2 or len(self.channels) != blocks:
            raise UserError(
                f"StyleGAN2: resolution={self.resolution} must be a power of two of at least 8, "
                f"with one entry of channels per block from 4 x 4 up; got {self.channels}."
            )

    @property
    def num_ws(self) -> int:
        """Number of w vectors the synthesis network reads."""
        return 2 * len(self.channels)


def channels_for(resolution: int, base: int, maximum: int = 512) -> tuple[int, ...]:
    """Channel counts ``min(base / r, maximum)`` of the blocks 4, 8, ... ``resolution``."""
    blocks = int(math.log2(resolution)) - 1
    return tuple(min(base // 2 ** (i + 2), maximum) for i in range(blocks))


class MappingNetwork(nn.Module):
    """Mapping network z -> w (8 layers, learning rate multiplier 0.01), with the mean w it tracks."""

    w_avg: Tensor

    def __init__(self, config: StyleGAN2Config, w_avg_beta: float = 0.998) -> None:
        super().__init__()
        self.num_layers, self.w_avg_beta = config.mapping_layers, w_avg_beta
        width, lr = config.w_dim, config.mapping_lr_multiplier
        features = config.z_dim
        if config.num_classes:
            self.embed = EqualizedLinear(config.num_classes, width)
            features += width
        for i in range(config.mapping_layers):
            layer = EqualizedLinear(features if i == 0 else width, width, "lrelu", lr)
            self.add_module(f"fc{i}", layer)
        self.num_classes = config.num_classes
        self.register_buffer("w_avg", torch.zeros(width))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """``[n, z_dim]`` (and class labels ``[n]``) to w ``[n, w_dim]``, untruncated."""
        x = pixel_norm(z)
        if self.num_classes:
            if labels is None:
                raise UserError("This StyleGAN2 is class-conditional: its codes need labels.")
            one_hot = nn.functional.one_hot(labels, self.num_classes).to(z.dtype)
            x = torch.cat([x, pixel_norm(self.embed(one_hot))], dim=1)
        for i in range(self.num_layers):
            x = self.get_submodule(f"fc{i}")(x)
        return x

    def track_mean(self, w: Tensor) -> None:
        """Move the running mean of w towards this batch's mean (training only)."""
        mean = w.detach().float().mean(dim=0)
        self.w_avg.copy_(mean.lerp(self.w_avg, self.w_avg_beta))

    def truncate(self, w: Tensor, psi: float) -> Tensor:
        """Pull w towards its mean (truncation trick): ``w_avg + psi (w - w_avg)``."""
        return self.w_avg + psi * (w - self.w_avg)


class SynthesisLayer(nn.Module):
    """Modulated 3 x 3 convolution, noise, bias, leaky ReLU; doubles the resolution if ``up`` is 2."""

    noise_const: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        resolution: int,
        config: StyleGAN2Config,
        up: int = 1,
    ) -> None:
        super().__init__()
        self.up = up
        self.clamp = None if config.conv_clamp is None else config.conv_clamp * LRELU_GAIN
        self.weight_gain = 1 / math.sqrt(in_channels * 9)
        self.affine = EqualizedLinear(config.w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))

    def forward(self, x: Tensor, styles: Tensor, noise: str, shift: Tensor | None) -> Tensor:
        """Features ``[n, in, h, w]`` and styles ``[n, in]`` to features ``[n, out, h', w']``."""
        weight = self.weight if shift is None else self.weight + shift
        x = modulated_conv2d(x, weight * self.weight_gain, styles, up=self.up, gain=LRELU_GAIN)
        strength = (self.noise_strength * LRELU_GAIN).to(x.dtype)
        if noise == "const":
            x = x + self.noise_const.to(x.dtype) * strength
        elif noise == "random":
            x = x + torch.randn_like(x[:, :1]) * strength
        bias = (self.bias * LRELU_GAIN).to(x.dtype)
        return activate(x + bias[:, None, None], "lrelu", self.clamp)


class ToRGB(nn.Module):
    """Modulated 1 x 1 convolution to RGB, without demodulation."""

    def __init__(self, in_channels: int, config: StyleGAN2Config) -> None:
        super().__init__()
        self.clamp = config.conv_clamp
        self.weight_gain = 1 / math.sqrt(in_channels)
        self.affine = EqualizedLinear(config.w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(3, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, styles: Tensor, shift: Tensor | None) -> Tensor:
        """Features ``[n, in, h, w]`` to RGB ``[n, 3, h, w]``."""
        weight = self.weight if shift is None else self.weight + shift
        x = modulated_conv2d(x, weight, styles * self.weight_gain, demodulate=False)
        return activate(x + self.bias.to(x.dtype)[:, None, None], "linear", self.clamp)


class SynthesisBlock(nn.Module):
    """One resolution: conv0 (up), conv1, torgb; the first block starts at a constant instead."""

    def __init__(
        self, in_channels: int, out_channels: int, resolution: int, config: StyleGAN2Config
    ) -> None:
        super().__init__()
        if in_channels:
            self.conv0 = SynthesisLayer(in_channels, out_channels, resolution, config, up=2)
        else:
            self.const = nn.Parameter(torch.randn(out_channels, resolution, resolution))
        self.conv1 = SynthesisLayer(out_channels, out_channels, resolution, config)
        self.torgb = ToRGB(out_channels, config)


class SynthesisNetwork(nn.Module):
    """Synthesis network with skip connections to RGB: w+ -> styles -> image."""

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self._layers: dict[str, tuple[SynthesisLayer | ToRGB, int]] = {}
        self.style_slices: dict[str, slice] = {}
        previous = index = 0
        for i, channels in enumerate(config.channels):
            name = f"b{2 ** (i + 2)}"
            block = SynthesisBlock(previous, channels, 2 ** (i + 2), config)
            self.add_module(name, block)
            names = ["conv1", "torgb"] if i == 0 else ["conv0", "conv1", "torgb"]
            for offset, layer in enumerate(names):
                self._add_layer(f"{name}.{layer}", getattr(block, layer), index + offset)
            index += len(names) - 1  # torgb reads the same w as the next block's conv0
            previous = channels

    def _add_layer(self, name: str, layer: "SynthesisLayer | ToRGB", ws_index: int) -> None:
        start = sum(s.stop - s.start for s in self.style_slices.values())
        self.style_slices[name] = slice(start, start + layer.affine.weight.shape[0])
        self._layers[name] = (layer, ws_index)

    def styles(self, ws: Tensor) -> Tensor:
        """S space: w+ ``[n, num_ws, w_dim]`` to the styles of all layers side by side ``[n, s]``.

        Order: b4.conv1, b4.torgb, b8.conv0, b8.conv1, b8.torgb, ... Each is the affine's output
        with its bias, before to-RGB's gain of 1 / sqrt(channels).
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
            hook: called with the name and output of each layer; what it returns goes on.
        """
        shifts, hook = shifts or {}, hook or (lambda _name, x: x)
        x = self.get_parameter("b4.const").expand(styles.shape[0], -1, -1, -1)
        image: Tensor | None = None
        for name, part in self.style_slices.items():
            (layer, _), s, shift = self._layers[name], styles[:, part], shifts.get(name)
            if isinstance(layer, ToRGB):
                rgb = hook(name, layer(x, s, shift))
                image = rgb if image is None else upsample(image) + rgb
            else:
                x = hook(name, layer(x, s, noise, shift))
        if image is None:
            raise RuntimeError("a synthesis network has at least one block")
        return image


class StyleGAN2(Generator):
    """StyleGAN2 with access to z, w, w+, s, activations and parameters.

    Args:
        config: the architecture.
        truncation_psi: pull of w towards its mean wherever z is mapped; 1 is none.
        truncation_cutoff: truncate only the first so many w+ layers; None truncates all.
    """

    spaces = frozenset(Space)

    def __init__(
        self,
        config: StyleGAN2Config,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> None:
        super().__init__()
        self.name, self.fingerprint = "stylegan2", ""
        self.config, self.resolution = config, config.resolution
        self.truncation_psi, self.truncation_cutoff = truncation_psi, truncation_cutoff
        self.mapping = MappingNetwork(config)
        self.synthesis = SynthesisNetwork(config)

    @property
    def num_ws(self) -> int:
        """Number of w vectors of a w+ code."""
        return self.config.num_ws

    @property
    def style_slices(self) -> dict[str, slice]:
        """Where each layer's styles lie in an s code."""
        return self.synthesis.style_slices

    def sample(self, n: int, generator: torch.Generator) -> Codes:
        """Standard normal z; a class-conditional network gets uniform labels."""
        z = torch.randn(n, self.config.z_dim, generator=generator)
        labels = None
        if self.config.num_classes:
            labels = torch.randint(self.config.num_classes, (n,), generator=generator)
        return Codes(Space.Z, z, labels).to(self.mapping.w_avg.device)

    def convert(self, codes: Codes, space: Space) -> Codes:
        """Down the chain z -> w -> w+ -> s; z is truncated on the way to w."""
        if codes.space == space:
            return codes
        if codes.space == Space.Z and space == Space.W and self.truncation_cutoff is not None:
            raise UserError(
                f"truncation_cutoff={self.truncation_cutoff} gives each layer its own w: use the "
                "space 'w+', or truncation_cutoff=null."
            )
        if codes.space == Space.Z:
            return self.convert(self._truncated(codes), space)
        if codes.space == Space.W and space in (Space.W_PLUS, Space.S):
            ws = codes.values.unsqueeze(1).expand(-1, self.num_ws, -1)
            return self.convert(Codes(Space.W_PLUS, ws, codes.labels), space)
        if codes.space == Space.W_PLUS and space == Space.S:
            return Codes(Space.S, self.synthesis.styles(codes.values), codes.labels)
        raise UserError(
            f"generator={self.name} cannot turn codes of '{codes.space}' into '{space}': "
            "the way is z -> w -> w+ -> s."
        )

    def _truncated(self, codes: Codes) -> Codes:
        w = self.mapping(codes.values, codes.labels)
        near = w if self.truncation_psi == 1 else self.mapping.truncate(w, self.truncation_psi)
        if self.truncation_cutoff is None:
            return Codes(Space.W, near, codes.labels)
        pair = [near] * self.truncation_cutoff + [w] * (self.num_ws - self.truncation_cutoff)
        return Codes(Space.W_PLUS, torch.stack(pair[: self.num_ws], dim=1), codes.labels)

    def render(
        self,
        codes: Codes,
        noise: str = "const",
        shifts: Mapping[str, Tensor] | None = None,
        hook: ActivationHook | None = None,
    ) -> Tensor:
        """Images of codes in z, w, w+ or s; options as in :meth:`SynthesisNetwork.forward`."""
        if codes.space != Space.S:
            codes = self.convert(self.convert(codes, Space.W_PLUS), Space.S)
        image: Tensor = self.synthesis(codes.values, noise, shifts, hook)
        return image
