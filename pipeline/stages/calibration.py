"""The stage that finds out what every direction does, how far it must go, and which one to use."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.attributes import Unit, calibrate
from pipeline.domains import ProcFaces
from pipeline.errors import UserError
from pipeline.evaluators.base import fingerprint_of
from pipeline.generators.base import Codes, Generator
from pipeline.methods.edits import Edit, Edits
from pipeline.regions.region import Region
from pipeline.stages.base import Progress, Stage, generator_settings

COVERED = 0.5  # a region edits a part when it holds at least this share of the part's pixels


@dataclass(frozen=True)
class Calibration:
    """What every direction does and which one is used.

    Attributes:
        attributes: names of the attributes that the predictor reads.
        inside: those that belong to the region.
        outside: those that do not.
        units: per direction, how far it goes for a change of its attribute by one.
        selected: index of the direction to use.
    """

    attributes: tuple[str, ...]
    inside: tuple[str, ...]
    outside: tuple[str, ...]
    units: tuple[Unit, ...]
    selected: int

    @property
    def unit(self) -> Unit:
        """The unit of the selected direction."""
        return self.units[self.selected]


@dataclass
class Calibrating(Stage[Calibration]):
    """Tries every direction on some codes.

    Attributes:
        attribute: the attribute wanted; None leaves every direction its most selective one.
        direction: index of the direction wanted; None leaves the choice to the stage.
    """

    edits: Edits
    generator: Generator
    codes: Codes
    region: Region
    region_settings: Mapping[str, Any]
    domain: ProcFaces
    attribute: str | None
    direction: int | None
    name = "calibrate"
    version = 2

    def settings(self) -> Mapping[str, Any]:
        """Region, attribute, direction, and the networks that look."""
        return {
            "region": self.region_settings,
            "generator": generator_settings(self.generator),
            "attribute": self.attribute,
            "direction": self.direction,
            "predictor": fingerprint_of(self.domain.predictor),
            "parser": fingerprint_of(self.domain.parser),
        }

    def compute(self, progress: Progress) -> Calibration:
        """Walk along every direction both ways."""
        if self.direction is not None and self.direction >= len(self.edits):
            raise UserError(
                f"direction={self.direction}: there are {len(self.edits)} directions, 0 to "
                f"{len(self.edits) - 1}; method.num_directions={self.direction + 1} finds enough."
            )
        with torch.inference_mode():
            originals = self.generator.render(self.codes).clamp(-1, 1)
            inside, outside = self._sides(originals)
            before = self.domain.predictor.standardised(originals)
            units = []
            for done, edit in enumerate(self.edits):
                progress(done, len(self.edits))
                units.append(self._unit(edit, before, inside, outside))
        names = tuple(self.domain.predictor.names)
        return Calibration(
            names,
            tuple(names[i] for i in inside),
            tuple(names[i] for i in outside),
            tuple(units),
            self._select(units) if self.direction is None else self.direction,
        )

    def _select(self, units: Sequence[Unit]) -> int:
        """The most selective carrier of the attribute; without one, the method's first choice.

        Directions that do not move their attribute far enough come after all that do.
        """
        if self.attribute is None:
            return next((i for i, unit in enumerate(units) if unit.reached), 0)
        return max(range(len(units)), key=lambda i: (units[i].reached, units[i].selectivity))

    def _unit(
        self, edit: Edit, before: Tensor, inside: Sequence[int], outside: Sequence[int]
    ) -> Unit:
        def change(step: float) -> Tensor:
            images = edit.apply(self.generator, self.codes, step).clamp(-1, 1)
            return (self.domain.predictor.standardised(images) - before).mean(0).double()

        names = list(self.domain.predictor.names)
        wanted = list(inside) if self.attribute is None else [names.index(self.attribute)]
        return calibrate(change, edit.spread(self.generator, self.codes), wanted, outside)

    def _sides(self, images: Tensor) -> tuple[list[int], list[int]]:
        """Indices of the readable attributes inside and outside the region."""
        covered = covered_parts(self.domain, self.region, images)
        readable = [i for i, n in enumerate(self.domain.predictor.names) if self._readable(n)]
        inside = [i for i in readable if self._belongs(i, covered)]
        outside = [i for i in readable if i not in inside]
        return (inside, outside) if inside else (readable, [])

    def _readable(self, name: str) -> bool:
        return name in self.domain.predictor.readable

    def _belongs(self, index: int, covered: set[str]) -> bool:
        parts = self.domain.attribute_parts[self.domain.predictor.names[index]]
        return not covered.isdisjoint(parts)

    def save(self, result: Calibration, folder: Path) -> None:
        """One JSON file."""
        data = asdict(result)
        for row, unit in zip(data["units"], result.units, strict=True):
            row["change"] = unit.change.tolist()
        (folder / "calibration.json").write_text(json.dumps(data))

    def load(self, folder: Path) -> Calibration:
        """Read it."""
        data = json.loads((folder / "calibration.json").read_text())
        units = tuple(
            Unit(**row | {"change": torch.tensor(row["change"], dtype=torch.float64)})
            for row in data.pop("units")
        )
        names = {k: tuple(data[k]) for k in ("attributes", "inside", "outside")}
        return Calibration(**names, units=units, selected=data["selected"])


def covered_parts(domain: ProcFaces, region: Region, images: Tensor) -> set[str]:
    """The parts that a region edits: those with at least half of their pixels inside it."""
    labels = domain.parser.parse(images)
    mask = region.mask(images.shape[-1], images).expand(labels.shape).bool()
    covered = set()
    for index, part in enumerate(domain.parts):
        pixels = labels == index
        if part != "background" and pixels.any():
            share = float((pixels & mask).sum() / pixels.sum())
            covered |= {part} if share >= COVERED else set()
    return covered
