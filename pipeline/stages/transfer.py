"""The stage that transfers parts between pairs of samples and measures, shard by shard."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline.evaluators.base import FeatureExtractor, fingerprint_of
from pipeline.generators.base import Codes, Generator
from pipeline.methods.edits import Edit
from pipeline.metrics.base import Metric
from pipeline.metrics.colour import Lab
from pipeline.metrics.feature_statistics import FeatureStatistics
from pipeline.metrics.frechet import FrechetDistance
from pipeline.metrics.masked_mse import MaskedMSE
from pipeline.metrics.region_error import RegionError
from pipeline.stages.base import Progress, Stage, generator_settings


class Measure(StrEnum):
    """What is measured of a transfer."""

    ERROR = "error"
    """In- and Out-MSE of every pair."""
    MAP = "map"
    """Also in CIELAB, with the mean error per pixel."""
    DISTANCE = "distance"
    """Fréchet distance to the data."""
    DRIFT = "drift"
    """Fréchet distance to the unedited images of the same pairs."""


@dataclass(frozen=True)
class Transfer:
    """One way to transfer a part.

    Attributes:
        label: what tells it from the others, e.g. ``sequential/mouth/8``.
        edit: takes the part from the reference; None leaves the target as it is.
        strength: how much of it.
        parts: the parts whose masks it is measured with.
        measures: what is measured.
    """

    label: str
    edit: Edit | None
    strength: float
    parts: Sequence[str]
    measures: Sequence[Measure] = (Measure.ERROR,)


class PartMasks(ABC):
    """Knows where the parts of a picture are."""

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """What the masks depend on, besides generator and codes."""

    @abstractmethod
    def find(self, generator: Generator, codes: Codes, parts: Sequence[str]) -> dict[str, Tensor]:
        """Masks of the parts at the generator's resolution, ``[n, H, W]`` each, 1 inside."""


@dataclass(frozen=True)
class Instruments:
    """What measures.

    Attributes:
        extractor: makes features; None where no Fréchet distance is asked for.
        reference: statistics of the data, likewise.
        lab: which CIELAB the maps are in.
    """

    extractor: FeatureExtractor | None = None
    reference: FeatureStatistics | None = None
    lab: Lab = Lab.CORRECT

    def settings(self) -> Mapping[str, Any]:
        """What the numbers depend on."""
        return {
            "extractor": None if self.extractor is None else fingerprint_of(self.extractor),
            "reference": None if self.reference is None else self.reference.fingerprint,
            "lab": self.lab,
        }

    def recipe(self, measure: Measure) -> tuple[type[Metric], tuple[Any, ...]]:
        """Class and constructor arguments of the metric."""
        match measure:
            case Measure.ERROR:
                return RegionError, ()
            case Measure.MAP:
                return MaskedMSE, (self.lab,)
            case Measure.DISTANCE:
                return FrechetDistance, (self.extractor, self.reference)
            case Measure.DRIFT:
                return FrechetDistance, (self.extractor, None)


Measured = dict[tuple[str, str, Measure], Metric]
"""Metrics by label of the transfer, part and measure."""


def merge(total: Measured, shard: Measured) -> None:
    """Take in what another shard measured."""
    for key, metric in shard.items():
        if key in total:
            total[key].merge(metric)
        else:
            total[key] = metric


@dataclass
class Transferring(Stage[Measured]):
    """Transfers parts between the pairs of one shard, in every way wanted, and measures each.

    Attributes:
        transfers: the ways.
        masks: where the targets' parts are; edits are measured with them.
        targets: codes of the images that are edited.
        references: codes of those that are taken from, one per target.
        first: global number of the first pair.
    """

    transfers: Sequence[Transfer]
    masks: PartMasks
    generator: Generator
    targets: Codes
    references: Codes
    first: int
    instruments: Instruments
    batch: int
    name: str = "transfer"

    def settings(self) -> Mapping[str, Any]:
        """Transfers, masks, pairs and measures; the codes have keys of their own."""
        return {
            "transfers": [
                {
                    "label": t.label,
                    "edit": None if t.edit is None else t.edit.settings(),
                    "strength": round(t.strength, 12),
                    "parts": list(t.parts),
                    "measures": list(t.measures),
                }
                for t in self.transfers
            ],
            "masks": self.masks.settings(),
            "instruments": self.instruments.settings(),
            "generator": generator_settings(self.generator),
            "first": self.first,
            "count": len(self.targets),
            "batch": self.batch,
        }

    @torch.inference_mode()
    def compute(self, progress: Progress) -> Measured:
        """Every batch is rendered once unedited and once per transfer."""
        results = {key: cls(*args) for key, cls, args in self._recipes()}
        parts = list(dict.fromkeys(part for t in self.transfers for part in t.parts))
        for start in range(0, len(self.targets), self.batch):
            rows = slice(start, start + self.batch)
            targets, references = self.targets[rows], self.references[rows]
            index = torch.arange(len(targets)) + self.first + start
            original = self.generator.render(targets).clamp(-1, 1)
            masks = self.masks.find(self.generator, targets, parts)
            for transfer in self.transfers:
                edited = original
                if transfer.edit is not None:
                    edited = transfer.edit.apply(
                        self.generator, targets, transfer.strength, references
                    ).clamp(-1, 1)
                for label, part, measure in self._keys(transfer):
                    metric = results[label, part, measure]
                    metric.update(original, edited, masks[part], index)
            progress(start + len(targets), len(self.targets))
        return results

    def save(self, result: Measured, folder: Path) -> None:
        """The states of all metrics in one file."""
        state = {
            f"{number}/{name}": tensor.clone().contiguous()
            for number, metric in enumerate(result.values())
            for name, tensor in metric.state().items()
        }
        save_file(state, folder / "measures.safetensors")

    def load(self, folder: Path) -> Measured:
        """Read them."""
        states: dict[str, dict[str, Tensor]] = {}
        for name, tensor in load_file(folder / "measures.safetensors").items():
            number, _, rest = name.partition("/")
            states.setdefault(number, {})[rest] = tensor
        return {
            key: cls.from_state(states[str(number)], *args)
            for number, (key, cls, args) in enumerate(self._recipes())
        }

    def _keys(self, transfer: Transfer) -> Iterator[tuple[str, str, Measure]]:
        """What is measured of a transfer; distances do not look at masks, so once is enough."""
        for measure in transfer.measures:
            whole = measure in (Measure.DISTANCE, Measure.DRIFT)
            for part in transfer.parts[:1] if whole else transfer.parts:
                yield transfer.label, part, measure

    def _recipes(self) -> Iterator[tuple[tuple[str, str, Measure], type[Metric], tuple[Any, ...]]]:
        for transfer in self.transfers:
            for key in self._keys(transfer):
                yield key, *self.instruments.recipe(key[2])
