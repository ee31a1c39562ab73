"""BigGAN-deep files of Hugging Face's port (DeepMind's weights).

The port keeps TensorFlow's orders: channels come last in the first layer's output, and z before the
class embedding. Tensors are put into the project's order as they are read.

What is not in the tensors is in ``config.json``, which a content may hold as ``config.*``; without
it the values are those of all published files.
"""

import re

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.biggan_deep import BigGANDeep, BigGANDeepConfig
from pipeline.generators.checkpoints.form import Content, Form, Source
from pipeline.generators.checkpoints.tensors import Tensors, contains

FIRST = r"generator\.gen_z\.weight_orig"

RENAMES = (
    (r"\.weight$", ".weight_orig"),
    (r"\.u0$", ".weight_u"),
    (r"\.v0$", ".weight_v"),
    (r"\.stored_(mean|var)$", r".running_\1s"),
    (r"^shared\.weight_orig$", "embeddings.weight"),
    (r"^linear\.", "generator.gen_z."),
    (r"^to_rgb\.", "generator.conv_to_rgb."),
    (r"^output_norm\.gain$", "generator.bn.weight"),
    (r"^output_norm\.", "generator.bn."),
    (r"^layers\.", "generator.layers."),
    (r"\.(theta|phi|g)\.", r".snconv1x1_\1."),
    (r"\.o\.", ".snconv1x1_o_conv."),
    (r"\.bn(\d)\.gain\.", r".bn\1.scale."),
    (r"\.bn(\d)\.bias\.", r".bn\1.offset."),
)
"""From the project's names to the file's; norms and convolutions of a block then count from 0."""


def foreign_name(name: str) -> str:
    """The file's name of a tensor of the project's network."""
    for pattern, replacement in RENAMES:
        name = re.sub(pattern, replacement, name)
    return re.sub(r"\.(bn|conv)(\d)\.", lambda m: f".{m[1]}_{int(m[2]) - 1}.", name)


def channels_first(x: Tensor) -> Tensor:
    """Order the first axis as ``[c, 4, 4]``, which is ``[4, 4, c]`` in the file."""
    return x.reshape(16, -1, *x.shape[1:]).transpose(0, 1).reshape(x.shape)


def embedding_first(x: Tensor, z_dim: int) -> Tensor:
    """Order the last axis as class embedding and z, which are z and embedding in the file."""
    return torch.cat([x[..., z_dim:], x[..., :z_dim]], dim=-1)


def source(name: str, z_dim: int) -> Source:
    """Where a tensor of the project's network is found, and how its order changes."""

    def convert(x: Tensor) -> Tensor:
        if name == "shared.weight":
            return x.transpose(0, 1)
        if name in ("linear.weight", "linear.bias", "linear.u0"):
            x = channels_first(x)
        if re.search(r"(^linear|\.bn\d\.(gain|bias))\.(weight|v0)$", name):
            x = embedding_first(x, z_dim)
        if name.endswith("gamma"):
            return x.squeeze()
        return x.unsqueeze(0) if name.endswith((".u0", ".v0")) else x

    return Source(foreign_name(name), convert)


def doublings(content: Content, blocks: int) -> tuple[bool, ...]:
    """Whether each block doubles the size; every second does in the published files.

    Raises:
        UserError: the configuration is of another number of blocks.
    """
    layers = content.get("config.layers")
    if layers is None and "config.layers.0.0" in content:
        entries = sorted(k for k in content if re.fullmatch(r"config\.layers\.\d+\.0", k))
        layers = [[content[f"config.layers.{i}.0"]] for i in range(len(entries))]
    if layers is None:
        return tuple(i % 2 == 1 for i in range(blocks))
    if len(layers) != blocks:
        raise UserError(
            f"{HUGGINGFACE.name}: config.json has {len(layers)} layers, the weights {blocks}: they "
            "belong to different networks."
        )
    return tuple(bool(layer[0]) for layer in layers)


def build(content: Content) -> BigGANDeep:
    """A BigGAN-deep."""
    tensors = Tensors(HUGGINGFACE.name, content, FIRST)
    layers = tensors.groups(r"generator\.layers\.\d+(?=\.)")
    is_block = [f"{layer}.snconv1x1_theta.weight_orig" not in tensors for layer in layers]
    blocks = [layer for layer, found in zip(layers, is_block, strict=True) if found]
    shared_dim, classes = tensors.shape("embeddings.weight", 2)
    rows, last = tensors.shape("generator.bn.running_means", 2)
    inputs = [tensors.shape(f"{block}.conv_0.weight_orig", 4)[1] for block in blocks]
    eps = float(content.get("config.eps", 1e-4))
    config = BigGANDeepConfig(
        channels=(*inputs, last),
        up=doublings(content, len(blocks)),
        attention=tuple(sum(is_block[:i]) for i, found in enumerate(is_block) if not found),
        z_dim=tensors.shape("generator.gen_z.weight_orig", 2)[1] - shared_dim,
        num_classes=classes,
        shared_dim=shared_dim,
        statistics=rows,
        stored_vectors=True,
        rgb_outputs=tensors.shape("generator.conv_to_rgb.weight_orig", 4)[0],
        bn_eps=eps,
        output_eps=eps,
    )
    return tensors.fill(lambda: BigGANDeep(config), lambda name: source(name, config.z_dim))


HUGGINGFACE = Form(
    "biggan-deep-huggingface",
    lambda content: contains(content, FIRST, r"generator\.layers\.\d+\.conv_\d\.weight_orig"),
    build,
)
