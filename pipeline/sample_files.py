"""The numbers of every sample of a job as a file, for comparisons of jobs on the same samples."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor

from pipeline.disk import replace_file
from pipeline.measures import Measures
from pipeline.metrics.base import PerSampleMetric

SAMPLES = "samples.safetensors"
INDEX = "index"


def write_samples(by_strength: Mapping[float, Measures], path: Path) -> None:
    """Write what every metric of single images found, per strength, all at once.

    Raises:
        OSError: it cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    for strength, measures in by_strength.items():
        tensors |= {f"{strength:g}/{name}": v for name, v in per_sample(measures).items()}
    replace_file(path, save(tensors))


def per_sample(measures: Measures) -> dict[str, Tensor]:
    """Numbers of every sample ``[n]`` by name, sorted by ``index``."""
    found: dict[str, Tensor] = {}
    for metric in measures.metrics.values():
        if isinstance(metric, PerSampleMetric):
            found |= {name: v.contiguous().clone() for name, v in metric.per_sample().items()}
    return found


def read_samples(path: Path) -> Mapping[float, Mapping[str, Tensor]]:
    """What :func:`write_samples` wrote, by strength; empty where there is no such file."""
    if not path.is_file():
        return {}
    found: dict[float, dict[str, Tensor]] = {}
    for name, tensor in load(path.read_bytes()).items():
        strength, _, column = name.partition("/")
        found.setdefault(float(strength), {})[column] = tensor
    return dict(sorted(found.items()))


def matched(
    first: Mapping[str, Tensor], second: Mapping[str, Tensor], name: str
) -> tuple[Tensor, Tensor] | None:
    """A number of the same samples in two jobs; None where they saw different samples."""
    same = name in first and name in second and torch.equal(first[INDEX], second[INDEX])
    return (first[name], second[name]) if same else None
