"""StyleGAN (Karras et al. 2019) and the spaces it is edited in: z, w, w+, s, features, kernels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Space
from pipeline.generators.labels import class_weights
from pipeline.generators.layers import LRELU_SLOPE, EqualizedLinear, pixel_norm
from pipeline.generators.progressive import (
    Kernel,
    ToRGB,
    check_blocks,
    check_shifts,
    instance_norm,
)
from pipeline.generators.style_based import NoisyStyleGAN
from pipeline.generators.synthesis import NOISE_MODES, ActivationHook


@dataclass(frozen=True)
class StyleGANConfig:
    """Architecture of a StyleGAN.

    Attributes:
        resolution: image size, a power of two of at least 4.
        channels: channels of each block, from 4 x 4 up to ``resolution``.
        mapping_layers: depth of the mapping network.
        mapping_width: features between the layers of the mapping network.
        num_classes: classes of a class-conditional network, else 0.
        embedding_dim: length of the embedding of a class.
        pixel_norm_eps: added to the mean square of z before it is scaled to 1.
        instance_norm_eps: added to the variances in AdaIN (1e-8 in the official network; 1e-5 in
            the one of Editing in Style).
    """

    resolution: int
    channels: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    mapping_width: int = 512
    mapping_lr_multiplier: float = 0.01
    num_classes: int = 0
    embedding_dim: int = 512
    pixel_norm_eps: float = 1e-8
    instance_norm_eps: float = 1e-8

    def __post_init__(self) -> None:
        check_blocks("StyleGAN", self.resolution, self.channels)
        for name in ("z_dim", "w_dim", "mapping_layers", "mapping_width"):
            if getattr(self, name) < 1:
                raise UserError(f"StyleGAN: {name}={getattr(self, name)} must be at least 1.")

    @property
    def num_ws(self) -> int:
        """Number of w vectors the synthesis network reads."""
        return 2 * len(self.channels)

    @property
    def code_shapes(self) -> dict[Space, tuple[int, ...]]:
        """What one code of each space looks like."""
        return {
            Space.Z: (self.z_dim,),
            Space.W: (self.w_dim,),
            Space.W_PLUS: (self.num_ws, self.w_dim),
            Space.S: (4 * sum(self.channels),),
        }


class StyleGANMapping(nn.Module):
    """Mapping network z -> w; z and the embedded label are normalised together."""

    w_avg: Tensor

    def __init__(self, config: StyleGANConfig) -> None:
        super().__init__()
        self.config = config
        features = config.z_dim
        if config.num_classes:
            self.embedding = nn.Parameter(torch.randn(config.num_classes, config.embedding_dim))
            features += config.embedding_dim
        for i in range(config.mapping_layers):
            out = config.w_dim if i == config.mapping_layers - 1 else config.mapping_width
            layer = EqualizedLinear(features, out, "lrelu", config.mapping_lr_multiplier)
            layer.bias_gain = config.mapping_lr_multiplier  # He's gain acts on the weights alone
            self.add_module(f"fc{i}", layer)
            features = out
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Codes ``[n, z_dim]`` and, if conditional, labels to w ``[n, w_dim]``."""
        x, classes = z, self.config.num_classes
        if classes:
            x = torch.cat([z, class_weights(labels, classes, z) @ self.embedding], dim=1)
        x = pixel_norm(x, self.config.pixel_norm_eps)
        for i in range(self.config.mapping_layers):
            x = self.get_submodule(f"fc{i}")(x)
        return x


class SynthesisLayer(nn.Module):
    """A constant or a 3 x 3 convolution; then noise, bias, leaky ReLU and AdaIN (section 2, Eq. 1).

    Args:
        in_channels: channels of the input, 0 for the constant.
        out_channels: channels of the output.
        resolution: height and width of the output.
        w_dim: length of w.
        eps: added to the variances.
        up: double the resolution; an up-convolution is followed by the blur [1, 2, 1].
    """

    noise_const: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        resolution: int,
        w_dim: int,
        eps: float,
        up: bool = False,
    ) -> None:
        super().__init__()
        self.eps, self.up = eps, up
        if in_channels:
            self.conv = Kernel(in_channels, out_channels, up=up)
        else:
            self.const = nn.Parameter(torch.ones(out_channels, resolution, resolution))
        self.affine = EqualizedLinear(w_dim, 2 * out_channels)
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros(out_channels))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))

    def forward(
        self,
        x: Tensor | None,
        styles: Tensor,
        noise: str,
        shift: Tensor | None,
        see_norm: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Features ``[n, in, h, w]`` (None: the constant) to features ``[n, out, h', w']``."""
        if x is None:
            x = self.const.expand(styles.shape[0], -1, -1, -1)
        else:
            x = self.conv(x, shift)
            x = blur(x) if self.up else x
        x = self._noisy(x, noise) + self.bias[:, None, None]
        x = see_norm(instance_norm(F.leaky_relu(x, LRELU_SLOPE), self.eps))
        scale, offset = styles[:, :, None, None].chunk(2, dim=1)
        return x * (scale + 1) + offset

    def _noisy(self, x: Tensor, noise: str) -> Tensor:
        if noise == "none":
            return x
        values = self.noise_const if noise == "const" else torch.randn_like(x[:, :1])
        return x + values * self.noise_strength[:, None, None]


def blur(x: Tensor) -> Tensor:
    """Smooth ``[n, c, h, w]`` with the filter [1, 2, 1] / 4 in both axes, zero outside."""
    taps = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype, device=x.device) / 4
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, kernel, padding=1, groups=x.shape[1])


class SynthesisNetwork(nn.Module):
    """Synthesis network at its final resolution: w+ -> styles -> image.

    Attributes:
        style_slices: where each layer's styles lie in an s code, in the order of the layers:
            b4.conv0 (the constant), b4.conv1, b8.conv0, b8.conv1, ... The 2 C numbers of a layer
            are its C channels' scales less 1, then their offsets, as the references store them.
        kernels: the kernels that can be shifted, by layer: all but b4.conv0, and ``torgb``.
    """

    def __init__(self, config: StyleGANConfig) -> None:
        super().__init__()
        self.style_slices: dict[str, slice] = {}
        previous = start = 0
        for i, width in enumerate(config.channels):
            block = nn.Module()
            for j, channels in enumerate((previous, width)):
                layer = SynthesisLayer(
                    channels,
                    width,
                    2 ** (i + 2),
                    config.w_dim,
                    config.instance_norm_eps,
                    up=i > 0 and j == 0,
                )
                block.add_module(f"conv{j}", layer)
                name = f"b{2 ** (i + 2)}.conv{j}"
                self.style_slices[name] = slice(start, start + 2 * width)
                start += 2 * width
            self.add_module(f"b{2 ** (i + 2)}", block)
            previous = width
        self.torgb = ToRGB(previous)

    @property
    def kernels(self) -> dict[str, nn.Parameter]:
        """The kernels that can be shifted, ``[out, in, k, k]`` each."""
        layers = list(self.style_slices)[1:]
        kernels = {name: self.get_parameter(f"{name}.conv.weight") for name in layers}
        return kernels | {"torgb": self.torgb.weight}

    def styles(self, ws: Tensor) -> Tensor:
        """Styles of all layers ``[n, s]`` of w+ ``[n, num_ws, w_dim]``."""
        layers = [self.get_submodule(f"{name}.affine") for name in self.style_slices]
        return torch.cat([affine(ws[:, i]) for i, affine in enumerate(layers)], dim=1)

    def forward(
        self,
        styles: Tensor,
        noise: str = "const",
        shifts: Mapping[str, Tensor] | None = None,
        hook: ActivationHook | None = None,
    ) -> Tensor:
        """Image ``[n, 3, r, r]`` from styles ``[n, s]``.

        Args are those of StyleGAN2's network; the hook sees, and may replace, the output of every
        layer under the layer's name, and that of its instance norm, before the styles, under the
        name with ``.norm``.

        Raises:
            UserError: there is no such noise or layer, or a shift does not fit its kernel.
        """
        if noise not in NOISE_MODES:
            raise unknown_name("noise", noise, NOISE_MODES)
        shifts, see = shifts or {}, hook or (lambda _name, x: x)
        check_shifts(shifts, self.kernels)
        x = None
        for name, part in self.style_slices.items():
            layer, shift = self.get_submodule(name), shifts.get(name)
            x = see(name, layer(x, styles[:, part], noise, shift, partial(see, f"{name}.norm")))
        return see("torgb", self.torgb(x, shifts.get("torgb")))


class StyleGAN(NoisyStyleGAN):
    """StyleGAN with access to z, w, w+, s, activations and parameters; see :class:`StyleBased`."""

    config: StyleGANConfig
    synthesis: SynthesisNetwork

    def __init__(
        self,
        config: StyleGANConfig,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> None:
        mapping, synthesis = StyleGANMapping(config), SynthesisNetwork(config)
        super().__init__(config, mapping, synthesis, truncation_psi, truncation_cutoff)
        self.name = "stylegan"
