"""What this machine has for a run: device, memory and disk, asked without loading torch."""

import os
import platform
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.weights.cache import find

GB = 1e9
LIBRARIES = 1.2 * GB  # a process of the embedded domain at its peak, measured: all but the images
IMAGE = 0.5 * GB  # the activations of one image of 1024 px, a rough upper bound
JOB = 0.02 * GB  # what a job of the embedded domain leaves in output folder and store together
NVIDIA = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
MEMORY_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_SIZE = re.compile(r"(\d+) (?:x \d+|px)")


def check_device(name: str) -> None:
    """Refuse a device that is not here.

    Raises:
        UserError: there is none of its kind.
    """
    kind = name.partition(":")[0]
    if kind in ("auto", "cpu") or (kind == "cuda" and has_gpu()):
        return
    if kind == "mps" and platform.system() == "Darwin":
        return
    if kind not in ("cuda", "mps"):
        raise UserError(f"device={name}: allowed are auto, cpu, cuda, cuda:NUMBER and mps.")
    raise UserError(f"device={name}: there is no such device here; take device=auto or cpu.")


def has_gpu() -> bool:
    """Whether there is an NVIDIA driver with a device."""
    return any(path.exists() for path in NVIDIA)


def check_memory(config: Mapping[str, Any], about: str, pictures: int, at_once: int = 1) -> None:
    """Refuse batches that cannot fit into this machine's memory; a GPU's is not known here.

    Args:
        config: of one job.
        about: what the generator's configuration says of it, with the size of its images.
        pictures: how many it measures.
        at_once: how many jobs run side by side.

    Raises:
        UserError: the rough need is more than all memory.
    """
    if str(config["device"]) not in ("auto", "cpu") or (config["device"] == "auto" and has_gpu()):
        return
    need, there = at_once * memory_needed(config, about, pictures), memory()
    if there is not None and need > there:
        batch = max(1, int(config["batch"]) // 8)
        raise UserError(
            f"batch={config['batch']}: needs about {need / GB:.3g} GB, and this machine has "
            f"{there / GB:.3g} GB: add batch={batch}"
            + (", or run fewer jobs at a time." if at_once > 1 else ".")
        )


def memory_needed(config: Mapping[str, Any], about: str, pictures: int) -> float:
    """Bytes that a job takes at its peak, roughly: libraries, weights and a batch of images."""
    size = _SIZE.search(about)
    share = (int(size.group(1)) / 1024) ** 2 if size else 1 / 256
    name = config["generator"].get("weights")
    file = find(str(name)) if name is not None else None
    weights = 2 * file.stat().st_size if file else 0
    return LIBRARIES + weights + min(int(config["batch"]), pictures) * IMAGE * share


def memory() -> float | None:
    """Bytes of memory that a process may use; None where the system does not say."""
    try:
        total = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        return None
    return min([total, *filter(None, map(_limit, MEMORY_LIMITS))])


def check_disk(folder: Path, key: str, jobs: int) -> None:
    """Refuse a disk without room for what a command leaves.

    Args:
        folder: where it is left; it need not exist.
        key: the configuration key that moves it.
        jobs: how many there are.

    Raises:
        UserError: the room is less than a small job of each would take.
    """
    standing = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(standing).free
    if free < jobs * JOB:
        raise UserError(
            f"{key}={folder}: {free / GB:.2g} GB are free, and {jobs} job(s) leave about "
            f"{jobs * JOB / GB:.2g} GB; make room, or give another folder."
        )


def _limit(file: Path) -> float | None:
    """A limit of the process's control group."""
    try:
        return float(file.read_text())
    except (OSError, ValueError):
        return None
