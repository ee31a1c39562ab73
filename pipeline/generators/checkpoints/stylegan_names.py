"""The names and layouts under which foreign files hold a StyleGAN."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pipeline.generators.checkpoints.form import Source
from pipeline.generators.checkpoints.progressive import (
    flipped,
    kernel_of_tensorflow,
    layer_name,
)


@dataclass(frozen=True)
class Naming:
    """How a form names and lays out a StyleGAN.

    Attributes:
        layer: where the layer with a number lies, counted from the constant = 0.
        noise_const: name of its noise map.
        noise_strength: name of its noise strengths, in the layer.
        style: where its style affine lies, in the layer.
        dense: where the mapping layer with a number lies.
        torgb: where the final to-RGB layer of so many blocks lies.
        w_avg: name of the mean w.
        embedding: name of the embeddings of the classes.
        matrix: matrices from the file's layout to ``[out, in]``.
        kernel: kernels from the file's layout to ``[out, in, k, k]``.
        inert: pattern of tensors that take no part in images.
        mapping_lr: name of the option for the learning rate of the mapping network.
        options: the values that other options may have.
    """

    layer: Callable[[int], str]
    noise_const: Callable[[int], str]
    noise_strength: str
    style: str
    dense: Callable[[int], str]
    torgb: Callable[[int], str]
    w_avg: str
    embedding: str
    matrix: Callable[[Tensor], Tensor]
    kernel: Callable[[Tensor], Tensor]
    inert: str
    mapping_lr: str
    options: Mapping[str, tuple[Any, ...]]


def _torch_naming(noise_const: str, noise_strength: str, w_avg: str, embedding: str) -> Naming:
    return Naming(
        layer=lambda i: f"synthesis.layer{i}.",
        noise_const=lambda i: f"synthesis.layer{i}.{noise_const}",
        noise_strength=noise_strength,
        style="style.",
        dense=lambda i: f"mapping.dense{i}.",
        torgb=lambda blocks: f"synthesis.output{blocks - 1}.",
        w_avg=w_avg,
        embedding=embedding,
        matrix=lambda matrix: matrix,
        kernel=lambda kernel: kernel,
        inert=r"synthesis\.(lod|output\d+\.(weight|bias)|layer\d+\.(filter|blur\.kernel))",
        mapping_lr="mapping_lr_mul",
        options={
            "repeat_w": (True,),
            "normalize_z": (True,),
            "mapping_use_wscale": (True,),
            "mapping_wscale_gain": (math.sqrt(2),),
            "init_res": (4,),
            "image_channels": (3,),
            "final_tanh": (False,),
            "use_wscale": (True,),
            "wscale_gain": (math.sqrt(2),),
            "lr_mul": (1,),
            "noise_type": ("spatial",),
        },
    )


def _tensorflow_layer(number: int) -> str:
    size = 4 * 2 ** (number // 2)
    names = ("Const", "Conv") if number < 2 else ("Conv0_up", "Conv1")
    return f"{size}x{size}/{names[number % 2]}/"


HAMMER = _torch_naming("noise", "noise_strength", "w_avg", "mapping.embedding")
GENFORCE = _torch_naming(
    "apply_noise.noise", "apply_noise.weight", "truncation.w_avg", "mapping.label_weight"
)
TENSORFLOW = Naming(
    layer=_tensorflow_layer,
    noise_const=lambda i: f"noise{i}",
    noise_strength="Noise/weight",
    style="StyleMod/",
    dense=lambda i: f"Dense{i}/",
    torgb=lambda _blocks: "ToRGB_lod0/",
    w_avg="dlatent_avg",
    embedding="LabelConcat/weight",
    matrix=torch.t,
    kernel=kernel_of_tensorflow,
    inert=r"lod|ToRGB_lod\d+/(weight|bias)",
    mapping_lr="mapping_lrmul",
    options={
        "num_channels": (3,),
        "mapping_nonlinearity": ("lrelu",),
        "nonlinearity": ("lrelu",),
        "normalize_latents": (True,),
        "use_wscale": (True,),
        "use_styles": (True,),
        "const_input_layer": (True,),
        "use_noise": (True,),
        "use_pixel_norm": (False,),
        "use_instance_norm": (True,),
        "blur_filter": ([1, 2, 1], (1, 2, 1)),
    },
)


def stylegan_sources(
    n: Naming, blocks: int, depth: int, conditional: bool, fused: float
) -> dict[str, Source]:
    """Where a StyleGAN finds its tensors.

    Args:
        n: the naming.
        blocks: resolutions of the synthesis network.
        depth: layers of the mapping network.
        conditional: whether it embeds class labels.
        fused: the output size from which kernels are those of fused up-convolutions.
    """
    sources = {"mapping.w_avg": Source(n.w_avg)}
    if conditional:
        sources["mapping.embedding"] = Source(n.embedding)
    for i in range(depth):
        sources[f"mapping.fc{i}.weight"] = Source(f"{n.dense(i)}weight", n.matrix)
        sources[f"mapping.fc{i}.bias"] = Source(f"{n.dense(i)}bias")
    for i in range(2 * blocks):
        flip = i > 1 and i % 2 == 0 and 4 * 2 ** (i // 2) >= fused
        for name, source in _layer_sources(n, i, flip).items():
            sources[f"synthesis.{layer_name(i)}.{name}"] = source
    sources["synthesis.torgb.weight"] = Source(f"{n.torgb(blocks)}weight", n.kernel)
    return sources | {"synthesis.torgb.bias": Source(f"{n.torgb(blocks)}bias")}


def _layer_sources(n: Naming, i: int, flip: bool) -> dict[str, Source]:
    theirs = n.layer(i)
    if i == 0:
        start = {"const": Source(f"{theirs}const", lambda const: const.squeeze(0))}
    else:
        kernel = (lambda kernel: flipped(n.kernel(kernel))) if flip else n.kernel
        start = {"conv.weight": Source(f"{theirs}weight", kernel)}
    return start | {
        "bias": Source(f"{theirs}bias"),
        "affine.weight": Source(f"{theirs}{n.style}weight", n.matrix),
        "affine.bias": Source(f"{theirs}{n.style}bias"),
        "noise_strength": Source(f"{theirs}{n.noise_strength}", torch.flatten),
        "noise_const": Source(n.noise_const(i), lambda noise: noise.squeeze((0, 1))),
    }
