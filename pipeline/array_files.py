"""Further numbers of a task's job as a file, for comparisons of jobs on the same samples."""

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load, save
from torch import Tensor

from pipeline.disk import replace_file

ARRAYS = "arrays.safetensors"


def write_arrays(arrays: Mapping[str, Tensor], folder: Path) -> None:
    """Write arrays by name into a job's folder, all at once; nothing where there are none.

    Raises:
        OSError: they cannot be written.
    """
    if arrays:
        tensors = {name: array.detach().cpu().contiguous() for name, array in arrays.items()}
        replace_file(folder / ARRAYS, save(tensors))


def read_arrays(folder: Path) -> dict[str, Tensor]:
    """What :func:`write_arrays` wrote; empty where there is no such file."""
    path = folder / ARRAYS
    return load(path.read_bytes()) if path.is_file() else {}
