"""The stage that gives every sample another one to take from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.stages.base import Progress, Stage, seeded


@dataclass
class Pairing(Stage[Tensor]):
    """For every code the number of its reference among the same codes, int64 ``[count]``."""

    count: int
    seed: int
    name = "references"

    def settings(self) -> Mapping[str, Any]:
        """How many there are, and the seed."""
        return {"count": self.count, "seed": self.seed}

    def compute(self, progress: Progress) -> Tensor:
        """Draw them."""
        return derangement(self.count, seeded(self.seed, "references"))

    def save(self, result: Tensor, folder: Path) -> None:
        """One JSON file."""
        (folder / "references.json").write_text(json.dumps(result.tolist()))

    def load(self, folder: Path) -> Tensor:
        """Read it."""
        return torch.tensor(json.loads((folder / "references.json").read_text()))


def derangement(count: int, random: torch.Generator) -> Tensor:
    """A permutation of ``count`` numbers that moves every one, all such equally likely.

    Raises:
        UserError: there is only one.
    """
    if count < 2:
        raise UserError(
            f"There is {count} sample to edit, and none other to take from: use samples=2 or more "
            "(with codes=inversion two pictures or more)."
        )
    start = torch.arange(count)
    while True:  # e tries on average
        drawn = torch.randperm(count, generator=random)
        if not bool((drawn == start).any()):
            return drawn
