"""BigGAN files: BigGAN-PyTorch's (BigGAN and BigGAN-deep) and Hugging Face's BigGAN-deep.

BigGAN-PyTorch saves a flat state, with a logged ``sv0`` beside each weight that takes no part.
Hugging Face's port keeps TensorFlow's order: the first layer's output has channels last, and z comes
before the class embedding. A ``config.json``, where there is one, is the content's ``config.*``.
"""

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.biggan import BigGAN, BigGANConfig
from pipeline.generators.biggan_deep import BigGANDeep, BigGANDeepConfig
from pipeline.generators.checkpoints.form import Content, Form, Reader, Source, holder, subtree
from pipeline.generators.class_conditional import ClassConditional

PREFIXES = ("", "module.")
INERT = r".*\.(sv\d+|u[1-9]\d*|accumulation_counter|num_batches_tracked)"
"""Logged singular values, further singular vectors, counters."""

STATISTICS = (".stored_{}", ".bn.stored_{}", ".bn.running_{}")
"""Where BigGAN-PyTorch keeps a norm's mean and var, by the implementation of the norm."""


class Tensors:
    """The tensors of a network in a file, and their shapes."""

    def __init__(self, form: str, content: Content, anchor: str) -> None:
        prefix = holder(content, PREFIXES, re.escape(anchor)) or ""
        kinds = (Tensor, np.ndarray)
        part = subtree(content, prefix)
        self.form, self.found = form, {k: x for k, x in part.items() if isinstance(x, kinds)}

    def __contains__(self, name: str) -> bool:
        return name in self.found

    def shape(self, name: str, dimensions: int) -> tuple[int, ...]:
        """Shape of a tensor.

        Raises:
            UserError: the file does not hold it, or it has another number of dimensions.
        """
        if name not in self.found:
            raise UserError(f"{self.form}: the file lacks the tensor '{name}'.")
        shape = tuple(self.found[name].shape)
        if len(shape) != dimensions:
            raise UserError(
                f"{self.form}: the tensor '{name}' is {shape}; {dimensions} dimensions are needed."
            )
        return shape

    def groups(self, pattern: str) -> list[str]:
        """The names' beginnings that match, in the order of the numbers they contain."""
        found = {m[0] for name in self.found if (m := re.match(pattern, name))}
        return sorted(found, key=lambda name: [int(k) for k in re.findall(r"\d+", name)])

    def network(
        self,
        make: Callable[[], ClassConditional],
        source: Callable[[str], Source],
    ) -> ClassConditional:
        """The network, each of its tensors from its source."""
        with torch.device("meta"):
            names = list(make().state_dict())
        sources = {name: source(name) for name in names}
        return Reader(self.form, self.found, sources).fill(make, INERT)


def attention_places(layers: list[str], has_attention: Callable[[str], bool]) -> tuple[int, ...]:
    """The numbers of blocks that come before each layer of attention."""
    attention = [has_attention(layer) for layer in layers]
    return tuple(i - sum(attention[:i]) for i, found in enumerate(attention) if found)


def _ajbrock_layers(tensors: Tensors) -> tuple[list[str], list[str], tuple[int, ...]]:
    """All layers, the blocks among them, and the places of attention."""
    layers = tensors.groups(r"blocks\.\d+\.\d+(?=\.)")
    is_attention = [any(f"{x}.{k}" in tensors for k in ("theta.weight", "gamma")) for x in layers]
    blocks = [x for x, found in zip(layers, is_attention, strict=True) if not found]
    return layers, blocks, attention_places(layers, set(layers).difference(blocks).__contains__)


def _ajbrock_source(tensors: Tensors, layers: list[str], shared: bool) -> Callable[[str], Source]:
    places = (form for form in STATISTICS if "output_layer.0" + form.format("mean") in tensors)
    statistics = next(places, STATISTICS[0])

    def source(name: str) -> Source:
        foreign = re.sub(r"^layers\.(\d+)", lambda m: layers[int(m[1])], name)
        foreign = foreign.replace("output_norm.", "output_layer.0.")
        foreign = foreign.replace("to_rgb.", "output_layer.2.")
        if match := re.fullmatch(r"(.+)\.stored_(mean|var)", foreign):
            return Source(match[1] + statistics.format(match[2]), lambda x: x.unsqueeze(0))
        if not shared and re.search(r"\.bn\d\.(gain|bias)\.weight$", name):
            return Source(foreign, lambda x: x.T)  # an embedding: one row per class
        return Source(foreign)

    return source


def build_ajbrock(content: Content) -> ClassConditional:
    """A BigGAN of BigGAN-PyTorch, with or without shared embedding and hierarchical latent."""
    tensors = Tensors("biggan-ajbrock", content, "output_layer.2.weight")
    layers, blocks, attention = _ajbrock_layers(tensors)
    outputs = [tensors.shape(f"{block}.conv1.weight", 4)[0] for block in blocks]
    gain = "blocks.0.0.bn1.gain."
    shared = "shared.weight" in tensors or gain + "u0" in tensors
    classes, shared_dim = tensors.shape("shared.weight", 2) if shared else (0, 0)
    condition = tensors.shape(gain + "weight", 2)
    first = tensors.shape("linear.weight", 2)[1]
    hierarchical = shared and condition[1] > shared_dim
    config = BigGANConfig(
        channels=(tensors.shape("blocks.0.0.conv1.weight", 4)[1], *outputs),
        attention=attention,
        z_dim=first * (len(blocks) + 1) if hierarchical else first,
        num_classes=classes or condition[0],
        shared_dim=shared_dim,
        hierarchical=hierarchical,
        bn_eps=float(content.get("config.BN_eps", 1e-5)),
    )
    return tensors.network(lambda: BigGAN(config), _ajbrock_source(tensors, layers, shared))


def build_ajbrock_deep(content: Content) -> ClassConditional:
    """A BigGAN-deep of BigGAN-PyTorch.

    Its file does not say which blocks double the size: the last of every stage does. Stages have
    two blocks; where the channels never change (32 x 32 pixels) there are three stages.
    """
    tensors = Tensors("biggan-deep-ajbrock", content, "output_layer.2.weight")
    layers, blocks, attention = _ajbrock_layers(tensors)
    channels = _deep_channels(tensors, [f"{b}.conv1.weight" for b in blocks], blocks, "conv4")
    depth = max(len(blocks) // 3, 1) if len(set(channels)) == 1 else 2
    classes, shared_dim = tensors.shape("shared.weight", 2)
    config = BigGANDeepConfig(
        channels=channels,
        up=tuple(i % depth == depth - 1 for i in range(len(blocks))),
        attention=attention,
        z_dim=tensors.shape("linear.weight", 2)[1] - shared_dim,
        num_classes=classes,
        shared_dim=shared_dim,
        bn_eps=float(content.get("config.BN_eps", 1e-5)),
    )
    return tensors.network(lambda: BigGANDeep(config), _ajbrock_source(tensors, layers, True))


def _deep_channels(
    tensors: Tensors, entries: list[str], blocks: list[str], last: str
) -> tuple[int, ...]:
    """Input channels of the first block, output channels of each; weights may be ``_orig``."""
    suffix = entries[0].rsplit(".", 1)[1]
    outputs = (tensors.shape(f"{block}.{last}.{suffix}", 4)[0] for block in blocks)
    return tensors.shape(entries[0], 4)[1], *outputs


HUGGINGFACE = {
    r"shared\.weight": "embeddings.weight",
    r"linear\.(.+)": r"generator.gen_z.\1",
    r"to_rgb\.(.+)": r"generator.conv_to_rgb.\1",
    r"output_norm\.gain": "generator.bn.weight",
    r"output_norm\.(.+)": r"generator.bn.\1",
    r"(layers\.\d+)\.bn(\d)\.gain\.(.+)": r"generator.\1.bn_\2.scale.\3",
    r"(layers\.\d+)\.bn(\d)\.bias\.(.+)": r"generator.\1.bn_\2.offset.\3",
    r"(layers\.\d+)\.bn(\d)\.(stored.+)": r"generator.\1.bn_\2.\3",
    r"(layers\.\d+)\.conv(\d)\.(.+)": r"generator.\1.conv_\2.\3",
    r"(layers\.\d+)\.(theta|phi|g)\.(.+)": r"generator.\1.snconv1x1_\2.\3",
    r"(layers\.\d+)\.o\.(.+)": r"generator.\1.snconv1x1_o_conv.\2",
    r"(layers\.\d+)\.gamma": r"generator.\1.gamma",
}
"""Names of :class:`BigGANDeep` to Hugging Face's, but for the four endings and counting from 0."""
