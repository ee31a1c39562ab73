"""The stage that finds out what every direction does, how far it must go, and which one to use."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.attributes import GROWTH, USUAL, Change, Unit, calibrate, settle, turned
from pipeline.config import Unit as StrengthUnit
from pipeline.domains.base import Domain
from pipeline.errors import UserError
from pipeline.evaluators.base import fingerprint_of
from pipeline.generators.base import Codes, Generator
from pipeline.methods.edits import Edit, Edits
from pipeline.regions.region import Region
from pipeline.stages.base import Progress, Stage, generator_settings

FIRST = 40  # codes that every direction is tried on; the selected one is settled on all
SETTLED = 3  # of the best directions, that are held against all codes until one reaches its unit
SELECTIVE = (
    2.0  # a direction that moves its attribute so much further than any outside is selective
)
LEFT = 1.1  # readings so much further from the data's mean than the data's: faces blur and break
COVERED = 0.5  # a region edits a part when it holds at least this share of the part's pixels


@dataclass(frozen=True)
class Calibration:
    """What every direction does and which one is used.

    Attributes:
        attributes: names of the attributes that the predictor reads; none where nothing does.
        inside: those that belong to the region.
        outside: those that do not.
        units: per direction, how far it goes for a strength of ``sense``; none where there are no
            attributes.
        spreads: per direction, the latent step of one standard deviation of the codes.
        selected: index of the direction to use.
        sense: 1, or -1 where all strengths of the run are negative.
        turned: per direction, how far it goes for a strength of the other sign; none where the run
            has no such strengths.
    """

    attributes: tuple[str, ...]
    inside: tuple[str, ...]
    outside: tuple[str, ...]
    units: tuple[Unit, ...]
    spreads: tuple[float, ...]
    selected: int
    sense: int = 1
    turned: tuple[Unit, ...] = ()

    @property
    def common(self) -> StrengthUnit:
        """The unit in which directions are compared."""
        return StrengthUnit.ATTRIBUTE if self.units else StrengthUnit.SPREAD

    def step(self, index: int, unit: StrengthUnit, strength: float = 1.0) -> float:
        """The latent step along a direction per unit of strength, signed.

        Where attributes are moved it goes by the strength's sign: what raises an attribute by one
        need not lower it by one when turned round.
        """
        if unit == StrengthUnit.LATENT or (unit == StrengthUnit.ATTRIBUTE and not self.units):
            return 1.0  # as it is, or as it means something by itself
        if unit == StrengthUnit.SPREAD:
            return self.spreads[index]
        sense, found = self._unit(index, strength)
        return sense * found.step

    def attribute(self, index: int) -> str | None:
        """The attribute that a direction is meant for; None where there are none."""
        return self.attributes[self.units[index].attribute] if self.units else None

    def reached(self, index: int, strength: float | None = None) -> bool:
        """Whether a strength of 1 (or -1, by the sign) is what it should be; a spread always is.

        Without a strength, in the run's sense.
        """
        return not self.units or self._unit(index, strength or self.sense)[1].reached

    def _unit(self, index: int, strength: float) -> tuple[int, Unit]:
        """The unit for strengths of a sign, and the sign that it was measured for."""
        if self.turned and strength * self.sense < 0:
            return -self.sense, self.turned[index]
        return self.sense, self.units[index]


@dataclass
class Calibrating(Stage[Calibration]):
    """Tries every direction on some codes, and the one to use on all.

    Attributes:
        codes: to try on, the first :data:`FIRST` of them for every direction.
        attribute: the attribute wanted; None leaves every direction its most selective one.
        direction: index of the direction wanted; None leaves the choice to the stage.
        batch: images rendered at once.
        target: change of the attribute at a strength of 1, in standard deviations of the data;
            a negative one lowers it.
        senses: signs of the run's strengths; with both, directions are chosen by what they do at
            positive strengths.
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
    target: float = 1.0
    senses: Collection[int] = (1,)
    name = "calibrate"
    version = 7

    def settings(self) -> Mapping[str, Any]:
        """Region, attribute, direction, and the networks that look."""
        return {
            "region": self.region_settings,
            "generator": generator_settings(self.generator),
            "attribute": self.attribute,
            "direction": self.direction,
            "batch": self.batch,
            "target": self.target,
            "senses": sorted(self.senses),
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
                return Calibration((), (), (), (), spreads, self.direction or 0, self._sense)
            if any(edit.scale for edit in self.edits):
                return self._uncalibrated(spreads)
            return self._calibrated(spreads, progress)

    def _uncalibrated(self, spreads: tuple[float, ...]) -> Calibration:
        """Of edits whose strength means something by itself: attributes to look at, no units."""
        names = tuple(self.domain.predictor.names)
        inside, outside = (tuple(names[i] for i in side) for side in self._sides())
        return Calibration(names, inside, outside, (), spreads, self.direction or 0, self._sense)

    def _calibrated(self, spreads: tuple[float, ...], progress: Progress) -> Calibration:
        """Every direction's unit, and the direction to use."""
        inside, outside = self._sides()
        before = self._read(lambda codes: self.generator.render(codes), len(self.codes))
        names = tuple(self.domain.predictor.names)
        wanted = list(inside) if self.attribute is None else [names.index(self.attribute)]
        # A step that is asked for may be long; where any attribute will do, the nearest is meant.
        reach = USUAL if self.attribute is None else GROWTH[-1]
        units, others = [], []
        for done, edit in enumerate(self.edits):
            progress(done, len(self.edits))
            change, spread = cache(self._change(edit, before[:FIRST])), spreads[done]
            units.append(calibrate(change, spread, wanted, outside, self._goal, reach))
            if len(self.senses) > 1:
                others.append(turned(change, spread, units[-1], outside, -self._goal, reach))
        chosen = self._settled(units, others, before, outside)
        return Calibration(
            names,
            tuple(names[i] for i in inside),
            tuple(names[i] for i in outside),
            tuple(units),
            spreads,
            chosen,
            self._sense,
            tuple(others),
        )

    @property
    def _sense(self) -> int:
        return max(self.senses)

    @property
    def _goal(self) -> float:
        """The change of the attribute at a strength of ``sense``."""
        return self._sense * self.target

    def _settled(
        self, units: list[Unit], others: list[Unit], before: Tensor, outside: Sequence[int]
    ) -> int:
        """The direction to use, its units settled on all codes.

        The best of those that hold for all codes as they did for the few; where none does, the
        one that comes closest on all.
        """
        ranked = self._ranked(units)[:SETTLED] if self.direction is None else [self.direction]
        for index in ranked:
            change = self._change(self.edits[index], before)
            units[index] = settle(change, units[index], outside, self._goal)
            if units[index].reached:
                break
        else:
            index = max(ranked, key=lambda i: units[i].merit)
        if others:
            change = self._change(self.edits[index], before)
            others[index] = settle(change, others[index], outside, -self._goal)
        return index

    def _ranked(self, units: Sequence[Unit]) -> list[int]:
        """Directions by how selectively they carry the attribute wanted, the best first.

        Where any attribute will do, by the method's own order: those that are selective, then those
        that reach their unit. Directions that do not move their attribute far enough come last.
        """
        if self.attribute is not None:
            return sorted(range(len(units)), key=lambda i: units[i].merit, reverse=True)
        reached = [i for i, unit in enumerate(units) if unit.reached]
        selective = [i for i in reached if units[i].selectivity >= SELECTIVE]
        return list(dict.fromkeys([*selective, *reached])) or [0]

    def _change(self, edit: Edit, before: Tensor) -> Change:
        """How attributes move from ``before``, those of the first codes, along an edit.

        Nothing is said of images that are no longer of the domain: all attributes taken together
        are then far from what any face has, where the predictor reads enough of them to tell.
        """
        tells = getattr(self.domain.predictor, "tells_the_domain", True)

        def change(step: float) -> Tensor | None:
            after = self._read(lambda codes: edit.apply(self.generator, codes, step), len(before))
            if tells and self._extent(after) > LEFT * max(self._extent(before), 1.0):
                return None
            return (after - before).mean(0).double()

        return change

    def _extent(self, read: Tensor) -> float:
        """Root mean square of what can be read: about 1 for the data, whatever is in it."""
        columns = [i for i, name in enumerate(self.domain.predictor.names) if self._readable(name)]
        return float(read[:, columns].square().mean().sqrt())

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
        for name in ("units", "turned"):
            for row, unit in zip(data[name], getattr(result, name), strict=True):
                row["change"] = unit.change.tolist()
        (folder / "calibration.json").write_text(json.dumps(data))

    def load(self, folder: Path) -> Calibration:
        """Read it."""
        data = json.loads((folder / "calibration.json").read_text())
        rows = {k: tuple(data[k]) for k in ("attributes", "inside", "outside", "spreads")}
        units, others = (tuple(_unit(row) for row in data[k]) for k in ("units", "turned"))
        return Calibration(
            **rows, units=units, selected=data["selected"], sense=data["sense"], turned=others
        )


def _unit(row: dict[str, Any]) -> Unit:
    change = torch.tensor(row["change"], dtype=torch.float64)
    return Unit(row["attribute"], row["step"], change, row["reached"], row["selectivity"])


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
