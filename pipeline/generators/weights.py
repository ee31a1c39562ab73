"""The project's own weight files: safetensors with the architecture in the header."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from pipeline.errors import UserError
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config

ASSETS = Path(__file__).parents[1] / "assets"


def fingerprint(network: nn.Module, architecture: str) -> str:
    """Hash of an architecture and every tensor of a network, 16 hex digits."""
    digest = hashlib.sha256(architecture.encode())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def save_stylegan2(network: StyleGAN2, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write a StyleGAN2 with its architecture; ``dtype`` float16 halves the file."""
    tensors = {k: v.to(dtype).contiguous() for k, v in network.state_dict().items()}
    architecture = json.dumps(asdict(network.config))
    save_file(tensors, path, {"class": "StyleGAN2", "architecture": architecture})


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
        UserError: the file is missing, damaged, or holds something else.
    """
    file = Path(path) if Path(path).exists() else ASSETS / path
    if not file.exists():
        raise UserError(f"generator={name}: there is no weights file '{path}'.")
    try:
        with safe_open(file, "pt") as opened:
            header = opened.metadata() or {}
            tensors = {k: opened.get_tensor(k).float() for k in opened.keys()}  # noqa: SIM118
        fields = json.loads(header["architecture"])
        config = StyleGAN2Config(**fields | {"channels": tuple(fields["channels"])})
        network = StyleGAN2(config, truncation_psi, truncation_cutoff)
        network.load_state_dict(tensors)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"generator={name}: the weights file '{file.name}' is damaged or not a StyleGAN2 of "
            f"this project ({reason}). Restore it with: git checkout -- {file.name}, or fetch it."
        ) from error
    network.name = name
    network.fingerprint = fingerprint(network, header["architecture"])
    return network.eval().requires_grad_(False)
