"""Rendered faces and which of some attributes they have."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from pipeline.datasets.procfaces.dataset import Recipe, RenderedFaces
from pipeline.datasets.procfaces.factors import NAMES
from pipeline.errors import unknown_name


class AttributeFaces:
    """A folder of rendered faces with binary labels: a face has what is above the data's mean.

    Attributes:
        recipe: what the folder was rendered from.
        means: of the attributes' factors over all faces ``[k]``.
    """

    def __init__(self, folder: str | Path, attributes: Sequence[str]) -> None:
        """Open a folder.

        Raises:
            UserError: the folder is missing or not finished, or there is no such factor.
        """
        self._faces = RenderedFaces(folder)
        self.recipe: Recipe = self._faces.recipe
        if unknown := [name for name in attributes if name not in NAMES]:
            raise unknown_name("attribute", unknown[0], NAMES)
        self._columns = [NAMES.index(name) for name in attributes]
        self.means = self._factors(torch.arange(len(self._faces))).double().mean(0).float()

    def __len__(self) -> int:
        return len(self._faces)

    def images(self, index: Tensor) -> Tensor:
        """Images ``[n, 3, S, S]`` in [-1, 1] of the faces ``index``."""
        return self._faces.images(index)

    def labels(self, index: Tensor) -> Tensor:
        """Labels float32 ``[n, k]``: 1 for what a face has, 0 for what it lacks."""
        return (self._factors(index) > self.means).float()

    def _factors(self, index: Tensor) -> Tensor:
        return self._faces.factors(index)[:, self._columns]
