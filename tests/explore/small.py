"""A session on a small random generator, under the name of the embedded one."""

from pathlib import Path

import torch

from pipeline.explore.session import Session
from pipeline.generators.checkpoints.own import save_own
from tests.generators.networks import small_network

GENERATOR = "stylegan2_procfaces"
OPTIONS = ("method.num_directions=2",)


def small_file(folder: Path) -> Path:
    path = folder / "small.safetensors"
    save_own(small_network(dtype=torch.float32), path, {})
    return path


def session_in(folder: Path, generator: Path) -> Session:
    """Everything that it writes lies in the folder."""
    judges = ("metric.id=none", "metric.lpips=none", f"generator.path='{generator}'")
    return Session(
        folder / "store",
        folder / "out",
        threads=1,
        overrides=judges,
        names=folder / "conf",
        named=folder / "edits",
    )
