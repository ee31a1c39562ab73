"""The stage that edits and measures, shard by shard."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from pipeline.generators.base import Codes, Generator
from pipeline.measures import MeasureFactory, Measures
from pipeline.methods.edits import Edit
from pipeline.regions.region import Region
from pipeline.stages.base import Progress, Stage, generator_settings


@dataclass(frozen=True)
class Trial:
    """One edit at one step.

    Attributes:
        label: what tells it from the other trials, e.g. its strength.
        edit: the edit; None leaves the images as they are.
        step: in latent units.
    """

    label: str
    edit: Edit | None
    step: float = 0.0


@dataclass
class Evaluating(Stage[dict[str, Measures]]):
    """Edits some samples in every way wanted and measures each.

    Attributes:
        codes: the samples of this shard.
        first: global number of the first of them.
        trials: what is done to them.
        references: codes of the images that edits take from, one per sample; they have a key of
            their own. None where edits take from none.
    """

    trials: list[Trial]
    generator: Generator
    codes: Codes
    first: int
    region: Region
    region_settings: Mapping[str, Any]
    factory: MeasureFactory
    batch: int
    name: str = "edit"
    references: Codes | None = None

    def settings(self) -> Mapping[str, Any]:
        """Trials, samples, region and metrics; the edits have keys of their own."""
        return {
            "trials": [
                [t.label, t.edit.name if t.edit else None, round(t.step, 12)] for t in self.trials
            ],
            "generator": generator_settings(self.generator),
            "first": self.first,
            "count": len(self.codes),
            "region": self.region_settings,
            "metrics": self.factory.settings(),
            "batch": self.batch,
        }

    @torch.inference_mode()
    def compute(self, progress: Progress) -> dict[str, Measures]:
        """Every batch is rendered once unedited and once per trial."""
        results = {trial.label: self.factory.new() for trial in self.trials}
        for start in range(0, len(self.codes), self.batch):
            rows = slice(start, start + self.batch)
            codes, references = self.codes[rows], None
            if self.references is not None:
                references = self.references[rows]
            original = self.generator.render(codes).clamp(-1, 1)
            mask = self.region.mask(self.generator.resolution, original)
            index = torch.arange(len(codes)) + self.first + start
            for trial in self.trials:
                edited = original
                if trial.edit is not None:
                    edited = trial.edit.apply(self.generator, codes, trial.step, references)
                    edited = edited.clamp(-1, 1)
                results[trial.label].update(original, edited, mask, index)
            progress(start + len(codes), len(self.codes))
        return results

    def save(self, result: dict[str, Measures], folder: Path) -> None:
        """The state of every trial's metrics."""
        for number, trial in enumerate(self.trials):
            state = {k: v.clone().contiguous() for k, v in result[trial.label].state().items()}
            save_file(state, folder / f"trial_{number}.safetensors")

    def load(self, folder: Path) -> dict[str, Measures]:
        """Read them."""
        return {
            trial.label: self.factory.from_state(load_file(folder / f"trial_{number}.safetensors"))
            for number, trial in enumerate(self.trials)
        }
