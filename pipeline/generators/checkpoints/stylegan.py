"""StyleGAN files: Hammer's and ReSeFa's ``.pth``, genforce's older ``.pth``, NVIDIA's pickles."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from pipeline.errors import UserError
from pipeline.generators.checkpoints.form import Content, Form, Reader, as_tensor, refuse_options
from pipeline.generators.checkpoints.progressive import (
    fused_from,
    last_number,
    layer_name,
    number,
    refuse_unfinished,
    tensorflow_network,
    torch_network,
)
from pipeline.generators.checkpoints.stylegan_names import (
    GENFORCE,
    HAMMER,
    TENSORFLOW,
    Naming,
    stylegan_sources,
)
from pipeline.generators.stylegan import StyleGAN, StyleGANConfig

BINOMIAL = [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
"""The blur filter of StyleGAN, times 16."""


def _torch(content: Content, n: Naming) -> tuple[dict[str, Any], dict[str, Any]]:
    """The generator in a file of Hammer or genforce, if it names noise strengths this way."""
    tensors, options = torch_network(content, rf"synthesis\.layer\d+\.{n.noise_strength}")
    return (tensors, options) if "synthesis.early_layer.const" not in tensors else ({}, {})


def _build_torch(form: str, n: Naming, content: Content) -> StyleGAN:
    tensors, options = _torch(content, n)
    for name, leaf in tensors.items():
        if name.endswith((".filter", ".blur.kernel")):
            _check_filter(form, name, as_tensor(leaf))
    blocks = last_number(tensors, r"synthesis\.layer(\d{1,3})\..*") // 2 + 1
    depth = last_number(tensors, r"mapping\.dense(\d{1,3})\..*") + 1
    refuse_unfinished(form, tensors.get("synthesis.lod", 0))
    return _build(form, n, tensors, options, blocks, depth)


def _check_filter(form: str, name: str, kernel: torch.Tensor) -> None:
    binomial = torch.tensor(BINOMIAL) / 16
    if kernel.shape[-2:] != (3, 3) or not torch.allclose(kernel, binomial.expand_as(kernel)):
        raise UserError(f"{form}: the blur filter {name} must be [1, 2, 1] / 4 in both axes.")


def _build_tensorflow(content: Content) -> StyleGAN:
    form = "stylegan-tensorflow"
    tensors, options = tensorflow_network(content)
    sizes = last_number(tensors, r"(\d{1,5})x\1/.*")
    depth = last_number(tensors, r"Dense(\d{1,3})/.*") + 1
    refuse_unfinished(form, tensors.get("lod", 0))
    return _build(form, TENSORFLOW, tensors, options, sizes.bit_length() - 2, depth)


def _build(
    form: str,
    n: Naming,
    tensors: Mapping[str, Any],
    options: Content,
    blocks: int,
    depth: int,
) -> StyleGAN:
    refuse_options(form, options, n.options)
    fused = fused_from(form, options, "auto")
    conditional = n.embedding in tensors
    reader = Reader(form, tensors, stylegan_sources(n, blocks, depth, conditional, fused))
    reader.check_names(n.inert)
    config = _config(form, n, reader, options)
    return reader.fill(lambda: StyleGAN(config), n.inert)


def _config(form: str, n: Naming, reader: Reader, options: Content) -> StyleGANConfig:
    """The architecture, from the shapes of the tensors; from the options what shapes leave open."""
    depth = sum(
        name.endswith(".weight") for name in reader.sources if name.startswith("mapping.fc")
    )
    blocks = sum(name.endswith(".conv1.bias") for name in reader.sources)
    w_dim, _ = reader.shape(f"mapping.fc{depth - 1}.weight", 2)
    width, features = reader.shape("mapping.fc0.weight", 2)
    conditional = "mapping.embedding" in reader.sources
    classes, embedding = reader.shape("mapping.embedding", 2) if conditional else (0, 0)
    eps = number(form, options, "eps", 1e-8)
    return StyleGANConfig(
        resolution=2 ** (blocks + 1),
        channels=tuple(
            reader.shape(f"synthesis.{layer_name(2 * k + 1)}.bias", 1)[0] for k in range(blocks)
        ),
        z_dim=features - embedding,
        w_dim=w_dim,
        mapping_layers=depth,
        mapping_width=width,
        mapping_lr_multiplier=number(form, options, n.mapping_lr, 0.01),
        num_classes=classes,
        embedding_dim=embedding,
        pixel_norm_eps=eps,
        instance_norm_eps=eps,
    )


FORMS = (
    Form(
        "stylegan-hammer",
        lambda content: bool(_torch(content, HAMMER)[0]),
        partial(_build_torch, "stylegan-hammer", HAMMER),
    ),
    Form(
        "stylegan-genforce",
        lambda content: bool(_torch(content, GENFORCE)[0]),
        partial(_build_torch, "stylegan-genforce", GENFORCE),
    ),
    Form(
        "stylegan-tensorflow",
        lambda content: any("StyleMod/" in name for name in tensorflow_network(content)[0]),
        _build_tensorflow,
    ),
)
