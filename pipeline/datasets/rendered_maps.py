"""Part maps of faces that are drawn when asked for: what a label-to-face network paints."""

import hashlib
from functools import cached_property

import torch
from torch import Tensor

from pipeline.datasets.procfaces.dataset import renderer_fingerprint
from pipeline.datasets.procfaces.factors import sample_factors
from pipeline.datasets.procfaces.render import render
from pipeline.errors import UserError
from pipeline.generators.label_maps import LabelMaps


class RenderedMaps:
    """Part maps of faces of the embedded domain; classes are indices into ``PARTS``.

    Args:
        count: how many there are.
        seed: of their factors. Faces of one seed and count are always the same; the networks were
            trained on faces of other seeds.
        size: height and width.

    Raises:
        UserError: the count is below 1.
    """

    def __init__(self, count: int = 10_000, seed: int = 11, size: int = 64) -> None:
        if count < 1:
            raise UserError(f"maps={count}: there must be at least one label map.")
        self.count, self.seed, self.size = count, seed, size

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: Tensor) -> LabelMaps:
        """The maps of some numbers, int64 ``[n]``."""
        return LabelMaps(render(self.factors[index], self.size).labels)

    @cached_property
    def factors(self) -> Tensor:
        """What the faces are drawn from, ``[count, len(FACTORS)]``."""
        return sample_factors(self.count, torch.Generator().manual_seed(self.seed))

    @property
    def fingerprint(self) -> str:
        """Hash of what the maps follow from, 16 hex digits."""
        text = f"{renderer_fingerprint()} {self.count} {self.seed} {self.size}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]
