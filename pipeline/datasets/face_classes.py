"""Kinds of faces that a person tells apart at a glance: labels of class-conditional generators."""

import torch
from torch import Tensor

from pipeline.datasets.procfaces.factors import NAMES, ONSETS

CLASSES: tuple[str, ...] = (
    "short_hair",
    "long_hair",
    "short_hair_glasses",
    "long_hair_glasses",
    "beard",
    "beard_glasses",
)
"""Every face is of one class, its index here; of a bearded face the hair does not count."""

LONG = 0.5
"""Length from which hair is long, about the median; a bald head counts as short."""


def classes_of(factors: Tensor) -> Tensor:
    """Classes int64 ``[n]`` of faces with these factors ``[n, len(FACTORS)]``, drawn or read.

    What many faces lack counts as there from half of its least value on.
    """
    beard, glasses, bald = (_there(factors, name) for name in ("beard", "glasses", "bald"))
    long = (factors[:, NAMES.index("hair_length")] >= LONG) & ~bald
    return torch.where(beard, 4 + glasses.long(), long.long() + 2 * glasses.long())


def _there(factors: Tensor, name: str) -> Tensor:
    return factors[:, NAMES.index(name)] >= ONSETS[name][1] / 2
