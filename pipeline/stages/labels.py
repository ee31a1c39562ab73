"""The stage that reads the attributes of sampled codes, shard by shard."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from pipeline.evaluators.base import fingerprint_of
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.labels import Labels, read
from pipeline.methods.reader import Predictor
from pipeline.stages.base import Progress, Stage, generator_settings
from pipeline.stages.inputs import Sampling

SHARD = 1024


@dataclass
class Labelling(Stage[Labels]):
    """Attributes of the images of one shard of sampled codes.

    Attributes:
        shard: its number; all shards of a seed are different codes, whatever their number.
        count: codes in it.
    """

    generator: Generator
    predictor: Predictor
    shard: int
    count: int
    seed: int
    name = "label"

    def settings(self) -> Mapping[str, Any]:
        """Generator, predictor, shard and seed."""
        return {
            "generator": generator_settings(self.generator),
            "predictor": fingerprint_of(self.predictor),
            "shard": self.shard,
            "count": self.count,
            "seed": self.seed,
        }

    @torch.inference_mode()
    def compute(self, progress: Progress) -> Labels:
        """Draw codes, render them, read them; images are gone with their batch."""
        drawing = Sampling(self.generator, self.count, self.seed, f"label/{self.shard}")
        codes = drawing.compute(lambda _done, _total: None)
        return read(self.generator, self.predictor, codes, progress)

    def save(self, result: Labels, folder: Path) -> None:
        """Codes and attributes in one file, and their names in another."""
        tensors = {"codes": result.codes.values.contiguous(), "attributes": result.attributes}
        if result.codes.labels is not None:
            tensors["labels"] = result.codes.labels
        save_file(tensors, folder / "labels.safetensors")
        notes = {"space": result.codes.space, "names": result.names, "labeller": result.labeller}
        (folder / "labels.json").write_text(json.dumps(notes))

    def load(self, folder: Path) -> Labels:
        """Read them, onto the CPU."""
        tensors = load_file(folder / "labels.safetensors")
        notes = json.loads((folder / "labels.json").read_text())
        codes = Codes(Space(notes["space"]), tensors["codes"], tensors.get("labels"))
        return Labels(codes, tensors["attributes"], tuple(notes["names"]), notes["labeller"])


def shards(count: int) -> list[int]:
    """Sizes of the shards of so many samples: all full but the last."""
    return [min(SHARD, count - first) for first in range(0, count, SHARD)]
