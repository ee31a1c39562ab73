"""The stage that measures how attributes vary over a generator's own pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from pipeline.evaluators.celeba import CelebaAttributes, Scale
from pipeline.generators.base import Generator
from pipeline.stages.base import Progress, Stage, generator_settings
from pipeline.stages.inputs import Sampling

SAMPLES = 512
"""Their standard deviation is known to 3 %, the same for every run of a generator."""

SEED = 0
RENDERED_AT_ONCE = 16


@dataclass
class Standardising(Stage[Scale]):
    """Mean and deviation of the log-odds of every attribute.

    Attributes:
        count: images that are read.
    """

    generator: Generator
    predictor: CelebaAttributes
    count: int = SAMPLES
    name = "standardise"

    def settings(self) -> Mapping[str, Any]:
        """Generator, weights and number; the seed is always the same."""
        return {
            "generator": generator_settings(self.generator),
            "predictor": self.predictor.weights,
            "count": self.count,
            "seed": SEED,
        }

    @torch.inference_mode()
    def compute(self, progress: Progress) -> Scale:
        """Draw codes, render them, read them; images are gone with their batch."""
        drawing = Sampling(self.generator, self.count, SEED, "standardise")
        codes = drawing.compute(lambda _done, _total: None)
        rows = []
        for start in range(0, len(codes), RENDERED_AT_ONCE):
            images = self.generator.render(codes[start : start + RENDERED_AT_ONCE]).clamp(-1, 1)
            rows.append(self.predictor.log_odds(images).cpu())
            progress(start + len(images), len(codes))
        return Scale.of(torch.cat(rows))

    def save(self, result: Scale, folder: Path) -> None:
        """One safetensors file."""
        save_file({"mean": result.mean, "std": result.std}, folder / "scale.safetensors")

    def load(self, folder: Path) -> Scale:
        """Read it, onto the CPU."""
        tensors = load_file(folder / "scale.safetensors")
        return Scale(tensors["mean"], tensors["std"])
