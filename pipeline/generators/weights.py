"""The project's own generator files: safetensors with the architecture in the header."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from pipeline.disk import Place, reason, replace_file
from pipeline.errors import UserError
from pipeline.generators.fingerprints import tensor_hash
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config

ASSETS = Path(__file__).parents[1] / "assets"


@dataclass(frozen=True)
class GeneratorFile:
    """The content of a generator file.

    Attributes:
        kind: name of the network's class.
        architecture: the configuration of the network, by field.
        provenance: how the weights came about.
        tensors: by name, float32.
    """

    kind: str
    architecture: dict[str, Any]
    provenance: dict[str, Any]
    tensors: dict[str, Tensor]


def stored(network: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """The tensors of a network as a file of this type keeps them: vectors stay in float32."""
    state = network.state_dict()
    return {k: (v.to(dtype) if v.ndim > 1 else v.float()).contiguous() for k, v in state.items()}


def save_stylegan2(
    network: StyleGAN2,
    path: Path,
    dtype: torch.dtype = torch.float32,
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write a StyleGAN2 with its architecture, all at once.

    Args:
        network: the network.
        path: the file.
        dtype: of the weights; float16 halves the file.
        provenance: how the weights came about; anything JSON can hold.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    tensors = {name: tensor.cpu() for name, tensor in stored(network, dtype).items()}
    header = {
        "class": "StyleGAN2",
        "architecture": network.architecture,
        "provenance": json.dumps(provenance or {}),
        "sha256": tensor_hash(tensors, network.architecture),
    }
    with Place("folder of the weights", path.parent, "--out").writing():
        replace_file(path, save(tensors, header))


def read_generator(
    path: str | Path, name: str = "stylegan2", role: str = "generator"
) -> GeneratorFile:
    """Read and verify a generator file.

    Args:
        path: the file, or the name of one of the shipped assets.
        name: the name the network goes by in errors.
        role: what it is configured as.

    Raises:
        UserError: the file is missing, damaged, or holds something else.
    """
    file = _find(path, name, role)
    try:
        with safe_open(file, "pt") as opened:
            header = opened.metadata() or {}
            tensors = {k: opened.get_tensor(k) for k in opened.keys()}  # noqa: SIM118
        if not {"class", "architecture", "provenance", "sha256"} <= header.keys():
            raise ValueError("its header is another project's")
        if header["sha256"] != tensor_hash(tensors, header["architecture"]):
            raise ValueError("wrong checksum")
        architecture, provenance = (json.loads(header[k]) for k in ("architecture", "provenance"))
    except (SafetensorError, ValueError, OSError) as error:
        raise _unusable(file, name, error, role) from error
    floats = {name: tensor.float() for name, tensor in tensors.items()}
    return GeneratorFile(header["class"], architecture, provenance, floats)


def load_stylegan2(
    path: str | Path,
    name: str,
    truncation_psi: float = 1.0,
    truncation_cutoff: int | None = None,
) -> StyleGAN2:
    """Read a StyleGAN2 from the project's own file, in float32, ready for evaluation.

    Args:
        path: the file, or the name of one of the shipped assets.
        name: the name the generator goes by.
        truncation_psi: see :class:`StyleGAN2`.
        truncation_cutoff: see :class:`StyleGAN2`.

    Raises:
        UserError: the file is missing, damaged, or holds something else; or the cutoff is wrong.
    """
    content = read_generator(path, name)
    try:
        if content.kind != "StyleGAN2":
            raise ValueError(f"it holds a {content.kind}")
        channels = tuple(content.architecture["channels"])
        config = StyleGAN2Config(**content.architecture | {"channels": channels})
        network = StyleGAN2(config, truncation_psi, truncation_cutoff)
        network.load_state_dict(content.tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _unusable(_find(path, name), name, error) from error
    network.name = name
    return network.eval().requires_grad_(False)


def _find(path: str | Path, name: str, role: str = "generator") -> Path:
    file = Path(path) if Path(path).exists() else ASSETS / path
    if not file.exists():
        raise UserError(
            f"{role}={name}: there is no weights file '{path}', neither here nor in {ASSETS}."
        )
    return file


def _unusable(file: Path, name: str, error: Exception, role: str = "generator") -> UserError:
    shipped = file.parent == ASSETS
    remedy = f"git checkout -- {file}" if shipped else "get it again, or give another file"
    return UserError(
        f"{role}={name}: the weights file '{file}' is damaged or not a {role} of this "
        f"project ({reason(error)}). To mend it: {remedy}."
    )
