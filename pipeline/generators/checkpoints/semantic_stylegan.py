"""SemanticStyleGAN files as its authors write them: the local generators' tensors are put together.

What shapes do not tell (which codes the layers read, which classes are transparent) is read from
the arguments of the training, which official files hold; a file without them is taken for one made
with the published settings.
"""

import re
from typing import Any

import torch
from torch import Tensor

from pipeline.datasets.celebamask import CLASSES, TRANSPARENT
from pipeline.errors import UserError
from pipeline.generators.checkpoints.form import Content, Form, Reader, Source, as_tensor, subtree
from pipeline.generators.checkpoints.hollow import Hollow
from pipeline.generators.semantic_stylegan import SemanticStyleGAN, SemanticStyleGANConfig

FORM = "semantic-stylegan"
PREFIXES = ("g_ema.", "g.", "")
SIGNS = (
    "pos_embed.weights",
    "local_nets.0.linears.0.conv.weight",
    "render_net.convs.0.weight",
    "style.1.weight",
)
FILTER = r"(local_nets|render_net)\..*\.(upsample|blur)\.kernel"
MEAN_SAMPLES, CHUNK = 10_000, 1000
BASE_LAYERS = 2
DEPTH_SHARE = 0.6
"""Share of the layers that the pseudo-depth is made of: 6 of 10 as published."""


def recognise(content: Content) -> bool:
    """Whether a file holds such a network."""
    return _prefix(content) is not None


def build(content: Content) -> SemanticStyleGAN:
    """The network of a file; the mean w, which files lack, is that of 10 000 samples.

    Raises:
        UserError: something is missing, left over, does not fit, or is not known here.
    """
    prefix = _prefix(content) or ""
    tensors = subtree(content, prefix)
    if prefix == "":
        tensors = {k: x for k, x in tensors.items() if isinstance(x, Tensor)}
    options = _options(content)
    classes = _count(tensors, "local_nets.{}.linears.0.conv.weight")
    layers = _count(tensors, "local_nets.0.linears.{}.conv.weight")
    blocks = _count(tensors, "render_net.to_rgbs.{}.conv.weight")
    mapping = _count(tensors, "style.{}.weight", first=1)
    reader = Reader(FORM, tensors, _sources(classes, layers, blocks, mapping))
    reader.check_names(FILTER)
    _check_filters(tensors)
    config = _config(reader, options, classes, layers, blocks, mapping)
    return _filled(config, reader)


def _prefix(content: Content) -> str | None:
    found = (p for p in PREFIXES if all(p + sign in content for sign in SIGNS))
    return next(found, None)


def _count(tensors: Content, pattern: str, first: int = 0) -> int:
    count = 0
    while pattern.format(first + count) in tensors:
        count += 1
    return count


def _options(content: Content) -> dict[str, Any]:
    """What the training was started with; the last part of a name is the argument's."""
    plain = (bool, int, float, str, list, tuple)
    return {k.rsplit(".", 1)[-1]: v for k, v in content.items() if isinstance(v, plain)}


def _sources(classes: int, layers: int, blocks: int, mapping: int) -> dict[str, Source]:
    """Names of single tensors here, and where the file has them."""
    sources = {"embedding.weight": Source("pos_embed.weights", lambda x: x.flatten(1))}
    for i in range(mapping):
        for part in ("weight", "bias"):
            sources[f"mapping.fc{i}.{part}"] = Source(f"style.{i + 1}.{part}")
    for k in range(classes):
        sources |= _local_sources(k, layers)
    for i in range(blocks):
        sources |= _render_sources(i)
    return sources


def _local_sources(k: int, layers: int) -> dict[str, Source]:
    net = f"local_nets.{k}"
    heads = ("feature", "depth") if k else ("feature",)
    sources: dict[str, Source] = {}
    for i in range(layers):
        layer = f"{net}.linears.{i}"
        sources |= {
            f"local.weight.{k}.{i}": Source(f"{layer}.conv.weight", lambda x: x[0, :, :, 0, 0]),
            f"local.bias.{k}.{i}": Source(f"{layer}.activate.bias"),
            f"local.affine_weight.{k}.{i}": Source(f"{layer}.conv.modulation.weight"),
            f"local.affine_bias.{k}.{i}": Source(f"{layer}.conv.modulation.bias"),
        }
    for head in heads:
        theirs = f"{net}.to_{'feat' if head == 'feature' else 'depth'}"
        sources |= {
            f"local.{head}_weight.{k}": Source(f"{theirs}.conv.weight", lambda x: x[:, :, 0, 0]),
            f"local.{head}_modulation.{k}": Source(f"{theirs}.conv.modulation", torch.flatten),
            f"local.{head}_bias.{k}": Source(f"{theirs}.bias", torch.flatten),
        }
    return sources


def _render_sources(i: int) -> dict[str, Source]:
    """The tensors of block ``i``, named ``synthesis.i.*`` until its resolution is known."""
    net = "render_net"
    sources: dict[str, Source] = {}
    for j in range(2):
        number, layer = 2 * i + j, f"synthesis.{i}.conv{j}"
        theirs = f"{net}.convs.{number}"
        sources |= {
            f"{layer}.weight": Source(f"{theirs}.weight"),
            f"{layer}.modulation": Source(f"{theirs}.modulation", torch.flatten),
            f"{layer}.bias": Source(f"{theirs}.activate.bias", torch.flatten),
            f"{layer}.noise_strength": Source(f"{theirs}.noise.weight", lambda x: x.reshape(())),
            f"{layer}.noise_const": Source(f"{net}.noises.noise_{number}", lambda x: x[0, 0]),
        }
    for ours, head in (("torgb", "to_rgbs"), ("toscores", "to_segs")):
        layer, theirs = f"synthesis.{i}.{ours}", f"{net}.{head}.{i}"
        sources |= {
            f"{layer}.weight": Source(f"{theirs}.conv.weight", lambda x: x[:, :, 0, 0]),
            f"{layer}.modulation": Source(f"{theirs}.conv.modulation", torch.flatten),
            f"{layer}.bias": Source(f"{theirs}.bias", torch.flatten),
        }
    return sources


def _config(
    reader: Reader, options: Content, classes: int, layers: int, blocks: int, mapping: int
) -> SemanticStyleGANConfig:
    """The architecture, as the shapes of the tensors and the options say."""
    local_channels, w_dim = reader.shape("local.affine_weight.0.0", 2)
    embedded = reader.shape("embedding.weight", 2)[1]
    octaves, rest = divmod(embedded - 2, 4)
    if rest or not 1 <= octaves <= 16:
        raise UserError(f"{FORM}: pos_embed.weights has {embedded} inputs, no 2 + 4 octaves.")
    resolution, features = 1 << octaves, reader.shape("local.feature_weight.0", 2)[0]
    channels = [reader.shape(f"synthesis.{i}.conv0.weight", 4)[0] for i in range(blocks)]
    joined = [
        i
        for i in range(blocks - 1)
        if reader.shape(f"synthesis.{i + 1}.conv0.weight", 4)[1] == channels[i] + features
    ]
    coarse = resolution >> (blocks - 1 - joined[0]) if joined else resolution
    names = CLASSES if classes == len(CLASSES) else _numbered(classes)
    default = [CLASSES.index(name) for name in TRANSPARENT] if names == CLASSES else []
    transparent = options.get("transparent_dims", default)
    return SemanticStyleGANConfig(
        resolution=resolution,
        classes=names,
        channels=tuple(channels),
        transparent=tuple(names[int(k)] for k in transparent),
        coarse_resolution=coarse,
        local_channels=local_channels,
        feature_channels=features,
        local_layers=layers,
        base_layers=int(options.get("base_layers", BASE_LAYERS)),
        depth_layers=int(options.get("depth_layers", round(DEPTH_SHARE * layers))),
        z_dim=reader.shape("mapping.fc0.weight", 2)[1],
        w_dim=w_dim,
        mapping_layers=mapping,
        refine_scores=bool(options.get("residual_refine", True)),
    )


def _numbered(classes: int) -> tuple[str, ...]:
    return "background", *(f"class{k}" for k in range(1, classes))


def _filled(config: SemanticStyleGANConfig, reader: Reader) -> SemanticStyleGAN:
    with Hollow():
        network = SemanticStyleGAN(config)
    state = {}
    for name, place in network.state_dict().items():
        state[name] = _tensor(name, place, config, reader)
        if state[name].shape != place.shape:
            raise UserError(
                f"{FORM}: the tensors of '{name}' have the shape {tuple(state[name].shape)}; "
                f"the architecture needs {tuple(place.shape)}."
            )
    network.load_state_dict(state, assign=True)
    network.eval().requires_grad_(False)
    _set_mean_w(network)
    return network


def _tensor(name: str, place: Tensor, config: SemanticStyleGANConfig, reader: Reader) -> Tensor:
    """One tensor of the network, put together of the file's."""
    if name == "mapping.w_avg":
        return torch.zeros(config.w_dim)
    if block := re.fullmatch(r"synthesis\.b(\d+)\.(.+)", name):
        first = config.resolution >> (len(config.channels) - 1)
        return reader[
            f"synthesis.{int(block[1]).bit_length() - first.bit_length()}.{block[2]}"
        ].clone()
    if not name.startswith("local."):
        return reader[name].clone()
    classes, layers = range(len(config.classes)), range(config.local_layers)
    if name.startswith("local.depth_"):
        return torch.stack([reader[f"{name}.{k}"] for k in classes[1:]]).reshape(place.shape)
    if name.startswith("local.feature_"):
        return torch.stack([reader[f"{name}.{k}"] for k in classes])
    per_class = [torch.stack([reader[f"{name}.{k}.{i}"] for i in layers]) for k in classes]
    return torch.stack(per_class)


def _set_mean_w(network: SemanticStyleGAN) -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(MEAN_SAMPLES, network.config.z_dim, generator=generator)
    total = torch.stack([network.mapping(part).sum(0) for part in z.split(CHUNK)]).sum(0)
    network.mapping.w_avg = total / MEAN_SAMPLES


def _check_filters(tensors: Content) -> None:
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    for name in tensors:
        if re.fullmatch(FILTER, name):
            stored = as_tensor(tensors[name])
            if stored.shape != (4, 4) or not torch.allclose(
                stored / stored.sum(), torch.outer(taps, taps), atol=1e-5
            ):
                raise UserError(f"{FORM}: the filter '{name}' is not [1, 3, 3, 1].")


FORMS = (Form(FORM, recognise, build),)
