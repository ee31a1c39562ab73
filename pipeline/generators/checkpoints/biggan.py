"""BigGAN files: those of BigGAN-PyTorch here, and the table of all forms.

BigGAN-PyTorch saves a flat state; beside each weight lies ``u0``, where the power iteration of its
spectral norm starts, and ``sv0``, a logged singular value that takes no part.
"""

import re
from collections.abc import Callable

from pipeline.generators.biggan import BigGAN, BigGANConfig
from pipeline.generators.biggan_deep import BigGANDeep, BigGANDeepConfig
from pipeline.generators.checkpoints.biggan_huggingface import HUGGINGFACE
from pipeline.generators.checkpoints.form import Content, Form, Source
from pipeline.generators.checkpoints.tensors import Tensors, contains

OUTPUT = r"output_layer\.2\.weight"
BLOCK = r"blocks\.\d+\.\d+(?=\.)"

INERT = r".*\.(sv\d+|u[1-9]\d*|accumulation_counter|num_batches_tracked)"
"""Logged singular values, vectors of further singular values, counters."""

STATISTICS = (".stored_{}", ".bn.stored_{}", ".bn.running_{}")
"""Where a norm keeps its mean and var, by the implementation that the network was trained with."""


class Layout:
    """Where a network of BigGAN-PyTorch keeps things.

    Attributes:
        layers: blocks and attention, in order.
        blocks: the blocks among them.
        attention: the blocks that attention comes before.
        shared: whether all norms share one class embedding.
    """

    def __init__(self, tensors: Tensors) -> None:
        self.layers = tensors.groups(BLOCK)
        self.blocks = [x for x in self.layers if not x.endswith(".1")]
        self.attention = tuple(
            sum(block in self.blocks for block in self.layers[:i])
            for i, layer in enumerate(self.layers)
            if layer.endswith(".1")
        )
        self.shared = "shared.weight" in tensors or "blocks.0.0.bn1.gain.u0" in tensors
        norms = (form for form in STATISTICS if "output_layer.0" + form.format("mean") in tensors)
        self.statistics = next(norms, STATISTICS[0])

    def source(self, name: str) -> Source:
        """Where a tensor of the project's network is found."""
        foreign = re.sub(r"^layers\.(\d+)", lambda match: self.layers[int(match[1])], name)
        foreign = foreign.replace("output_norm.", "output_layer.0.")
        foreign = foreign.replace("to_rgb.", "output_layer.2.")
        if match := re.fullmatch(r"(.+)\.stored_(mean|var)", foreign):
            return Source(match[1] + self.statistics.format(match[2]), lambda x: x.unsqueeze(0))
        if not self.shared and re.search(r"\.bn\d\.(gain|bias)\.weight$", name):
            return Source(
                foreign, lambda x: x.transpose(0, 1)
            )  # an embedding: one row for each class
        return Source(foreign)


def channels(tensors: Tensors, blocks: list[str], last: str) -> tuple[int, ...]:
    """Channels of the first input and of the output of each block's last convolution."""
    first = tensors.shape("blocks.0.0.conv1.weight", 4)[1]
    return first, *(tensors.shape(f"{block}.{last}.weight", 4)[0] for block in blocks)


def build_biggan(content: Content) -> BigGAN:
    """A BigGAN, with or without shared class embedding and hierarchical latent."""
    tensors = Tensors("biggan-ajbrock", content, OUTPUT)
    layout = Layout(tensors)
    gain = tensors.shape("blocks.0.0.bn1.gain.weight", 2)
    classes, shared_dim = tensors.shape("shared.weight", 2) if layout.shared else (gain[0], 0)
    first = tensors.shape("linear.weight", 2)[1]
    hierarchical = layout.shared and gain[1] > shared_dim
    config = BigGANConfig(
        channels=channels(tensors, layout.blocks, "conv2"),
        attention=layout.attention,
        z_dim=first * (len(layout.blocks) + 1) if hierarchical else first,
        num_classes=classes,
        shared_dim=shared_dim,
        hierarchical=hierarchical,
        bn_eps=float(content.get("config.BN_eps", 1e-5)),
    )
    return tensors.fill(lambda: BigGAN(config), layout.source, INERT)


def build_deep(content: Content) -> BigGANDeep:
    """A BigGAN-deep.

    The file does not say which blocks double the size: it is the last of every stage. A stage has
    two blocks; where the channels never change (32 x 32 pixels), there are three stages.
    """
    tensors = Tensors("biggan-deep-ajbrock", content, OUTPUT)
    layout = Layout(tensors)
    widths = channels(tensors, layout.blocks, "conv4")
    depth = max(len(layout.blocks) // 3, 1) if len(set(widths)) == 1 else 2
    classes, shared_dim = tensors.shape("shared.weight", 2)
    config = BigGANDeepConfig(
        channels=widths,
        up=tuple(i % depth == depth - 1 for i in range(len(layout.blocks))),
        attention=layout.attention,
        z_dim=tensors.shape("linear.weight", 2)[1] - shared_dim,
        num_classes=classes,
        shared_dim=shared_dim,
        bn_eps=float(content.get("config.BN_eps", 1e-5)),
    )
    return tensors.fill(lambda: BigGANDeep(config), layout.source, INERT)


def _recognise(deep: bool) -> Callable[[Content], bool]:
    def recognise(content: Content) -> bool:
        found = contains(content, OUTPUT, r"blocks\.\d+\.0\.conv[12]\.weight")
        return found and deep == contains(content, r"blocks\.\d+\.0\.conv[34]\.weight")

    return recognise


FORMS: tuple[Form, ...] = (
    Form("biggan-ajbrock", _recognise(deep=False), build_biggan),
    Form("biggan-deep-ajbrock", _recognise(deep=True), build_deep),
    HUGGINGFACE,
)
