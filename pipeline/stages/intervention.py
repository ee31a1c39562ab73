"""The stage that solves Style Intervention's coefficients, image batch by image batch."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from pipeline.evaluators.base import fingerprint_of
from pipeline.generators.base import Codes, Generator
from pipeline.keys import key
from pipeline.methods.intervention import Solution, SolvedLayer
from pipeline.methods.intervention_edit import InterventionEdit, code_names
from pipeline.stages.base import Progress, Stage, generator_settings
from pipeline.store import Store

BATCH = 32  # images solved together


@dataclass
class Intervening(Stage[Solution]):
    """Coefficients of one batch of codes.

    Every layer is stored when it is solved, so that a killed run goes on at the layer where it was.

    Attributes:
        edit: whose coefficients they are; it has seen a parser.
        codes: the batch.
        sense: 1 for more of the attribute, -1 for less.
        parser: what the parts are found by.
        layers: where solved layers are kept.
    """

    edit: InterventionEdit
    generator: Generator
    codes: Codes
    sense: int
    parser: object
    layers: Store
    name = "intervene"

    def settings(self) -> Mapping[str, Any]:
        """The edit, the codes, the generator and the parser."""
        return {
            "edit": self.edit.digest,
            "codes": code_names(self.codes),
            "sense": self.sense,
            "generator": generator_settings(self.generator),
            "parser": fingerprint_of(self.parser),
        }

    def compute(self, progress: Progress) -> Solution:
        """Solve layer by layer."""
        settings = dict(self.settings())

        def keep(layer: str, make: Callable[[], SolvedLayer]) -> SolvedLayer:
            told = {**settings, "layer": layer}
            own = key("intervene_layer", self.version, told, [])
            found = self.layers.get(
                "intervene_layer", own, lambda folder: _write(make(), folder), told
            )
            return SolvedLayer(**load_file(found.path / "layer.safetensors"))

        return self.edit.solve(self.generator, self.codes, self.sense, keep, progress)

    def save(self, result: Solution, folder: Path) -> None:
        """Coefficients and the course of the losses, in one file; what they are of in another."""
        tensors = {f.name: getattr(result, f.name).cpu().contiguous() for f in fields(Solution)}
        save_file(tensors, folder / "intervention.safetensors")
        notes = {"edit": self.edit.name, "attribute": self.edit.attribute, "sense": self.sense}
        (folder / "intervention.json").write_text(json.dumps(notes))

    def load(self, folder: Path) -> Solution:
        """Read them, onto the CPU."""
        return Solution(**load_file(folder / "intervention.safetensors"))


def _write(layer: SolvedLayer, folder: Path) -> None:
    tensors = {f.name: getattr(layer, f.name).cpu().contiguous() for f in fields(SolvedLayer)}
    save_file(tensors, folder / "layer.safetensors")
