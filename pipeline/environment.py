"""What a run was made with: versions, machine, state of the checkout; nothing that names a user."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pipeline

CHECKOUT = Path(pipeline.__file__).parents[1]
PACKAGES = (
    "torchvision",
    "numpy",
    "scipy",
    "scikit-image",
    "scikit-learn",
    "hydra-core",
    "omegaconf",
    "safetensors",
    "pytorch-fid",
    "lpips",
    "wandb",
    "pillow",
    "matplotlib",
)
GIT_SECONDS = 10


def environment(device: str = "cpu") -> dict[str, object]:
    """What is needed to make the same numbers again, as JSON can hold it.

    Args:
        device: the torch device that the run computes on.
    """
    import torch

    chosen = torch.device(device)
    on_gpu = chosen.type == "cuda" and torch.cuda.is_available()
    return {
        "packages": {
            "local-gan-editing": pipeline.__version__,
            **_versions(),
            "torch": torch.__version__,  # with the build, which the installer's record lacks
        },
        "python": platform.python_version(),
        "platform": platform.platform(),
        "git": git_state(CHECKOUT),
        "device": str(chosen),
        "device_name": torch.cuda.get_device_name(chosen) if on_gpu else platform.machine(),
        "cuda": torch.version.cuda if on_gpu else None,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
    }


def git_state(folder: Path) -> dict[str, object] | None:
    """Commit of a checkout, and whether files differ from it or are new.

    None where the folder is not the top of a checkout, or there is no commit or no git.
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    changes = _git(folder, "status", "--porcelain")
    if top is None or commit is None or Path(top).resolve() != folder.resolve():
        return None
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None where there is no git, no checkout, or no answer in time."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "--no-optional-locks", *arguments],
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
