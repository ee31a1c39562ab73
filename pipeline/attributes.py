"""Which direction carries an attribute, which way, and how far one must go.

Every found direction is tried in both senses at growing steps; a predictor says how each attribute
moves on average, in standard deviations of the data. The step that moves the wanted attribute by
one standard deviation is the direction's unit: methods are compared at equal strengths in it. What
raises an attribute by one need not lower it by one when turned round, so either has its own unit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import copysign

import torch
from torch import Tensor

Change = Callable[[float], Tensor | None]
"""Mean change of all attributes ``[a]`` at a step, in standard deviations of the data.

None where the images are no longer of the kind that the attributes can be read off.
"""

GROWTH = (1.0, 2.0, 4.0, 6.0, 9.0, 14.0, 20.0, 30.0)  # steps, in units of the latent spread
USUAL = 6.0  # the longest of the steps where any attribute will do
TRIED = 2.0  # steps that every direction is given; further ones only where they promise something
HOPE = 2.0  # how much steeper than so far a response may become; before usual steps, more
REFINEMENTS = 4
SETTLING = 3
PRECISE = 0.02  # share of the target that a step may be off
BOUNDS = (0.5, 2.0)  # of one correction of a step
CLOSE = 0.9  # share of the target that counts as reached on other codes
SATURATED = 0.8  # share of the greatest change that a step out of reach is taken at
SMALLEST_CHANGE = 1e-3  # a selectivity says nothing below the noise of the predictor


@dataclass(frozen=True)
class Unit:
    """How far and which way a direction goes for the target change of its attribute.

    Attributes:
        attribute: index of the attribute.
        step: signed step in latent units.
        change: change of every attribute there ``[a]``, as measured.
        reached: whether the attribute changes by the target within the steps tried; if not,
            ``step`` is one that does about as much as can be done.
        selectivity: change of the attribute over the greatest change of one outside the region.
    """

    attribute: int
    step: float
    change: Tensor
    reached: bool
    selectivity: float

    @property
    def merit(self) -> tuple[bool, float]:
        """What reaches the target comes first, the most selective before others.

        What does not goes by the change that it makes, which may be one the wrong way.
        """
        moved = abs(float(self.change[self.attribute]))
        return self.reached, self.selectivity if self.reached else copysign(moved, self.selectivity)


def calibrate(
    change: Change,
    spread: float,
    candidates: Sequence[int],
    outside: Sequence[int],
    target: float = 1.0,
    reach: float = GROWTH[-1],
) -> Unit:
    """The unit of a direction: the most selective way to change one of the candidates.

    In each sense the steps grow until one of the candidates has changed enough, the images fall
    apart, or there is no hope; the better sense is then located by regula falsi.

    Args:
        change: measures the direction at a step.
        spread: standard deviation of the latents along a direction; the scale of the steps.
        candidates: indices of the attributes that the direction may be meant for.
        outside: indices of the attributes that should stay.
        target: the change that defines the unit, in standard deviations; a negative one lowers.
        reach: the longest step worth trying, in spreads.
    """
    return _best(change, (spread, -spread), candidates, outside, target, reach)


def turned(
    change: Change,
    spread: float,
    unit: Unit,
    outside: Sequence[int],
    target: float = -1.0,
    reach: float = GROWTH[-1],
) -> Unit:
    """The unit of the same attribute in the other sense of the direction, for another target.

    Args:
        change: as for :func:`calibrate`.
        spread: as there.
        unit: what it found.
        outside: as there.
        target: a change of the attribute against that of the unit.
        reach: as there.
    """
    scale = -spread if unit.step > 0 else spread
    return _best(change, (scale,), [unit.attribute], outside, target, reach)


def settle(change: Change, unit: Unit, outside: Sequence[int], target: float = 1.0) -> Unit:
    """A unit measured anew on more codes, and its step corrected until it holds for these.

    The first measurement flatters: of many directions and senses, those are taken that did best on
    the few codes tried.

    Args:
        change: measures the direction at a step, on codes enough to trust.
        unit: what :func:`calibrate` found; where it is not reached, its step is kept.
        outside: as there.
        target: as there.
    """
    raised, wanted = _raising(cache(change), target), abs(target)
    point = before = (0.0, 0.0)
    step, found = unit.step, []
    for _ in range(1 + (SETTLING if unit.reached else 0)):
        moved = raised(step)
        if moved is None:
            break
        before, point = point, (step, float(moved[unit.attribute]))
        reached = unit.reached and point[1] >= CLOSE * wanted
        found.append(_measured(unit.attribute, step, moved, outside, reached))
        if not unit.reached or abs(point[1] - wanted) <= PRECISE * wanted:
            break  # a unit that is not reached may have a step of 0, which no line goes through
        step = _corrected(before, point, wanted)
    if not found:
        return replace(unit, reached=False)
    return _signed(min(found, key=lambda u: abs(float(u.change[u.attribute]) - wanted)), target)


def _best(
    change: Change,
    scales: Sequence[float],
    candidates: Sequence[int],
    outside: Sequence[int],
    target: float,
    reach: float,
) -> Unit:
    """The best of the senses that the signs of some scales of steps stand for."""
    raised, wanted = _raising(cache(change), target), abs(target)
    walks = [_walk(raised, scale, list(candidates), wanted, reach) for scale in scales]
    units = [_unit(walk, candidates, outside, wanted) for walk in walks]
    best = max(range(len(walks)), key=lambda i: units[i].merit)
    unit = units[best]
    if unit.reached:
        unit = _refined(raised, walks[best], unit, outside, wanted)
    return _signed(unit, target)


def _raising(change: Change, target: float) -> Change:
    """The changes with the target's sign, so that what is wanted is positive."""

    def raised(step: float) -> Tensor | None:
        moved = change(step)
        return moved if moved is None or target > 0 else -moved

    return raised


def _signed(unit: Unit, target: float) -> Unit:
    return unit if target > 0 else replace(unit, change=-unit.change)


def _corrected(before: tuple[float, float], point: tuple[float, float], target: float) -> float:
    """The next step: by the line through two points, or 0 and the last, within bounds."""
    step, moved = point
    line = (moved - before[1]) / (step - before[0])
    slope = line if line * step > 0 else moved / step
    factor = 1 + (target - moved) / (slope * step) if slope * step > 0 else BOUNDS[1]
    return step * min(max(factor, BOUNDS[0]), BOUNDS[1])


@dataclass(frozen=True)
class _Walk:
    """Steps away from 0 and the changes measured there; the first is (0, no change)."""

    steps: list[float]
    changes: list[Tensor]


def _walk(
    change: Change, scale: float, candidates: list[int], target: float, reach: float
) -> _Walk:
    walk = _Walk([0.0], [])
    for growth in (growth for growth in GROWTH if growth <= reach):
        moved = change(growth * scale)
        if moved is None:
            break
        if not walk.changes:
            walk.changes.append(torch.zeros_like(moved))
        walk.steps.append(growth * scale)
        walk.changes.append(moved)
        most = float(moved[candidates].max())
        hope = HOPE * max(USUAL / growth, 1.0)
        hopeless = most * hope * reach / growth < target
        if most >= target or (growth >= TRIED and hopeless):
            break
    return walk


def _unit(walk: _Walk, candidates: Sequence[int], outside: Sequence[int], target: float) -> Unit:
    """What the walk says before refinement: interpolated between its last two steps."""
    if not walk.changes:  # the images fell apart at the first step
        return Unit(candidates[0], 0.0, torch.zeros(max([*candidates, *outside]) + 1), False, 0.0)
    last, before = walk.changes[-1], walk.changes[-2:][0]
    reached = [c for c in candidates if float(last[c]) >= target]
    if not reached:
        attribute = max(candidates, key=lambda c: max(float(m[c]) for m in walk.changes))
        return _greatest(walk, attribute, outside)
    options = []
    for c in reached:
        share = (target - float(before[c])) / (float(last[c]) - float(before[c]))
        step = walk.steps[-2] + share * (walk.steps[-1] - walk.steps[-2])
        options.append(_measured(c, step, torch.lerp(before, last, share), outside, reached=True))
    return max(options, key=lambda unit: unit.merit)


def _greatest(walk: _Walk, attribute: int, outside: Sequence[int]) -> Unit:
    """The first step that changes an attribute about as much as any does."""
    moved = [float(change[attribute]) for change in walk.changes[1:]]
    enough = max(moved) * (SATURATED if max(moved) > 0 else 1)
    at = next(i for i, value in enumerate(moved, start=1) if value >= enough)
    return _measured(attribute, walk.steps[at], walk.changes[at], outside, reached=False)


def _refined(
    change: Change, walk: _Walk, unit: Unit, outside: Sequence[int], target: float
) -> Unit:
    """The unit's step measured, and mended while its change is off the target."""
    low = (walk.steps[-2], float(walk.changes[-2][unit.attribute]))
    high = (walk.steps[-1], float(walk.changes[-1][unit.attribute]))
    for _ in range(REFINEMENTS):
        step = low[0] + (target - low[1]) / (high[1] - low[1]) * (high[0] - low[0])
        moved = change(step)
        if moved is None:
            return replace(unit, reached=False)
        unit = _measured(unit.attribute, step, moved, outside, reached=True)
        point = (step, float(moved[unit.attribute]))
        if abs(point[1] - target) <= PRECISE * target:
            break
        low, high = (low, point) if point[1] >= target else (point, high)
    return unit


def _measured(
    attribute: int, step: float, change: Tensor, outside: Sequence[int], reached: bool
) -> Unit:
    others = [i for i in outside if i != attribute]
    greatest = float(change[others].abs().max()) if others else 0.0
    selectivity = float(change[attribute]) / max(greatest, SMALLEST_CHANGE)
    return Unit(attribute, step, change, reached, selectivity)
