"""The project's own files of every architecture: the format of ``weights.py``, for all classes."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from pipeline.disk import Place, reason, replace_file
from pipeline.generators.base import Generator
from pipeline.generators.biggan import BigGAN, BigGANConfig
from pipeline.generators.biggan_deep import BigGANDeep, BigGANDeepConfig
from pipeline.generators.checkpoints.files import MISFITS, refuse
from pipeline.generators.checkpoints.hollow import Hollow
from pipeline.generators.fingerprints import tensor_hash
from pipeline.generators.pggan import PGGAN, PGGANConfig
from pipeline.generators.pix2pixhd import Pix2PixHD, Pix2PixHDConfig
from pipeline.generators.semantic_stylegan import SemanticStyleGAN, SemanticStyleGANConfig
from pipeline.generators.stylegan import StyleGAN, StyleGANConfig
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config
from pipeline.generators.stylegan3 import StyleGAN3, StyleGAN3Config
from pipeline.generators.weights import read_generator, stored

OWN = "safetensors of this project"
NETWORKS: dict[str, tuple[Any, Any]] = {
    "StyleGAN2": (StyleGAN2, StyleGAN2Config),
    "StyleGAN3": (StyleGAN3, StyleGAN3Config),
    "StyleGAN": (StyleGAN, StyleGANConfig),
    "PGGAN": (PGGAN, PGGANConfig),
    "BigGAN": (BigGAN, BigGANConfig),
    "BigGANDeep": (BigGANDeep, BigGANDeepConfig),
    "Pix2PixHD": (Pix2PixHD, Pix2PixHDConfig),
    "SemanticStyleGAN": (SemanticStyleGAN, SemanticStyleGANConfig),
}
"""Class and configuration by the name of the class, which the file's header holds."""

HEADER = {"class", "architecture", "provenance", "sha256"}


def is_own(path: Path) -> bool:
    """Whether a safetensors file has the header of this project's generators."""
    try:
        with safe_open(path, "pt") as file:
            return (file.metadata() or {}).keys() >= HEADER
    except (SafetensorError, OSError) as error:
        raise refuse(path, f"it is damaged ({reason(error)})") from error


def load_own(path: Path) -> Generator:
    """A generator of any architecture, from a file of this project's own.

    Raises:
        UserError: it is damaged, or of an architecture that is not known.
    """
    content = read_generator(path, "checkpoint")
    if content.kind not in NETWORKS:
        raise refuse(path, f"its class '{content.kind}' is none of {', '.join(NETWORKS)}")
    network, config = NETWORKS[content.kind]
    try:
        fields = content.architecture.items()
        lists = {k: tuple(v) if isinstance(v, list) else v for k, v in fields}
        with Hollow(2 * len(content.tensors) + 100):
            made: Generator = network(config(**lists))
        state = {name: tensor.clone() for name, tensor in content.tensors.items()}
        made.load_state_dict(state, assign=True)
    except MISFITS as error:
        why = reason(error)[:200]
        raise refuse(path, f"its tensors do not fit its architecture ({why})") from error
    return made.eval().requires_grad_(False)


def save_own(
    network: Any,
    path: Path,
    provenance: Mapping[str, Any] | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a generator of any architecture, all at once.

    Args:
        network: the generator.
        path: the file.
        provenance: how the weights came about; anything JSON can hold.
        dtype: of the weights; float16 halves the file.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    tensors = {k: v.cpu() for k, v in stored(network, dtype).items()}
    architecture = json.dumps(asdict(network.config))
    header = {
        "class": type(network).__name__,
        "architecture": architecture,
        "provenance": json.dumps(provenance or {}),
        "sha256": tensor_hash(tensors, architecture),
    }
    with Place("folder of the weights", path.parent, "OUT").writing():
        replace_file(path, save(tensors, header))
