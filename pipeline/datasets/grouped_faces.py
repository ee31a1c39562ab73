"""Rendered faces with the classes that a SemanticStyleGAN has local generators for."""

import torch
from torch import Tensor

from pipeline.datasets.procfaces.dataset import RenderedFaces
from pipeline.datasets.procfaces.parts import PARTS

GROUPS: dict[str, tuple[str, ...]] = {
    "background": ("background",),
    "skin": ("skin", "ears", "neck"),
    "nose": ("nose",),
    "eyes": ("eyes",),
    "brows": ("brows",),
    "mouth": ("mouth",),
    "hair": ("hair",),
    "clothes": ("clothes",),
    "beard": ("beard",),
    "glasses": ("glasses",),
}
"""Parts by class; what is of one colour is one class."""

CLASSES: tuple[str, ...] = tuple(GROUPS)


def class_of_part() -> Tensor:
    """The class of each part, uint8 ``[len(PARTS)]``."""
    numbers = [next(k for k, c in enumerate(CLASSES) if p in GROUPS[c]) for p in PARTS]
    return torch.tensor(numbers, dtype=torch.uint8)


class GroupedFaces(RenderedFaces):
    """A finished folder of rendered faces whose labels are classes."""

    classes = CLASSES
    transparent: tuple[str, ...] = ()

    def labels(self, index: Tensor) -> Tensor:
        """Classes uint8 ``[n, S, S]`` of the faces ``index`` (int64 ``[n]``)."""
        return class_of_part()[super().labels(index).long()]
