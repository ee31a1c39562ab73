"""What a command left behind, and whether that is what an undisturbed one leaves."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from pipeline.generators.fingerprints import tensor_hash

MEASURED = ("timings", "from_store", "environment", "discovery")  # seconds, and where spent
DIGITS = 1e-9  # linear algebra rounds by where its arrays lie in memory
ARRAYS = 1e-6


def results(folder: Path) -> dict[str, Any]:
    """The numbers and edits of every job in a folder, by the job's folder.

    Raises:
        ValueError: a file is there that cannot be read, which no fault excuses.
    """
    found = {}
    for file in sorted(folder.rglob("metrics.json")):
        name = file.parent.relative_to(folder).as_posix()
        try:
            numbers = json.loads(file.read_bytes())
            edits = load_file(file.parent / "edits.safetensors")
        except (ValueError, OSError, SafetensorError) as error:
            raise ValueError(f"{file.parent}: {error}") from error
        found[name] = {
            "numbers": {k: v for k, v in numbers.items() if k not in MEASURED},
            "edits": edits,
            "hash": tensor_hash(edits),
        }
    return found


def difference(found: Any, wanted: Any, path: str = "") -> str | None:
    """Where two results differ by more than rounding, in words; None where they do not."""
    pairs: Iterable[tuple[Any, Any, Any]]
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping) or found.keys() != wanted.keys():
            return f"{path}: {_names(found)} instead of {_names(wanted)}"
        pairs = ((key, found[key], wanted[key]) for key in wanted if key != "hash")
    elif isinstance(wanted, list):
        if not isinstance(found, list) or len(found) != len(wanted):
            return f"{path}: another number of entries"
        pairs = zip(range(len(wanted)), found, wanted, strict=True)
    else:
        return None if _same(found, wanted) else f"{path}: {_short(found)}, not {_short(wanted)}"
    differences = (difference(a, b, f"{path}/{key}") for key, a, b in pairs)
    return next((text for text in differences if text is not None), None)


def identical(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the edits of all jobs are the same to the last bit."""
    return {k: v["hash"] for k, v in found.items()} == {k: v["hash"] for k, v in wanted.items()}


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, torch.Tensor):
        return (
            isinstance(found, torch.Tensor)
            and found.shape == wanted.shape
            and torch.allclose(found.double(), wanted.double(), rtol=ARRAYS, atol=ARRAYS)
        )
    if isinstance(wanted, float) and isinstance(found, float):
        return math.isclose(found, wanted, rel_tol=DIGITS, abs_tol=1e-15)
    return bool(found == wanted)


def _names(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, Mapping) else type(value).__name__


def _short(value: Any) -> str:
    return f"array {list(value.shape)}" if isinstance(value, torch.Tensor) else str(value)[:60]
