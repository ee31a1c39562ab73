"""StyleGAN3, configurations T and R (Karras et al. 2021), and the spaces it is edited in.

Parameters carry the names of the official release, so its tensors load by name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.generators.alias_free import Resampling, Signal, plan_signals
from pipeline.generators.base import Codes, Space
from pipeline.generators.layers_stylegan3 import FourierInput, SynthesisLayer
from pipeline.generators.mapping import MappingNetwork
from pipeline.generators.progressive import check_shifts
from pipeline.generators.style_based import StyleGANFamily
from pipeline.generators.synthesis import ActivationHook

MOST, MOST_TAPS = 2**16, 2**10


@dataclass(frozen=True)
class StyleGAN3Config:
    """Architecture of a StyleGAN3; the defaults are those of configuration T.

    Configuration R has twice the channels, ``conv_kernel=1`` and ``use_radial_filters=True``.

    Attributes:
        resolution: image size.
        channels: channels of each layer before to-RGB.
        num_classes: classes of a class-conditional network, else 0.
        num_critical: critically sampled layers at the end, which cut off at half the rate.
        first_cutoff: cutoff of the first layer, in cycles per image.
        first_stopband: stopband of the first layer, in cycles per image.
        last_stopband_rel: stopband over cutoff of the last layer.
        margin_size: samples kept around the image.
        conv_kernel: size of the kernels, odd.
        filter_size: taps of the resampling filters, per unit of the factor.
        lrelu_upsampling: oversampling in which leaky ReLUs act.
        use_radial_filters: radially symmetric filters on the way down, not in critical layers.
        conv_clamp: bound on activations, or None.
        output_scale: factor on the output of to-RGB.
    """

    resolution: int
    channels: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 2
    mapping_lr_multiplier: float = 0.01
    num_classes: int = 0
    num_critical: int = 2
    first_cutoff: float = 2.0
    first_stopband: float = 2**2.1
    last_stopband_rel: float = 2**0.3
    margin_size: int = 10
    conv_kernel: int = 3
    filter_size: int = 6
    lrelu_upsampling: int = 2
    use_radial_filters: bool = False
    conv_clamp: float | None = 256.0
    output_scale: float = 0.25

    def __post_init__(self) -> None:
        for fault in self._faults():
            raise UserError(f"StyleGAN3: {fault}.")

    def _faults(self) -> Iterator[str]:
        """What is wrong with it, one after the other: each check needs those before."""
        widths, cutoff = self.channels, self.first_cutoff
        if not 8 <= self.resolution <= MOST:
            yield f"resolution={self.resolution} must lie in 8..{MOST}"
        if len(widths) < 2 or min(widths) < 1 or max(widths) > MOST:
            yield f"channels={widths} must be two or more numbers in 1..{MOST}"
        if not 0 <= self.num_critical < len(widths):
            yield f"num_critical={self.num_critical} must lie in 0..{len(widths) - 1}"
        if not 1 <= cutoff < min(self.first_stopband, self.resolution / 2):
            yield (
                f"first_cutoff={cutoff} must be at least 1, and less than half the resolution and "
                f"than first_stopband={self.first_stopband}"
            )
        if not 1 <= self.last_stopband_rel <= MOST:
            yield f"last_stopband_rel={self.last_stopband_rel} must be at least 1"
        if not 0 <= self.margin_size <= MOST:
            yield f"margin_size={self.margin_size} must lie in 0..{MOST}"
        if self.conv_kernel < 1 or self.conv_kernel % 2 == 0:
            yield f"conv_kernel={self.conv_kernel} must be odd"
        if min(self.filter_size, self.lrelu_upsampling) < 1 or self._most_taps > MOST_TAPS:
            yield (
                f"filter_size={self.filter_size} and lrelu_upsampling={self.lrelu_upsampling} "
                f"must be at least 1, and filters have at most {MOST_TAPS} taps"
            )

    @property
    def signals(self) -> tuple[Signal, ...]:
        """The signal that each layer hands on, to-RGB last."""
        return plan_signals(
            self.resolution,
            len(self.channels),
            self.num_critical,
            self.first_cutoff,
            self.first_stopband,
            self.last_stopband_rel,
            self.margin_size,
        )

    @property
    def resamplings(self) -> dict[str, Resampling]:
        """How each layer resamples, by the layers' official names; to-RGB last."""
        signals, plans = self.signals, {}
        for i, (width, after) in enumerate(zip((*self.channels, 3), signals, strict=True)):
            before, rgb = signals[max(i - 1, 0)], i == len(self.channels)
            rate = max(before.rate, after.rate) * (1 if rgb else self.lrelu_upsampling)
            radial = self.use_radial_filters and i < len(self.channels) - self.num_critical
            plan = Resampling(before, after, rate, 0 if rgb else self.filter_size, radial)
            plans[f"L{i}_{after.size}_{width}"] = plan
        return plans

    @property
    def _most_taps(self) -> int:
        return self.filter_size * max(max(r.up, r.down) for r in self.resamplings.values())

    @property
    def code_shapes(self) -> dict[Space, tuple[int, ...]]:
        """What codes of each space look like, per code."""
        return {
            Space.Z: (self.z_dim,),
            Space.W: (self.w_dim,),
            Space.W_PLUS: (len(self.channels) + 2, self.w_dim),
            Space.S: (4 + self.channels[0] + sum(self.channels),),
        }


class SynthesisNetwork(nn.Module):
    """Synthesis network: w+ -> styles -> image.

    Attributes:
        style_slices: where each layer's styles lie in an s code: ``input`` (the four numbers of
            the rotation and the shift), then the layers under their official names, which hold
            number, size and channels: L0_36_512, L1_36_512, ...
    """

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__()
        self.output_scale = config.output_scale
        self.input = FourierInput(config.channels[0], config.signals[0], config.w_dim)
        self.style_slices = {"input": slice(0, 4)}
        inputs, outputs = (config.channels[0], *config.channels), (*config.channels, 3)
        for i, (name, resampling) in enumerate(config.resamplings.items()):
            rgb, start = i == len(config.channels), 4 + sum(inputs[:i])
            self.style_slices[name] = slice(start, start + inputs[i])
            layer = SynthesisLayer(
                inputs[i],
                outputs[i],
                1 if rgb else config.conv_kernel,
                config.w_dim,
                resampling,
                config.conv_clamp,
                rgb,
            )
            self.add_module(name, layer)

    @property
    def kernels(self) -> dict[str, nn.Parameter]:
        """The kernels that can be shifted, ``[out, in, k, k]`` each: those of all layers."""
        layers = list(self.style_slices)[1:]
        return {name: self.get_parameter(f"{name}.weight") for name in layers}

    def styles(self, ws: Tensor) -> Tensor:
        """Styles of all layers ``[n, s]`` of w+ ``[n, num_ws, w_dim]``.

        Each is the affine's output with its bias, before to-RGB's gain of 1 / sqrt(channels).
        """
        layers = [self.get_submodule(f"{name}.affine") for name in self.style_slices]
        return torch.cat([affine(ws[:, i]) for i, affine in enumerate(layers)], dim=1)

    def forward(
        self,
        styles: Tensor,
        shifts: Mapping[str, Tensor] | None = None,
        hook: ActivationHook | None = None,
    ) -> Tensor:
        """Image ``[n, 3, r, r]`` from styles ``[n, s]``.

        Args:
            styles: styles of all layers, as :meth:`styles` gives them.
            shifts: what to add to the kernels of named layers, ``[out, in, k, k]`` or one per
                sample ``[n, out, in, k, k]``; the network itself stays as it is.
            hook: sees, and may replace, the output of every layer, margins included; the last
                one's is the image before ``output_scale``.

        Raises:
            UserError: there is no such layer, or a shift does not fit its kernel.
        """
        shifts, hook = shifts or {}, hook or (lambda _name, x: x)
        check_shifts(shifts, self.kernels)
        (first, part), *others = self.style_slices.items()
        x = hook(first, self.input(styles[:, part]))
        for name, part in others:
            x = hook(name, self.get_submodule(name)(x, styles[:, part], shifts.get(name)))
        return x * self.output_scale


class StyleGAN3(StyleGANFamily):
    """StyleGAN3, all spaces, as :class:`StyleBased`; it has no noise."""

    config: StyleGAN3Config
    synthesis: SynthesisNetwork

    def __init__(
        self,
        config: StyleGAN3Config,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> None:
        mapping, synthesis = MappingNetwork.of(config), SynthesisNetwork(config)
        super().__init__(config, mapping, synthesis, truncation_psi, truncation_cutoff)
        self.name = "stylegan3"

    def render(
        self,
        codes: Codes,
        shifts: Mapping[str, Tensor] | None = None,
        hook: ActivationHook | None = None,
    ) -> Tensor:
        """Images of codes in z, w, w+ or s; options as in :meth:`SynthesisNetwork.forward`."""
        styles = self.convert(codes, Space.S).values
        image: Tensor = self.synthesis(styles, shifts, hook)
        return image
