"""What a stage is: it takes artefacts and gives one artefact, and does not know the runner.

A stage says what its result depends on (``settings``; the keys of the stages before it are the
runner's business), computes it, and can write and read it. The runner does the rest.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from pipeline.generators.base import Generator

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""Called with the units of work done and to be done."""


class Stage(ABC, Generic[T]):
    """One step of a run.

    Attributes:
        name: what it is called in timings and in the store.
        version: raised whenever its results change for the same settings.
    """

    name: str
    version: int = 1

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Everything its result depends on, but for the stages before it."""

    @abstractmethod
    def compute(self, progress: Progress) -> T:
        """The result."""

    @abstractmethod
    def save(self, result: T, folder: Path) -> None:
        """Write the result into a folder."""

    @abstractmethod
    def load(self, folder: Path) -> T:
        """Read it again."""


def generator_settings(generator: Generator) -> dict[str, Any]:
    """Weights and truncation of a generator: what its images depend on."""
    return {
        "fingerprint": generator.fingerprint,
        "truncation_psi": getattr(generator, "truncation_psi", None),
        "truncation_cutoff": getattr(generator, "truncation_cutoff", None),
    }


def seeded(seed: int, *purpose: object) -> torch.Generator:
    """A random generator of its own for every purpose of a run's one seed."""
    text = "/".join(map(str, (seed, *purpose)))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
    return torch.Generator().manual_seed(number)
