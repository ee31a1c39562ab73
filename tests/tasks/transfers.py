"""A small experiment of Editing in Style: a random network with a catalog of its own."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from pipeline.domains.judges import Judges
from pipeline.methods.catalog.building import Plan, build
from pipeline.methods.editing_in_style import EditingInStyle
from pipeline.regions.box import Box
from pipeline.runner import Runner
from pipeline.store import Store
from tests.generators.networks import small_network

NETWORK = small_network(dtype=torch.float32)
LABELS = {"mouth": (0,), "eyes": (1,)}


class Features:
    """The mean colour."""

    name, dim, fingerprint = "fd_test", 3, "test"

    def __call__(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))


def reference_images() -> Iterator[Tensor]:
    yield torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(3)) * 2 - 1


DOMAIN: Any = SimpleNamespace(
    name="test",
    fingerprint="test",
    parts=(),
    parser=None,
    reference_samples=12,
    reference_seed=0,
    reference_images=reference_images,
)


def experiment(folder: Path, features: bool = False) -> Any:
    """What tasks read of an experiment; the catalog has three clusters, two of them with names."""
    path = folder / "catalog.safetensors"
    if not path.exists():
        plan = Plan(layers=("b8.conv1",), clusters=(3,), samples=8, vectors=200, restarts=1)
        build(NETWORK, plan, 0).catalog.with_labels(LABELS).save(path)
    method = EditingInStyle(catalog=str(path), threshold=0.0)
    judges = Judges(Features() if features else None, None, None)
    region = Box("mouth", [0.7, 0.5], [0.2, 0.3])
    return SimpleNamespace(
        domain=DOMAIN, generator=NETWORK, method=method, region=region, judges=judges
    )


def config(samples: int = 10, **changes: Any) -> DictConfig:
    """What a task reads of a run's configuration."""
    return OmegaConf.create({"samples": samples, "seed": 0, "batch": 2, "shards": 1, **changes})


def runner(folder: Path) -> Runner:
    """With a store in the folder, and no record of what it did."""
    record: Any = SimpleNamespace(write=lambda row: None)
    return Runner(Store(folder / "store"), record)
