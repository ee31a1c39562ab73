"""What a method found for a wish, and what every direction of it does, in words and units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import torch
from omegaconf import DictConfig

from pipeline.calibrating import calibrated
from pipeline.config import Unit
from pipeline.discovering import discovered
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.explore.layers import layer_names, own_layers, restricted
from pipeline.explore.wish import Wish
from pipeline.generators.base import Codes
from pipeline.methods.edits import Edit, Edits
from pipeline.methods.latents import LayerRange
from pipeline.runner import Result, Runner
from pipeline.stages.calibration import SELECTIVE, Calibration

BEYOND = 1.5  # how far the slider goes, over the strengths that a run of the method takes
NOTABLE = 0.15  # standard deviations that an attribute must change by to be named
NAMED = 3  # attributes that are named of a direction
UNITS = {
    Unit.ATTRIBUTE: "1 moves its attribute by {change:g} standard deviations of the data",
    Unit.SPREAD: "1 is one standard deviation of the latents",
    Unit.LATENT: "1 is a step of length 1",
}


@dataclass(frozen=True)
class Direction:
    """One of the edits found.

    Attributes:
        index: its number.
        name: of the edit.
        attribute: that it is meant for; None where nothing reads any.
        changes: of those attributes that it moves most, at a strength of 1, in standard deviations.
        selective: whether its attribute moves much further than any outside the region.
        reached: whether the wanted change is reached at a strength of 1.
        layers: names of the layers that it can be restricted to.
        own: half-open range of those that it moves by itself.
    """

    index: int
    name: str
    attribute: str | None
    changes: Mapping[str, float]
    selective: bool
    reached: bool
    layers: list[str]
    own: LayerRange


@dataclass(eq=False)
class Found:
    """Edits, ready to be rendered: at once in natural steps, calibrated in changes of attributes.

    Attributes:
        wish: what was asked for.
        experiment: everything that a run of it works with.
        config: of that run.
        edits: what the method found.
        spreads: per direction, the step of one standard deviation of the codes.
        seconds: that finding took, or that were spent back then.
        calibration: how far each goes for a change of its attribute; None until it is asked for.
    """

    wish: Wish
    experiment: Experiment
    config: DictConfig
    edits: Result[Edits]
    spreads: Sequence[float]
    seconds: float
    calibration: Calibration | None = None
    _edits: dict[tuple[int, LayerRange | None], Edit] = field(default_factory=dict)

    def calibrate(self, runner: Runner) -> None:
        """Find out what every direction does, and how far it must go for it."""
        self.calibration = calibrated(self.experiment, self.config, self.edits, runner).value

    @property
    def selected(self) -> int:
        """The direction that a run would use; the first until that is known."""
        return 0 if self.calibration is None else self.calibration.selected

    @property
    def takes(self) -> bool:
        """Whether its edits take something from another image."""
        return any(edit.needs_reference for edit in self.edits.value)

    def edit(self, direction: int, layers: LayerRange | None = None) -> Edit:
        """A direction, in some layers only where a range is given.

        Raises:
            UserError: there is no such direction, or no such layers.
        """
        known = (direction, layers)
        if known not in self._edits:
            if not 0 <= direction < len(self.edits.value):
                most = len(self.edits.value) - 1
                raise UserError(f"direction={direction}: there are 0 to {most}.")
            edit = restricted(self.edits.value[direction], self.experiment.generator, layers)
            edit.see(self.experiment.domain)  # a copy does not know who reads attributes
            self._edits[known] = edit
        return self._edits[known]

    def step(self, direction: int, strength: float) -> float:
        """A strength in units of the edit."""
        if self.calibration is not None and strength:
            return strength * self.calibration.step(direction, self.experiment.unit, strength)
        return strength * (self.spreads[direction] if self._unit == Unit.SPREAD else 1.0)

    def reach(self) -> tuple[float, float]:
        """The least and the greatest strength to offer."""
        strengths = self.experiment.method.strengths
        if any(edit.shares for edit in self.edits.value):
            return 0.0, 1.0
        return min(0.0, BEYOND * min(strengths)), BEYOND * max(strengths)

    def unit(self) -> str:
        """What a strength means, in words."""
        change = abs(self.experiment.change)
        return self.edits.value[0].scale or UNITS[self._unit].format(change=change)

    def directions(self) -> list[Direction]:
        """All of them, in the method's order."""
        return [self._direction(index, edit) for index, edit in enumerate(self.edits.value)]

    @property
    def _unit(self) -> Unit:
        """What a strength of 1 is: until attributes are read, no change of theirs."""
        unit = self.experiment.unit
        return Unit.SPREAD if self.calibration is None and unit == Unit.ATTRIBUTE else unit

    def _direction(self, index: int, edit: Edit) -> Direction:
        generator, known = self.experiment.generator, self.calibration
        units = () if known is None else known.units
        return Direction(
            index,
            edit.name,
            None if known is None else known.attribute(index),
            self._changes(index),
            bool(units) and units[index].selectivity >= SELECTIVE,
            known is None or known.reached(index),
            layer_names(edit, generator),
            own_layers(edit, generator),
        )

    def _changes(self, index: int) -> dict[str, float]:
        """The greatest changes at a strength of 1, the greatest first."""
        known, readable = self.calibration, self.experiment.domain.predictor.readable
        if known is None or not known.units:
            return {}
        read = known.units[index].change.tolist()
        changes = {n: known.sense * c for n, c in zip(known.attributes, read, strict=True)}
        notable = [n for n in changes if n in readable and abs(changes[n]) >= NOTABLE]
        notable.sort(key=lambda name: -abs(changes[name]))
        return {name: changes[name] for name in notable[:NAMED]}


def find(wish: Wish, e: Experiment, config: DictConfig, codes: Codes, runner: Runner) -> Found:
    """Ask the method, through the store.

    Args:
        wish: what is asked for.
        e: its parts.
        config: its configuration.
        codes: that natural steps are measured on.
        runner: keeps what is made.

    Raises:
        UserError: the method cannot do it.
    """
    began = perf_counter()
    edits = discovered(e, config.seed, runner)
    with torch.inference_mode():
        spreads = [edit.spread(e.generator, codes) for edit in edits.value]
    return Found(wish, e, config, edits, spreads, perf_counter() - began)
