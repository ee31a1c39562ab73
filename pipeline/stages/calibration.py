"""The stage that finds out what every direction does, how far it must go, and which one to use."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.attributes import Change, Unit, calibrate, settle
from pipeline.config import Unit as StrengthUnit
from pipeline.domains.base import Domain
from pipeline.errors import UserError
from pipeline.evaluators.base import fingerprint_of
from pipeline.generators.base import Codes, Generator
from pipeline.methods.edits import Edit, Edits
from pipeline.regions.region import Region
from pipeline.stages.base import Progress, Stage, generator_settings

FIRST = 40  # codes that every direction is tried on; the selected one is settled on all
SELECTIVE = (
    2.0  # a direction that moves its attribute so much further than any outside is selective
)
COVERED = 0.5  # a region edits a part when it holds at least this share of the part's pixels


@dataclass(frozen=True)
class Calibration:
    """What every direction does and which one is used.

    Attributes:
        attributes: names of the attributes that the predictor reads; none where nothing does.
        inside: those that belong to the region.
        outside: those that do not.
        units: per direction, how far it goes for a change of its attribute by one; none where
            there are no attributes.
        spreads: per direction, the latent step of one standard deviation of the codes.
        selected: index of the direction to use.
    """

    attributes: tuple[str, ...]
    inside: tuple[str, ...]
    outside: tuple[str, ...]
    units: tuple[Unit, ...]
    spreads: tuple[float, ...]
    selected: int

    @property
    def common(self) -> StrengthUnit:
        """The unit in which directions are compared."""
        return StrengthUnit.ATTRIBUTE if self.units else StrengthUnit.SPREAD

    def step(self, index: int, unit: StrengthUnit) -> float:
        """The latent step along a direction at a strength of 1, signed."""
        if unit == StrengthUnit.LATENT:
            return 1.0
        return self.spreads[index] if unit == StrengthUnit.SPREAD else self.units[index].step

    def attribute(self, index: int) -> str | None:
        """The attribute that a direction is meant for; None where there are none."""
        return self.attributes[self.units[index].attribute] if self.units else None

    def reached(self, index: int) -> bool:
        """Whether a strength of 1 is what it should be; a spread always is."""
        return not self.units or self.units[index].reached


@dataclass
class Calibrating(Stage[Calibration]):
    """Tries every direction on some codes, and the one to use on all.

    Attributes:
        codes: to try on, the first :data:`FIRST` of them for every direction.
        attribute: the attribute wanted; None leaves every direction its most selective one.
        direction: index of the direction wanted; None leaves the choice to the stage.
        batch: images rendered at once.
    """

    edits: Edits
    generator: Generator
    codes: Codes
    region: Region
    region_settings: Mapping[str, Any]
    domain: Domain
    attribute: str | None
    direction: int | None
    batch: int
    name = "calibrate"
    version = 4

    def settings(self) -> Mapping[str, Any]:
        """Region, attribute, direction, and the networks that look."""
        return {
            "region": self.region_settings,
            "generator": generator_settings(self.generator),
            "attribute": self.attribute,
            "direction": self.direction,
            "batch": self.batch,
            "predictor": fingerprint_of(self.domain.predictor),
            "parser": fingerprint_of(self.domain.parser),
        }

    def compute(self, progress: Progress) -> Calibration:
        """Walk along every direction both ways, where there is anything to read on the way."""
        if self.direction is not None and self.direction >= len(self.edits):
            raise UserError(
                f"direction={self.direction}: there are {len(self.edits)} directions, 0 to "
                f"{len(self.edits) - 1}; method.num_directions={self.direction + 1} finds enough."
            )
        with torch.inference_mode():
            spreads = tuple(edit.spread(self.generator, self.codes) for edit in self.edits)
            if not self.domain.predictor.names:
                return Calibration((), (), (), (), spreads, self.direction or 0)
            return self._calibrated(spreads, progress)

    def _calibrated(self, spreads: tuple[float, ...], progress: Progress) -> Calibration:
        """Every direction's unit, and the direction to use."""
        inside, outside = self._sides()
        before = self._read(lambda codes: self.generator.render(codes), len(self.codes))
        names = tuple(self.domain.predictor.names)
        wanted = list(inside) if self.attribute is None else [names.index(self.attribute)]
        units = []
        for done, edit in enumerate(self.edits):
            progress(done, len(self.edits))
            change = self._change(edit, before[:FIRST])
            units.append(calibrate(change, spreads[done], wanted, outside))
        chosen = self._select(units) if self.direction is None else self.direction
        units[chosen] = settle(self._change(self.edits[chosen], before), units[chosen], outside)
        return Calibration(
            names,
            tuple(names[i] for i in inside),
            tuple(names[i] for i in outside),
            tuple(units),
            spreads,
            chosen,
        )

    def _select(self, units: Sequence[Unit]) -> int:
        """The most selective carrier of the attribute wanted, or of any in the method's own order.

        Directions that do not move their attribute far enough come after all that do.
        """
        if self.attribute is not None:
            return max(range(len(units)), key=lambda i: (units[i].reached, units[i].selectivity))
        reached = [i for i, unit in enumerate(units) if unit.reached]
        selective = [i for i in reached if units[i].selectivity >= SELECTIVE]
        return next(iter(selective + reached), 0)

    def _change(self, edit: Edit, before: Tensor) -> Change:
        """How attributes move from ``before``, those of the first codes, along an edit."""

        def change(step: float) -> Tensor:
            after = self._read(lambda codes: edit.apply(self.generator, codes, step), len(before))
            return (after - before).mean(0).double()

        return change

    def _read(self, render: Callable[[Codes], Tensor], count: int) -> Tensor:
        """Attributes ``[count, a]`` of images of the first codes, in units of the data."""
        batches = [self.codes[i : min(i + self.batch, count)] for i in range(0, count, self.batch)]
        read = self.domain.predictor.standardised
        return torch.cat([read(render(codes).clamp(-1, 1)) for codes in batches])

    def _sides(self) -> tuple[list[int], list[int]]:
        """Indices of the readable attributes inside and outside the region."""
        images = self.generator.render(self.codes[: min(FIRST, self.batch)]).clamp(-1, 1)
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
        rows = {k: tuple(data[k]) for k in ("attributes", "inside", "outside", "spreads")}
        return Calibration(**rows, units=units, selected=data["selected"])


def covered_parts(domain: Domain, region: Region, images: Tensor) -> set[str]:
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
