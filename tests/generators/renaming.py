"""Foreign StyleGAN2 tensors under the names of the official release: one network, three name maps.

``b{r}`` is the block of resolution r = 4 * 2^k; its conv0 is the foreign layer 2k - 1, its conv1
the layer 2k. Values stay as they are, but for the layouts that each function names.
"""

import re
from collections.abc import Callable

from torch import Tensor

State = dict[str, Tensor]
Names = dict[str, Callable[[re.Match[str]], str]]


def layer_name(number: int) -> str:
    """Official name of the convolution with a number, counted from b4.conv1 = 0."""
    return f"b{4 * 2 ** ((number + 1) // 2)}.conv{1 - number % 2}"


def rgb_name(block: int) -> str:
    """Official name of the to-RGB layer of a block, counted from b4 = 0."""
    return f"b{4 * 2**block}.torgb"


def from_hammer(state: State) -> State:
    """Hammer and ReSeFa: constant and noise maps have leading axes of length 1."""
    names = {
        r"w_avg": lambda _: "mapping.w_avg",
        r"mapping\.dense(\d+)\.(.+)": lambda m: f"mapping.fc{m[1]}.{m[2]}",
        r"synthesis\.early_layer\.const": lambda _: "synthesis.b4.const",
        r"synthesis\.layer(\d+)\.(.+)": lambda m: _hammer(layer_name(int(m[1])), m[2]),
        r"synthesis\.output(\d+)\.(.+)": lambda m: _hammer(rgb_name(int(m[1])), m[2]),
    }
    return _squeezed(_renamed(state, names, dropped=r".*filter"))


def from_rosinality(state: State) -> State:
    """rosinality: kernels, constant, to-RGB biases and noise maps have leading axes of length 1."""
    noise = r"g_ema\.noises\.noise_(\d+)"
    names = {
        r"latent_avg": lambda _: "mapping.w_avg",
        r"g_ema\.style\.(\d+)\.(.+)": lambda m: f"mapping.fc{int(m[1]) - 1}.{m[2]}",
        r"g_ema\.input\.input": lambda _: "synthesis.b4.const",
        noise: lambda m: f"synthesis.{layer_name(int(m[1]))}.noise_const",
        r"g_ema\.conv1\.(.+)": lambda m: _rosinality(layer_name(0), m[1]),
        r"g_ema\.convs\.(\d+)\.(.+)": lambda m: _rosinality(layer_name(int(m[1]) + 1), m[2]),
        r"g_ema\.to_rgb1\.(.+)": lambda m: _rosinality(rgb_name(0), m[1]),
        r"g_ema\.to_rgbs\.(\d+)\.(.+)": lambda m: _rosinality(rgb_name(int(m[1]) + 1), m[2]),
    }
    return _squeezed(_renamed(state, names, dropped=r".*kernel"))


def from_tensorflow(state: State) -> State:
    """Official TensorFlow variables: input axes first, up-kernels flipped, style biases less 1."""
    noise = r"components\.synthesis\.noise(\d+)"
    block = r"components\.synthesis\.(\d+)x\1/"
    names = {
        r"dlatent_avg": lambda _: "mapping.w_avg",
        r"components\.mapping\.Dense(\d+)/(.+)": lambda m: f"mapping.fc{m[1]}.{m[2]}",
        noise: lambda m: f"synthesis.{layer_name(int(m[1]))}.noise_const",
        block + r"Const/const": lambda m: f"synthesis.b{m[1]}.const",
        block + r"Conv0_up/(.+)": lambda m: _tensorflow(f"b{m[1]}.conv0", m[2]),
        block + r"Conv1?/(.+)": lambda m: _tensorflow(f"b{m[1]}.conv1", m[2]),
        block + r"ToRGB/(.+)": lambda m: _tensorflow(f"b{m[1]}.torgb", m[2]),
    }
    renamed = _renamed({k: _torch_layout(k, x) for k, x in state.items()}, names, dropped="lod")
    return _squeezed(renamed)


def _hammer(layer: str, tensor: str) -> str:
    tensor = "noise_const" if tensor == "noise" else tensor.replace("style.", "affine.")
    return f"synthesis.{layer}.{tensor}"


def _rosinality(layer: str, tensor: str) -> str:
    for old, new in {
        "conv.modulation.": "affine.",
        "conv.weight": "weight",
        "activate.bias": "bias",
        "noise.weight": "noise_strength",
    }.items():
        tensor = tensor.replace(old, new)
    return f"synthesis.{layer}.{tensor}"


def _tensorflow(layer: str, tensor: str) -> str:
    return f"synthesis.{layer}.{tensor.replace('mod_', 'affine.')}"


def _torch_layout(name: str, x: Tensor) -> Tensor:
    if name.endswith("mod_bias"):
        return x + 1
    if not name.endswith("weight"):
        return x
    if x.ndim == 2:
        return x.T
    kernel = x.permute(3, 2, 0, 1)
    return kernel.flip(2, 3) if "Conv0_up" in name else kernel


def _renamed(state: State, names: Names, dropped: str) -> State:
    result = {}
    for name, tensor in state.items():
        if re.fullmatch(dropped, name):
            continue
        found = [(m, new) for old, new in names.items() if (m := re.fullmatch(old, name))]
        assert len(found) == 1, name
        match, new = found[0]
        result[new(match)] = tensor
    return result


def _squeezed(state: State) -> State:
    """Without the axes of length 1 that some layouts have around the tensor itself."""
    return {name: x.reshape(_shape(name, x)) for name, x in state.items()}


def _shape(name: str, x: Tensor) -> tuple[int, ...]:
    last = name.rsplit(".", 1)[-1]
    if last == "weight" and not re.search(r"affine|mapping", name):
        return tuple(x.shape[-4:])
    shapes = {"noise_const": x.shape[-2:], "const": x.shape[-3:], "noise_strength": ()}
    return tuple((-1,) if last == "bias" else shapes.get(last, x.shape))
