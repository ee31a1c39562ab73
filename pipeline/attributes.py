"""Which direction carries an attribute, which way, and how far one must go.

Every found direction is tried in both senses at growing steps; a predictor says how each attribute
moves on average, in standard deviations of the data. The step that moves the wanted attribute by
one standard deviation is the direction's unit: methods are compared at equal strengths in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Change = Callable[[float], Tensor]
"""Mean change of all attributes ``[a]`` at a step, in standard deviations of the data."""

GROWTH = (0.5, 1.0, 2.0, 4.0, 6.0)  # steps tried, in units of the latent spread
REFINEMENTS = 2
SETTLING = 2
BOUNDS = (0.5, 2.0)  # of one correction of a step
CLOSE = 0.9  # share of the target that counts as reached on other codes
SMALLEST_CHANGE = 1e-3  # a selectivity says nothing below the noise of the predictor


@dataclass(frozen=True)
class Unit:
    """How far and which way a direction goes for a change of its attribute by one.

    Attributes:
        attribute: index of the attribute.
        step: signed step in latent units at a strength of 1.
        change: change of every attribute there ``[a]``, as measured.
        reached: whether the attribute changes by one within the steps tried; if not, ``step`` is
            the one with the greatest change.
        selectivity: change of the attribute over the greatest change of one outside the region.
    """

    attribute: int
    step: float
    change: Tensor
    reached: bool
    selectivity: float


def calibrate(
    change: Change,
    spread: float,
    candidates: Sequence[int],
    outside: Sequence[int],
    target: float = 1.0,
) -> Unit:
    """The unit of a direction: the most selective way to change one of the candidates.

    In each sense the steps grow until one of the candidates has changed enough; the better sense
    is then located by regula falsi.

    Args:
        change: measures the direction at a step.
        spread: standard deviation of the latents along a direction; the scale of the steps.
        candidates: indices of the attributes that the direction may be meant for.
        outside: indices of the attributes that should stay.
        target: the change that defines the unit, in standard deviations.
    """
    walks = [_walk(change, sign * spread, list(candidates), target) for sign in (1.0, -1.0)]
    units = {id(w): _unit(w, candidates, outside, target) for w in walks}
    best = max(walks, key=lambda w: _merit(units[id(w)]))
    unit = units[id(best)]
    return _refined(change, best, unit, outside, target) if unit.reached else unit


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
    step, attribute = unit.step, unit.attribute
    for _ in range(SETTLING if unit.reached else 0):
        measured = float(change(step)[attribute])
        low, high = BOUNDS
        step *= min(max(target / max(measured, SMALLEST_CHANGE), low), high)
    moved = change(step)
    reached = unit.reached and float(moved[attribute]) >= CLOSE * target
    return _measured(attribute, step, moved, outside, reached)


@dataclass(frozen=True)
class _Walk:
    """Steps away from 0 and the changes measured there; the first is (0, no change)."""

    steps: list[float]
    changes: list[Tensor]


def _walk(change: Change, scale: float, candidates: list[int], target: float) -> _Walk:
    first = change(GROWTH[0] * scale)
    walk = _Walk([0.0, GROWTH[0] * scale], [torch.zeros_like(first), first])
    for growth in GROWTH[1:]:
        if bool((walk.changes[-1][candidates] >= target).any()):
            break
        walk.steps.append(growth * scale)
        walk.changes.append(change(walk.steps[-1]))
    return walk


def _unit(walk: _Walk, candidates: Sequence[int], outside: Sequence[int], target: float) -> Unit:
    """What the walk says before refinement: interpolated between its last two steps."""
    last, before = walk.changes[-1], walk.changes[-2]
    reached = [c for c in candidates if float(last[c]) >= target]
    if not reached:
        attribute = max(candidates, key=lambda c: max(float(m[c]) for m in walk.changes))
        at = max(range(1, len(walk.steps)), key=lambda i: float(walk.changes[i][attribute]))
        return _measured(attribute, walk.steps[at], walk.changes[at], outside, reached=False)
    options = []
    for c in reached:
        share = (target - float(before[c])) / (float(last[c]) - float(before[c]))
        step = walk.steps[-2] + share * (walk.steps[-1] - walk.steps[-2])
        options.append(_measured(c, step, torch.lerp(before, last, share), outside, reached=True))
    return max(options, key=_merit)


def _refined(
    change: Change, walk: _Walk, unit: Unit, outside: Sequence[int], target: float
) -> Unit:
    """The unit's step measured, and mended while its change is off the target."""
    low = (walk.steps[-2], float(walk.changes[-2][unit.attribute]))
    high = (walk.steps[-1], float(walk.changes[-1][unit.attribute]))
    for _ in range(REFINEMENTS):
        step = low[0] + (target - low[1]) / (high[1] - low[1]) * (high[0] - low[0])
        moved = change(step)
        unit = _measured(unit.attribute, step, moved, outside, reached=True)
        point = (step, float(moved[unit.attribute]))
        low, high = (low, point) if point[1] >= target else (point, high)
    return unit


def _merit(unit: Unit) -> tuple[bool, float]:
    """Units that are reached come first, the most selective before others; else the greatest."""
    return unit.reached, unit.selectivity if unit.reached else float(unit.change[unit.attribute])


def _measured(
    attribute: int, step: float, change: Tensor, outside: Sequence[int], reached: bool
) -> Unit:
    others = [i for i in outside if i != attribute]
    greatest = float(change[others].abs().max()) if others else 0.0
    selectivity = float(change[attribute]) / max(greatest, SMALLEST_CHANGE)
    return Unit(attribute, step, change, reached, selectivity)
