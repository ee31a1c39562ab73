"""StyleGAN2 on the way back: state dicts under the official names and under rosinality's."""

from collections.abc import Callable

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.checkpoints.stylegan2 import MAPPING_LR
from pipeline.generators.checkpoints.stylegan2_names import locate, rosinality
from pipeline.generators.layers import fir_kernel
from pipeline.generators.stylegan2 import StyleGAN2, channels_for

ROSINALITY_LAYOUT: dict[str, Callable[[Tensor], Tensor]] = {
    "weight": lambda x: x[None],
    "noise_strength": lambda x: x[None],
    "noise_const": lambda x: x[None, None],
}


def to_nvidia(network: StyleGAN2) -> dict[str, Tensor]:
    """The state dict of the official ``training.networks.Generator``, its filters included."""
    state = {name: tensor.detach().cpu() for name, tensor in network.state_dict().items()}
    kernel = fir_kernel(1, 1.0, torch.empty(0))[0, 0].contiguous()
    for k in range(len(network.config.channels)):
        block = f"synthesis.b{4 * 2**k}"
        for layer in ("", ".conv1") if k == 0 else ("", ".conv0", ".conv1"):
            state[f"{block}{layer}.resample_filter"] = kernel.clone()
    return state


def nvidia_kwargs(network: StyleGAN2) -> dict[str, object]:
    """The constructor arguments of that class, as far as it can make such a network."""
    config = network.config
    base, maximum = config.channels[-1] * config.resolution, max(config.channels)
    synthesis: dict[str, object] = {"conv_clamp": config.conv_clamp}
    if channels_for(config.resolution, base, maximum) == config.channels:
        synthesis |= {"channel_base": base, "channel_max": maximum}
    return {
        "z_dim": config.z_dim,
        "c_dim": config.num_classes,
        "w_dim": config.w_dim,
        "img_resolution": config.resolution,
        "img_channels": 3,
        "mapping_kwargs": {
            "num_layers": config.mapping_layers,
            "lr_multiplier": config.mapping_lr_multiplier,
        },
        "synthesis_kwargs": synthesis,
    }


def to_rosinality(network: StyleGAN2) -> dict[str, Tensor | dict[str, Tensor]]:
    """A checkpoint of rosinality's: ``g_ema`` (with its blur kernels) and ``latent_avg``.

    That project knows no ``conv_clamp``: where a network reaches its own, images would differ.

    Raises:
        UserError: that project has no such network.
    """
    config = network.config
    if config.num_classes:
        raise UserError("rosinality's StyleGAN2 has no classes; write this network as nvidia.")
    state = {}
    for name, tensor in network.state_dict().items():
        state[rosinality(name).name] = _rosinality_layout(name, tensor.detach().cpu(), network)
    mean = state.pop("latent_avg")
    kernel = fir_kernel(1, 4.0, torch.empty(0))[0, 0].contiguous()
    for k in range(len(config.channels) - 1):
        state[f"convs.{2 * k}.conv.blur.kernel"] = kernel.clone()
        state[f"to_rgbs.{k}.upsample.kernel"] = kernel.clone()
    return {"g_ema": state, "latent_avg": mean}


def _rosinality_layout(name: str, tensor: Tensor, network: StyleGAN2) -> Tensor:
    kind, _, part = locate(name)
    if kind == "dense":  # that project always multiplies the rate by 0.01
        return tensor * (network.config.mapping_lr_multiplier / MAPPING_LR)
    if kind == "synthesis.b4.const":
        return tensor[None]
    if kind == "rgb" and part == "bias":
        return tensor.reshape(1, 3, 1, 1)
    return ROSINALITY_LAYOUT.get(part, torch.clone)(tensor)
