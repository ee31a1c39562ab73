"""StyleGAN2 under the names of each project: where a tensor of the official release is found.

The official PyTorch names are this project's own. ``b{r}`` is the block of resolution r = 4 * 2^k;
its conv0 is layer 2k - 1 of the other projects, its conv1 layer 2k, its torgb output k.
"""

import re
from collections.abc import Callable

import torch
from torch import Tensor

from pipeline.generators.checkpoints.form import Source

LAYER = re.compile(r"synthesis\.b(\d+)\.(conv0|conv1|torgb)\.(.+)")
DENSE = re.compile(r"mapping\.fc(\d+)\.(.+)")
FILTERS = r"(.*\.)?(resample_filter|filter|filter\.kernel|upsample\.kernel|blur\.kernel)"
"""The stored low-pass filters, under the names of all projects."""


def locate(name: str) -> tuple[str, int, str]:
    """Kind of layer (conv, rgb, dense, or the name itself), its number, and the tensor in it."""
    if match := LAYER.fullmatch(name):
        block = int(match[1]).bit_length() - 3
        if match[2] == "torgb":
            return "rgb", block, match[3]
        return "conv", 2 * block - (match[2] == "conv0"), match[3]
    if match := DENSE.fullmatch(name):
        return "dense", int(match[1]), match[2]
    return name, 0, ""


def is_up(name: str) -> bool:
    """Whether a tensor is the kernel of an up-convolution."""
    return name.endswith("conv0.weight")


def last_axes(count: int) -> Callable[[Tensor], Tensor]:
    """Drop leading axes of length 1, so that so many are left."""
    return lambda x: x.reshape(x.shape[x.ndim - count :])


SHAPES = {
    "const": last_axes(3),
    "noise_const": last_axes(2),
    "noise_strength": last_axes(0),
    "weight": last_axes(4),
    "bias": torch.flatten,
}
"""How the tensors of layers are laid out here; other projects have them with leading axes."""


def nvidia(name: str) -> Source:
    """The official PyTorch releases."""
    return Source(name)


def rosinality(name: str) -> Source:
    """rosinality; ``latent_avg`` stands outside the network."""
    kind, number, tensor = locate(name)
    if kind == "dense":
        return Source(f"style.{number + 1}.{tensor}")
    if kind == "mapping.w_avg":
        return Source("latent_avg")
    if kind == "synthesis.b4.const":
        return Source("input.input", SHAPES["const"])
    if tensor == "noise_const":
        return Source(f"noises.noise_{number}", SHAPES[tensor])
    first, others = ("conv1", "convs") if kind == "conv" else ("to_rgb1", "to_rgbs")
    layer = f"{others}.{number - 1}" if number else first
    if tensor.startswith("affine."):
        return Source(f"{layer}.conv.modulation.{tensor.removeprefix('affine.')}")
    bias = "activate.bias" if kind == "conv" else "bias"
    theirs = {"weight": "conv.weight", "bias": bias, "noise_strength": "noise.weight"}
    return Source(f"{layer}.{theirs.get(tensor, tensor)}", SHAPES.get(tensor, Source.convert))


def hammer(name: str) -> Source:
    """Hammer and ReSeFa."""
    kind, number, tensor = locate(name)
    if kind == "dense":
        return Source(f"mapping.dense{number}.{tensor}")
    if kind not in ("conv", "rgb"):
        others = {"mapping.w_avg": "w_avg", "synthesis.b4.const": "synthesis.early_layer.const"}
        theirs = others.get(kind, kind.replace("mapping.embed.", "mapping.embedding."))
        return Source(theirs, SHAPES["const"] if kind.endswith("const") else Source.convert)
    layer = f"synthesis.layer{number}" if kind == "conv" else f"synthesis.output{number}"
    theirs = "noise" if tensor == "noise_const" else tensor.replace("affine.", "style.")
    return Source(f"{layer}.{theirs}", SHAPES.get(tensor, Source.convert))


def genforce(name: str) -> Source:
    """genforce: kernels of up-convolutions and biases of styles as TensorFlow stores them."""
    source = hammer(name)
    if name == "mapping.w_avg":
        return Source("truncation.w_avg")
    if is_up(name):
        return Source(source.name, lambda x: x.flip(2, 3))
    if name.endswith("affine.bias"):
        return Source(source.name, lambda x: x + 1)
    return source


def tensorflow(name: str) -> Source:
    """The official TensorFlow releases: input axes first, style biases less 1."""
    kind, number, tensor = locate(name)
    synthesis, mapping = "components.synthesis.", "components.mapping."
    if kind == "mapping.w_avg":
        return Source("dlatent_avg")
    if kind == "synthesis.b4.const":
        return Source(f"{synthesis}4x4/Const/const", SHAPES["const"])
    if kind not in ("conv", "rgb"):
        theirs = f"Dense{number}/{tensor}" if kind == "dense" else kind.replace(".embed.", ".")
        theirs = theirs.replace("mapping.", "LabelEmbed/")
        return Source(mapping + theirs, torch.t if name.endswith("weight") else Source.convert)
    if tensor == "noise_const":
        return Source(f"{synthesis}noise{number}", SHAPES[tensor])
    size = 4 * 2 ** ((number + 1) // 2) if kind == "conv" else 4 * 2**number
    convolution = ("Conv1" if number else "Conv") if number % 2 == 0 else "Conv0_up"
    layer = f"{synthesis}{size}x{size}/{convolution if kind == 'conv' else 'ToRGB'}"
    return Source(f"{layer}/{tensor.replace('affine.', 'mod_')}", _tensorflow_layout(name))


def _tensorflow_layout(name: str) -> Callable[[Tensor], Tensor]:
    if name.endswith("affine.bias"):
        return lambda x: x + 1
    if name.endswith("affine.weight"):
        return torch.t
    if is_up(name):
        return lambda x: x.permute(3, 2, 0, 1).flip(2, 3)
    if name.endswith(".weight"):
        return lambda x: x.permute(3, 2, 0, 1)
    return SHAPES.get(name.rsplit(".", 1)[-1], Source.convert)
