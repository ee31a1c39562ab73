"""PGGAN files: Hammer's and genforce's ``.pth`` (they name alike), NVIDIA's TensorFlow pickles."""

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from pipeline.generators.checkpoints.form import Content, Form, Reader, Source, refuse_options
from pipeline.generators.checkpoints.progressive import (
    flipped,
    fused_from,
    kernel_of_tensorflow,
    last_number,
    layer_name,
    number,
    refuse_unfinished,
    tensorflow_network,
    torch_network,
)
from pipeline.generators.pggan import PGGAN, PGGANConfig

TORCH, TENSORFLOW = "pggan-genforce", "pggan-tensorflow"

TORCH_INERT = r"lod|output\d+\.(weight|bias)"
TORCH_OPTIONS = {
    "init_res": (4,),
    "image_channels": (3,),
    "final_tanh": (False,),
    "use_wscale": (True,),
    "wscale_gain": (math.sqrt(2),),
}
TENSORFLOW_INERT = r"lod|ToRGB_lod\d+/(weight|bias)"
TENSORFLOW_OPTIONS = {
    "num_channels": (3,),
    "normalize_latents": (True,),
    "use_wscale": (True,),
    "use_pixelnorm": (True,),
    "use_leakyrelu": (True,),
}


def _from_torch(content: Content) -> tuple[dict[str, Any], dict[str, Any]]:
    return torch_network(content, r"(layer|output)0\.(weight|bias)")


def _build_torch(content: Content) -> PGGAN:
    tensors, options = _from_torch(content)
    refuse_options(TORCH, options, TORCH_OPTIONS)
    refuse_unfinished(TORCH, tensors.get("lod", 0))
    blocks = last_number(tensors, r"layer(\d{1,3})\..*") // 2 + 1
    sources = {"torgb.weight": Source(f"output{blocks - 1}.weight")}
    sources["torgb.bias"] = Source(f"output{blocks - 1}.bias")
    for i in range(2 * blocks):
        kernel = Source(f"layer{i}.weight", flipped) if i == 0 else Source(f"layer{i}.weight")
        sources[f"{layer_name(i)}.conv.weight"] = kernel
        sources[f"{layer_name(i)}.bias"] = Source(f"layer{i}.bias")
    reader = Reader(TORCH, tensors, sources)
    reader.check_names(TORCH_INERT)
    if _fused_torch(reader, options):
        for i in range(2, 2 * blocks, 2):
            kernel = Source(f"layer{i}.weight", lambda kernel: flipped(kernel.transpose(0, 1)))
            sources[f"{layer_name(i)}.conv.weight"] = kernel
    classes = number(TORCH, options, "label_dim", number(TORCH, options, "label_size", 0))
    eps = number(TORCH, options, "eps", 1e-8)
    config = _config(reader, int(classes), eps, normalize_z=True)
    return reader.fill(lambda: PGGAN(config), TORCH_INERT)


def _fused_torch(reader: Reader, options: Content) -> bool:
    """Whether up-kernels are ``[in, out, k, k]``: where the widths are all one, options say it."""
    channels = _channels(reader)
    for k in range(1, len(channels)):
        first = reader.shape(f"{layer_name(2 * k)}.conv.weight", 4)[0]
        if channels[k - 1] != channels[k]:
            return first == channels[k - 1]
    return fused_from(TORCH, options, default=False) == 0


def _build_tensorflow(content: Content) -> PGGAN:
    tensors, options = tensorflow_network(content)
    refuse_options(TENSORFLOW, options, TENSORFLOW_OPTIONS)
    refuse_unfinished(TENSORFLOW, tensors.get("lod", 0))
    blocks = last_number(tensors, r"(\d{1,5})x\1/.*").bit_length() - 2
    sources = {"torgb.weight": Source("ToRGB_lod0/weight", kernel_of_tensorflow)}
    sources["torgb.bias"] = Source("ToRGB_lod0/bias")
    for i in range(2 * blocks):
        theirs, convert = _tensorflow_layer(tensors, i)
        sources[f"{layer_name(i)}.conv.weight"] = Source(f"{theirs}/weight", convert)
        sources[f"{layer_name(i)}.bias"] = Source(f"{theirs}/bias")
    reader = Reader(TENSORFLOW, tensors, sources)
    reader.check_names(TENSORFLOW_INERT)
    classes = int(number(TENSORFLOW, options, "label_size", 0))
    eps = number(TENSORFLOW, options, "pixelnorm_epsilon", 1e-8)
    config = _config(reader, classes, eps, normalize_z=False)
    return reader.fill(lambda: PGGAN(config), TENSORFLOW_INERT)


def _tensorflow_layer(tensors: Content, i: int) -> tuple[str, Callable[[Tensor], Tensor]]:
    """Where a layer lies, and how its kernel is laid out: ``Conv0_up`` is fused, ``Conv0`` not."""
    block = "{0}x{0}".format(4 * 2 ** (i // 2))
    if i == 0:
        return f"{block}/Dense", _dense_of_tensorflow
    if i % 2:
        return f"{block}/Conv" + ("1" if i > 1 else ""), kernel_of_tensorflow
    if f"{block}/Conv0_up/weight" in tensors:
        return f"{block}/Conv0_up", lambda kernel: flipped(kernel.permute(2, 3, 0, 1))
    return f"{block}/Conv0", kernel_of_tensorflow


def _dense_of_tensorflow(matrix: Tensor) -> Tensor:
    """A matrix ``[in, out * 16]`` as a kernel ``[out, in, 4, 4]``."""
    return matrix.reshape(matrix.shape[0], -1, 4, 4).transpose(0, 1)


def _channels(reader: Reader) -> tuple[int, ...]:
    blocks = sum(name.endswith(".conv1.bias") for name in reader.sources)
    return tuple(reader.shape(f"{layer_name(2 * k + 1)}.bias", 1)[0] for k in range(blocks))


def _config(reader: Reader, classes: int, eps: float, normalize_z: bool) -> PGGANConfig:
    channels = _channels(reader)
    features = reader.shape("b4.conv0.conv.weight", 4)[1]
    size = 2 ** (len(channels) + 1)
    return PGGANConfig(size, channels, features - classes, classes, normalize_z, eps)


def _is_tensorflow(content: Content) -> bool:
    """Whether there is a network with to-RGB layers per level of detail, and no styles."""
    tensors, _ = tensorflow_network(content)
    return bool(tensors) and not any("StyleMod/" in name for name in tensors)


FORMS = (
    Form(TORCH, lambda content: bool(_from_torch(content)[0]), _build_torch),
    Form(TENSORFLOW, _is_tensorflow, _build_tensorflow),
)
