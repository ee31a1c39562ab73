"""The file that edits are kept in: safetensors arrays with a JSON header among the metadata."""

import hashlib
import importlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, uint8

from pipeline.errors import UserError

FORMAT = 1


def write(path: Path, arrays: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write a file all at once: under a temporary name first, then renamed."""
    plain = {name: array.detach().cpu().clone().contiguous() for name, array in arrays.items()}
    full = {"format": FORMAT, "digest": _digest(plain), **header}
    data = save(plain, metadata={"edits": json.dumps(full)})
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Arrays and header of a file.

    Raises:
        UserError: the file is missing, damaged, no file of edits, or of a later format.
    """
    if not path.is_file():
        raise UserError(f"There are no edits at {path}: discover them first, or mend the path.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = json.loads(metadata["edits"])
        version, digest = header["format"], header["digest"]
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(path, error) from error
    if version != FORMAT:
        raise UserError(
            f"{path} has format {version}, this version reads {FORMAT}: discover again."
        )
    if digest != _digest(arrays):
        raise damaged(path, "its arrays are not those that were written")
    return arrays, header


def damaged(path: Path, reason: object) -> UserError:
    """The error for a file that does not hold what it should."""
    return UserError(
        f"{path} is damaged or no file of edits ({reason}): delete it, discover again."
    )


def class_path(cls: type) -> str:
    """What a class is stored as, e.g. ``pipeline.methods.edits.DirectionEdit``."""
    return f"{cls.__module__}.{cls.__qualname__}"


def find_class(path: str) -> object:
    """The object stored under a dotted path, if it lies in this package.

    Raises:
        ValueError: it lies outside of ``pipeline``, or there is no such thing.
    """
    module, _, name = path.rpartition(".")
    if not module.startswith("pipeline."):
        raise ValueError(f"{path} is not a class of this package")
    try:
        found: object = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"there is no {path}") from error
    return found


def _digest(arrays: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype} {tuple(array.shape)}\n".encode())
        digest.update(array.reshape(-1).view(uint8).numpy().data)
    return digest.hexdigest()
