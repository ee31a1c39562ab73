"""Small random StyleGAN3s, their files, and what they must give, straight from the formulas."""

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy import signal, special
from torch import Tensor

from pipeline.generators.alias_free import Signal
from pipeline.generators.layers import LRELU_SLOPE
from pipeline.generators.stylegan3 import StyleGAN3, StyleGAN3Config
from tests.generators.checkpoints.writers import (
    SOURCE,
    EasyDict,
    Persistent,
    modules,
    nvidia_module,
    reconstruct,
)

RADIAL: dict[str, Any] = {"conv_kernel": 1, "use_radial_filters": True}
"""What tells configuration R from T."""


def small_config(**changes: Any) -> StyleGAN3Config:
    """A StyleGAN3 of 16 x 16 pixels with four layers before to-RGB."""
    settings: dict[str, Any] = {"z_dim": 5, "w_dim": 6, "margin_size": 4}
    return StyleGAN3Config(**{"resolution": 16, "channels": (6, 5, 4, 3)} | settings | changes)


def small_stylegan3(seed: int = 0, dtype: torch.dtype = torch.float64, **changes: Any) -> StyleGAN3:
    """A frozen network in which every tensor is random; changes are of its configuration."""
    network = StyleGAN3(small_config(**changes)).to(dtype)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            scale = 100 if name.startswith("mapping.fc") else 1  # stored divided by its multiplier
            tensor.copy_(scale * torch.randn(tensor.shape, generator=random, dtype=dtype))
            if name.endswith("magnitude_ema"):
                tensor.abs_().add_(0.5)
        network.synthesis.input.transform.copy_(turn(0.2, 0.06, -0.04))
    return network.eval().requires_grad_(False)


def turn(angle: float, x: float = 0.0, y: float = 0.0) -> Tensor:
    """A rotation and shift of the plane ``[3, 3]``."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return torch.tensor([[cosine, -sine, x], [sine, cosine, y], [0, 0, 1]], dtype=torch.float64)


def official_state(network: StyleGAN3) -> dict[str, Tensor]:
    """The state dict under official names, with the filters that it stores."""
    state = {name: tensor.detach() for name, tensor in network.state_dict().items()}
    for name, plan in network.config.resamplings.items():
        for way, taps in (("up", plan.up_filter), ("down", plan.down_filter)):
            if len(taps) > 1:
                state[f"synthesis.{name}.{way}_filter"] = torch.from_numpy(taps).float()
    return state


def official_kwargs(config: StyleGAN3Config) -> dict[str, Any]:
    """Constructor arguments as the official training script gives them."""
    return {
        "z_dim": config.z_dim,
        "w_dim": config.w_dim,
        "c_dim": config.num_classes,
        "img_resolution": config.resolution,
        "img_channels": 3,
        "mapping_kwargs": EasyDict(num_layers=config.mapping_layers),
        "channel_base": 32768,
        "magnitude_ema_beta": 0.999,
        "num_layers": len(config.channels),
        "conv_kernel": config.conv_kernel,
        "use_radial_filters": config.use_radial_filters,
        "filter_size": config.filter_size,
        "lrelu_upsampling": config.lrelu_upsampling,
    }


def write_pickle(network: StyleGAN3, path: Path, protocol: int = 4, **options: Any) -> None:
    """An official pickle, in which options are further constructor arguments."""
    config, kwargs = network.config, official_kwargs(network.config) | options
    state = official_state(network)
    zeros = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    with modules(
        torch_utils__persistence___reconstruct_persistent_obj=reconstruct,
        dnnlib__util__EasyDict=EasyDict,
    ):
        averaged = nvidia_module(state, kwargs, SOURCE, None)
        synthesis = averaged.meta["state"]["_modules"]["synthesis"].meta["state"]
        synthesis |= {
            "num_critical": config.num_critical,
            "margin_size": config.margin_size,
            "output_scale": config.output_scale,
            "layer_names": list(config.resamplings),
        }
        for name in config.resamplings:
            layer: Persistent = synthesis["_modules"][name]
            layer.meta["state"] |= {
                "conv_kernel": config.conv_kernel,
                "conv_clamp": config.conv_clamp,
                "in_size": np.array([4, 4]),
                "in_cutoff": np.float64(2.0),
            }
        content = {
            "G": nvidia_module(zeros, kwargs, SOURCE, None),
            "D": None,
            "G_ema": averaged,
            "training_set_kwargs": EasyDict(path="x.zip", max_size=70000),
            "augment_pipe": None,
        }
        path.write_bytes(pickle.dumps(content, protocol))


def naive_filter(count: int, band: Signal, rate: float, radial: bool) -> Tensor:
    """A low-pass filter by SciPy, as two-dimensional taps."""
    if count == 1:
        return torch.ones(1, 1, dtype=torch.float64)
    width = 2 * band.half_width
    if not radial:
        taps = torch.from_numpy(signal.firwin(count, band.cutoff, width=width, fs=rate))
        return torch.outer(taps, taps)
    beta = signal.kaiser_beta(signal.kaiser_atten(count, width / (rate / 2)))
    window = signal.get_window(("kaiser", beta), count, fftbins=False)
    times = (np.arange(count) - (count - 1) / 2) / rate
    radius = np.hypot(*np.meshgrid(times, times))
    taps = special.j1(2 * np.pi * band.cutoff * radius) / radius * np.outer(window, window)
    return torch.from_numpy(taps / taps.sum())


def naive_input(network: StyleGAN3, w: Tensor) -> Tensor:
    """Fourier features, sample by sample and point by point of the plane."""
    layer, band = network.synthesis.input, network.config.signals[0]
    images = []
    for styles in layer.affine(w):
        c, s, x, y = (styles / styles[:2].norm()).tolist()
        moved = torch.tensor([[1, 0, -x], [0, 1, -y], [0, 0, 1]], dtype=w.dtype)
        rotated = torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]], dtype=w.dtype)
        plane = rotated @ moved @ layer.transform
        centres = (torch.arange(band.size, dtype=w.dtype) + 0.5 - band.size / 2) / band.rate
        rows, columns = torch.meshgrid(centres, centres, indexing="ij")
        points = torch.stack([columns, rows, torch.ones_like(rows)])
        places = torch.einsum("ij,jhw->ihw", plane, points)[:2]
        waves = torch.einsum("ci,ihw->chw", layer.freqs, places) + layer.phases[:, None, None]
        lengths = (layer.freqs @ plane[:2, :2]).norm(dim=1)
        fade = (1 - (lengths - band.cutoff) / (band.rate / 2 - band.cutoff)).clamp(0, 1)
        waves = torch.sin(2 * math.pi * waves) * fade[:, None, None]
        images.append(torch.einsum("oc,chw->ohw", layer.weight / len(fade) ** 0.5, waves))
    return torch.stack(images)


def naive_stylegan3(network: StyleGAN3, w: Tensor) -> Tensor:
    """The image of w ``[n, w_dim]``: kernels per sample, zeros between samples, filters in 2-D."""
    config = network.config
    x = naive_input(network, w)
    for i, (name, plan) in enumerate(config.resamplings.items()):
        layer, rgb = network.synthesis.get_submodule(name), i == len(config.channels)
        styles, kernel = layer.affine(w), layer.weight
        outputs = []
        for sample, style in zip(x, styles, strict=True):
            modulated = kernel * style[:, None, None]
            norm = modulated.square().sum(dim=(1, 2, 3), keepdim=True)
            norm = torch.full_like(norm, kernel[0].numel()) if rgb else norm
            modulated = modulated / (norm * layer.magnitude_ema).sqrt()
            full = F.conv2d(sample[None], modulated, padding=kernel.shape[-1] - 1)
            outputs.append(full + layer.bias[:, None, None])
        x = torch.cat(outputs)
        n, c, h, _ = x.shape
        spread = torch.zeros(n, c, h * plan.up, h * plan.up, dtype=x.dtype)
        spread[:, :, :: plan.up, :: plan.up] = x
        size = 1 if rgb else config.filter_size
        counts = [size * factor if factor > 1 else 1 for factor in (plan.up, plan.down)]
        up = naive_filter(counts[0], plan.before, plan.rate, False) * plan.up**2
        down = naive_filter(counts[1], plan.after, plan.rate, plan.radial)
        before, after = plan.padding(kernel.shape[-1])
        x = _filtered(F.pad(spread, (before, after, before, after)), up)
        if not rgb:
            x = F.leaky_relu(x, LRELU_SLOPE) * math.sqrt(2)
        if config.conv_clamp is not None:
            x = x.clamp(-config.conv_clamp, config.conv_clamp)
        x = _filtered(x, down)[:, :, :: plan.down, :: plan.down]
    return x * config.output_scale


def _filtered(x: Tensor, taps: Tensor) -> Tensor:
    return F.conv2d(x.flatten(0, 1)[:, None], taps[None, None]).unflatten(0, x.shape[:2])[:, :, 0]
