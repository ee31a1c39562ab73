"""The stage before StyleFlow's edits: the flow, which all attributes of a generator share."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from pipeline.generators.base import Generator
from pipeline.methods.flow_training import TrainedFlow
from pipeline.methods.labels import Labels
from pipeline.methods.styleflow import StyleFlow
from pipeline.methods.training_loop import Tell
from pipeline.stages.base import Progress, Stage, generator_settings
from pipeline.stages.checkpoint_file import CheckpointFile


@dataclass
class TrainingFlow(Stage[TrainedFlow]):
    """The flow that a method trains.

    Attributes:
        labels: the pairs, which have a key of their own.
        keeper: where an unfinished training lies; None where it need not survive.
        tell: called with every point of the curve.
    """

    method: StyleFlow
    generator: Generator
    labels: Labels
    seed: int
    keeper: CheckpointFile | None = None
    tell: Tell | None = None
    name = "flow"

    def settings(self) -> Mapping[str, Any]:
        """Shape, recipe, what the flow is told, generator and seed."""
        return {
            "shape": asdict(self.method.shape(1, 1)),
            "recipe": asdict(self.method.recipe),
            "conditions": self.method.conditions(),
            "generator": generator_settings(self.generator),
            "seed": self.seed,
        }

    def compute(self, progress: Progress) -> TrainedFlow:
        """Train, from where it was left."""
        training = self.method.training(self.generator, self.labels, self.seed)
        return training.run(self.keeper, self.tell, progress)

    def save(self, result: TrainedFlow, folder: Path) -> None:
        """Tensors in one file, numbers in another."""
        save_file({"weights": result.weights, "curve": result.curve}, folder / "flow.safetensors")
        told = {"nats": result.nats, "normal": result.normal}
        (folder / "flow.json").write_text(json.dumps(told))

    def load(self, folder: Path) -> TrainedFlow:
        """Read it, onto the CPU."""
        tensors: dict[str, Any] = load_file(folder / "flow.safetensors")
        return TrainedFlow(**tensors, **json.loads((folder / "flow.json").read_text()))
