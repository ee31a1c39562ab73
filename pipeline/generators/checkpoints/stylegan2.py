"""StyleGAN2 files: NVIDIA's of both kinds, rosinality's, genforce's and Hammer's."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.checkpoints import stylegan2_names as names
from pipeline.generators.checkpoints.form import (
    Content,
    Form,
    Reader,
    Source,
    as_tensor,
    refuse_options,
    subtree,
)
from pipeline.generators.checkpoints.hollow import Hollow
from pipeline.generators.checkpoints.progressive import torch_network
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config

MAPPING_LR = 0.01
MEAN_SAMPLES = 4096
OPTIONS: Mapping[str, Collection[Any]] = {
    "num_channels": (3,),
    "img_channels": (3,),
    "image_channels": (3,),
    "architecture": ("skip",),
    "activation": ("lrelu", "linear"),
    "nonlinearity": ("lrelu",),
    "mapping_nonlinearity": ("lrelu",),
    "normalize_latents": (True,),
    "normalize_z": (True,),
    "normalize_embedding": (True,),
    "normalize_embedding_latent": (False,),
    "repeat_w": (True,),
    "use_noise": (True,),
    "noise_type": ("spatial",),
    "demodulate": (True,),
    "use_wscale": (True,),
    "final_tanh": (False,),
    "const_input": (True,),
    "lr_mul": (1, 1.0),
    "embedding_lr_mul": (1, 1.0),
    "resample_kernel": ([1, 3, 3, 1], (1, 3, 3, 1)),
    "resample_filter": ([1, 3, 3, 1], (1, 3, 3, 1)),
    "filter_kernel": ([1, 3, 3, 1], (1, 3, 3, 1)),
}
"""The options of all projects that change images, with the values that are known here."""

Found = tuple[dict[str, Any], dict[str, Any]]


@dataclass(frozen=True)
class Naming:
    """One project's files.

    Attributes:
        form: name of the form.
        find: tensors (by the project's names) and options of the network in a file, or nothing.
        signs: names that only this project's network has.
        source: where a tensor of the official release is found.
        inert: pattern of what takes no part in images, beside the filters.
    """

    form: str
    find: Callable[[Content], Found]
    signs: tuple[str, ...]
    source: Callable[[str], Source]
    inert: str = ""

    def recognises(self, content: Content) -> bool:
        """Whether a file is this project's."""
        tensors, _ = self.find(content)
        return all(sign in tensors for sign in self.signs)

    def build(self, content: Content) -> StyleGAN2:
        """The network of a file.

        Raises:
            UserError: something is missing, left over, does not fit, or is not known here.
        """
        tensors, options = self.find(content)
        _refuse_unknown(self.form, tensors, options)
        reader = Reader(self.form, tensors, self._sources(tensors))
        config = _config(reader, options)
        inert = rf"{names.FILTERS}|{self.inert}"
        return reader.fill(partial(StyleGAN2, config), inert)

    def _sources(self, tensors: Content) -> dict[str, Source]:
        blocks = _count(tensors, lambda k: self.source(f"synthesis.b{4 * 2**k}.conv1.bias").name)
        layers = _count(tensors, lambda i: self.source(f"mapping.fc{i}.bias").name)
        conditional = self.source("mapping.embed.weight").name in tensors
        if blocks < 2 or not layers:
            raise UserError(f"{self.form}: the file lacks blocks or the mapping network.")
        like = StyleGAN2Config(
            2 ** (blocks + 1), (1,) * blocks, 1, 1, layers, num_classes=int(conditional)
        )
        with Hollow():
            return {name: self.source(name) for name in StyleGAN2(like).state_dict()}


def _count(tensors: Content, name: Callable[[int], str]) -> int:
    count = 0
    while name(count) in tensors:
        count += 1
    return count


def _config(reader: Reader, options: Content) -> StyleGAN2Config:
    """The architecture, as the shapes of the tensors and the options say."""
    blocks = sum(name.endswith("conv1.bias") for name in reader.sources)
    channels = [len(reader[f"synthesis.b{4 * 2**k}.conv1.bias"]) for k in range(blocks)]
    w_dim = reader["synthesis.b4.conv1.affine.weight"].shape[1]
    conditional = "mapping.embed.weight" in reader.sources
    embedded = w_dim if conditional else 0
    return StyleGAN2Config(
        resolution=2 ** (blocks + 1),
        channels=tuple(channels),
        z_dim=reader["mapping.fc0.weight"].shape[1] - embedded,
        w_dim=w_dim,
        mapping_layers=sum(bool(names.DENSE.fullmatch(name)) for name in reader.sources) // 2,
        mapping_lr_multiplier=float(options.get("mapping_lr", MAPPING_LR)),
        num_classes=reader["mapping.embed.weight"].shape[1] if conditional else 0,
        conv_clamp=None if options.get("conv_clamp") is None else float(options["conv_clamp"]),
    )


def _refuse_unknown(form: str, tensors: Content, options: Content) -> None:
    refuse_options(form, options, OPTIONS)
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    for name, leaf in tensors.items():
        if re.fullmatch(names.FILTERS, name):
            stored = as_tensor(leaf).squeeze()
            if stored.shape != (4, 4) or not _proportional(stored, torch.outer(taps, taps)):
                raise UserError(f"{form}: the filter '{name}' is not [1, 3, 3, 1], the only known.")


def _proportional(a: Tensor, b: Tensor) -> bool:
    return bool(torch.allclose(a / a.sum(), b, atol=1e-5))


def _nvidia(content: Content) -> Found:
    """Official PyTorch files; every module tells what it was made with."""
    prefix = _place(content, ("G_ema.", "G.", ""), "synthesis.b4.conv1.affine.weight")
    if prefix is None:
        return {}, {}
    network = subtree(content, prefix)
    kwargs = subtree(content, "init_kwargs.") | subtree(network, "init_kwargs.")
    made_with = {key.rsplit(".", 1)[-1]: value for key, value in kwargs.items()}
    attributes = subtree(network, "attributes.")
    for key, value in attributes.items():
        refuse_options("stylegan2-nvidia", {key.rsplit(".", 1)[-1]: value}, OPTIONS)
    clamps = {value for key, value in attributes.items() if key.endswith(".conv_clamp")}
    if len(clamps) > 1:
        raise UserError("stylegan2-nvidia: layers with different conv_clamp are not known.")
    lr = made_with.get("lr_multiplier", MAPPING_LR)
    options = {key: value for key, value in made_with.items() if key in OPTIONS} | {
        "conv_clamp": clamps.pop() if clamps else made_with.get("conv_clamp"),
        "mapping_lr": attributes.get("mapping.fc0.bias_gain", lr),
    }
    tensors = {k: v for k, v in network.items() if not re.match(r"(init_kwargs|attributes)\.", k)}
    return tensors, options


def _rosinality(content: Content) -> Found:
    """Files of rosinality's, trained or converted; the mean of w may be missing."""
    prefix = _place(content, ("g_ema.", "g.", ""), "conv1.conv.modulation.weight")
    if prefix is None:
        return {}, {}
    mean = content.get("latent_avg")
    tensors = subtree(content, prefix)
    if mean is None:
        affine = as_tensor(tensors["conv1.conv.modulation.weight"])
        mean = torch.zeros(affine.shape[1:])
    return tensors | {"latent_avg": mean}, {}


def _genforce(content: Content) -> Found:
    """Files of genforce and Hammer."""
    tensors, options = torch_network(content, r"synthesis\.output0\.style\.weight")
    lr = options.get("mapping_lr_mul", MAPPING_LR)
    return tensors, options | {"mapping_lr": lr}


def _tensorflow(content: Content) -> Found:
    """Official TensorFlow files: the variables of the two parts under the parts' names."""
    sign = r"(.*\.)?4x4/Conv/mod_weight"
    for prefix in ("Gs.", "G.", ""):
        network = subtree(content, prefix)
        if any(re.fullmatch(sign, key) for key in network):
            break
    else:
        return {}, {}
    options = {k.rsplit(".", 1)[-1]: v for k, v in network.items() if "static_kwargs." in k}
    tensors = {k.replace("variables.", "", 1): v for k, v in network.items()}
    return tensors, options | {"mapping_lr": options.get("mapping_lrmul", MAPPING_LR)}


def _place(content: Content, prefixes: tuple[str, ...], sign: str) -> str | None:
    return next((prefix for prefix in prefixes if prefix + sign in content), None)


def _with_mean(build: Callable[[Content], StyleGAN2], content: Content) -> StyleGAN2:
    """The network, whose mean of w is estimated where a file of rosinality's has none."""
    network = build(content)
    if "latent_avg" not in content:
        generator = torch.Generator().manual_seed(0)
        z = torch.randn(MEAN_SAMPLES, network.config.z_dim, generator=generator)
        network.mapping.w_avg = network.mapping(z).mean(dim=0)
    return network


NVIDIA = Naming(
    "stylegan2-nvidia",
    _nvidia,
    ("synthesis.b4.const", "synthesis.b4.conv1.affine.weight", "mapping.fc0.weight"),
    names.nvidia,
)
TENSORFLOW = Naming(
    "stylegan2-tensorflow",
    _tensorflow,
    ("components.synthesis.4x4/Conv/mod_weight", "dlatent_avg"),
    names.tensorflow,
    r"lod|(components\.\w+\.)?(lod|version|name|build_func_name|static_kwargs\..*)",
)
ROSINALITY = Naming(
    "stylegan2-rosinality",
    _rosinality,
    ("conv1.conv.modulation.weight", "input.input", "style.1.weight"),
    names.rosinality,
)
HAMMER = Naming(
    "stylegan2-hammer", _genforce, ("synthesis.output0.style.weight", "w_avg"), names.hammer
)
GENFORCE = Naming(
    "stylegan2-genforce",
    _genforce,
    ("synthesis.output0.style.weight", "truncation.w_avg"),
    names.genforce,
)

FORMS = (
    Form(NVIDIA.form, NVIDIA.recognises, NVIDIA.build),
    Form(TENSORFLOW.form, TENSORFLOW.recognises, TENSORFLOW.build),
    Form(ROSINALITY.form, ROSINALITY.recognises, partial(_with_mean, ROSINALITY.build)),
    Form(HAMMER.form, HAMMER.recognises, HAMMER.build),
    Form(GENFORCE.form, GENFORCE.recognises, GENFORCE.build),
)
