"""Reading and writing the evaluators' shipped weights: half precision, with their provenance."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor, nn

from pipeline.errors import UserError

FOLDER = Path(__file__).resolve().parents[1] / "assets"
REMEDY = "Restore it with 'git checkout', or train it again: python scripts/train_evaluators.py"


@dataclass(frozen=True)
class Shipped:
    """The content of a weights file.

    Attributes:
        tensors: by name, float32.
        provenance: what the file says of itself: configuration, recipe of the data, seed, quality.
        fingerprint: hash of the stored tensors.
    """

    tensors: dict[str, Tensor]
    provenance: dict[str, Any]
    fingerprint: str

    def load_into(self, module: nn.Module, path: Path) -> None:
        """Put the tensors into a module that has exactly these names and shapes.

        Raises:
            UserError: it has others.
        """
        try:
            module.load_state_dict(self.tensors)
        except RuntimeError as error:
            raise UserError(
                f"'{path}' holds another network than this version's. {REMEDY}"
            ) from error


def save(path: Path, module: nn.Module, provenance: Mapping[str, Any]) -> None:
    """Write a module's state: weights as float16, vectors (biases, statistics) as float32."""
    state = module.state_dict()
    halves = {k: v.half() if v.ndim > 1 else v.float() for k, v in state.items()}
    tensors = {k: v.contiguous().cpu() for k, v in halves.items()}
    metadata = {"provenance": json.dumps(provenance), "sha256": digest(tensors)}
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(serialise(tensors, metadata))
    os.replace(temporary, path)


def load(path: Path) -> Shipped:
    """Read a weights file.

    Raises:
        UserError: it is missing or damaged.
    """
    if not path.exists():
        raise UserError(f"No weights file '{path}'. {REMEDY}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        provenance = json.loads(metadata["provenance"])
        intact = metadata["sha256"] == digest(tensors)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise UserError(f"The weights file '{path}' is damaged. {REMEDY}") from error
    if not intact:
        raise UserError(f"The weights file '{path}' is damaged (wrong checksum). {REMEDY}")
    floats = {name: tensor.float() for name, tensor in tensors.items()}
    return Shipped(floats, provenance, metadata["sha256"][:16])


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Hash of tensors by name."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
