"""The stages before NaviGAN's directions: the spectrum of a kernel, and training.

Both take long, and neither depends on a region: all runs of a layer share them.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from pipeline.evaluators.base import fingerprint_of
from pipeline.generators.base import Codes, Generator
from pipeline.methods.kernel_basis import Basis
from pipeline.methods.navigan_optimization import TrainedMethod
from pipeline.methods.navigan_spectrum import HessianSpectrum, SpectralMethod
from pipeline.methods.shift_training import Trained
from pipeline.methods.training_loop import Tell
from pipeline.stages.base import Progress, Stage, generator_settings
from pipeline.stages.checkpoint_file import CheckpointFile


@dataclass
class TakingSpectrum(Stage[HessianSpectrum]):
    """The leading eigenvectors that a method asks for."""

    method: SpectralMethod
    generator: Generator
    codes: Codes
    seed: int
    name = "spectrum"

    def settings(self) -> Mapping[str, Any]:
        """Recipe, generator, distance and seed; the codes have a key."""
        return {
            "recipe": asdict(self.method.spectral),
            "generator": generator_settings(self.generator),
            "distance": fingerprint_of(self.method.embedding),
            "seed": self.seed,
        }

    def compute(self, progress: Progress) -> HessianSpectrum:
        """Take it."""
        recipe, embedding = self.method.spectral, self.method.embedding
        return recipe.taken(self.generator, self.codes, embedding, self.seed, progress)

    def save(self, result: HessianSpectrum, folder: Path) -> None:
        """Tensors in one file, the count of passes in another."""
        told = {"shifts": result.shifts, "values": result.values, "residuals": result.residuals}
        tensors = {name: tensor.cpu().contiguous() for name, tensor in told.items()}
        save_file(tensors, folder / "spectrum.safetensors")
        (folder / "spectrum.json").write_text(json.dumps({"passes": result.passes}))

    def load(self, folder: Path) -> HessianSpectrum:
        """Read it, onto the CPU."""
        tensors: dict[str, Any] = load_file(folder / "spectrum.safetensors")
        return HessianSpectrum(**tensors, **json.loads((folder / "spectrum.json").read_text()))


@dataclass
class TrainingShifts(Stage[Trained]):
    """The directions that a method trains.

    Attributes:
        basis: what they are mixed of; it follows from the method and the stages before.
        keeper: where an unfinished training lies; None where it need not survive.
        tell: called with every point of the curve.
    """

    method: TrainedMethod
    generator: Generator
    basis: Basis
    seed: int
    keeper: CheckpointFile | None = None
    tell: Tell | None = None
    name = "train"

    def settings(self) -> Mapping[str, Any]:
        """Recipe, layer, kind of basis, generator, how it is sampled, and seed."""
        return {
            "recipe": asdict(self.method.recipe),
            "layer": self.method.layer,
            "basis": type(self.basis).__name__,
            "generator": generator_settings(self.generator),
            "sampling": self.generator.sampling,
            "seed": self.seed,
        }

    def compute(self, progress: Progress) -> Trained:
        """Train, from where it was left."""
        training = self.method.training(self.generator, self.basis, self.seed)
        return training.run(self.keeper, self.tell, progress)

    def save(self, result: Trained, folder: Path) -> None:
        """Tensors in one file, numbers in another."""
        tensors = {"coefficients": result.coefficients.contiguous(), "curve": result.curve}
        save_file(tensors, folder / "trained.safetensors")
        told = {"accuracy": result.accuracy, "error": result.error, "range": result.range}
        (folder / "trained.json").write_text(json.dumps(told))

    def load(self, folder: Path) -> Trained:
        """Read it, onto the CPU."""
        tensors: dict[str, Any] = load_file(folder / "trained.safetensors")
        return Trained(**tensors, **json.loads((folder / "trained.json").read_text()))
