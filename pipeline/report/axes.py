"""Axes of charts: round ticks, and the way from numbers to places."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.report.numbers import power_of_ten


@dataclass(frozen=True)
class Scale:
    """A map from the numbers of an axis to places on the page.

    Attributes:
        low: the number at `start`.
        high: the number at `end`.
        start: place in user units.
        end: place in user units.
        logarithmic: whether equal factors, not equal steps, are equally far apart.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, x: float) -> float:
        """The place of a number; numbers beyond the axis are put at its ends."""
        low, high, x = self.low, self.high, min(max(x, self.low), self.high)
        if self.logarithmic:
            low, high, x = math.log(low), math.log(high), math.log(x)
        return self.start + (x - low) / (high - low) * (self.end - self.start)


def linear_scale(numbers: Iterable[float], start: float, end: float) -> Scale:
    """A scale that holds all finite numbers and ends at ticks.

    It holds 0 too, unless the numbers are all positive and vary by less than 40 %.
    """
    known = [x for x in numbers if math.isfinite(x)] or [0.0, 1.0]
    low, high = min(known), max(known)
    if low < 0.6 * high or low == high:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        high = low + 1
    step = _step(low, high)
    return Scale(math.floor(low / step) * step, math.ceil(high / step) * step, start, end)


def log_scale(numbers: Iterable[float], start: float, end: float) -> Scale:
    """A logarithmic scale that holds all positive numbers and ends at powers of ten."""
    known = [math.log10(x) for x in numbers if math.isfinite(x) and x > 0] or [-1.0, 0.0]
    low, high = math.floor(min(known)), math.ceil(max(known))
    return Scale(10.0**low, 10.0 ** max(high, low + 1), start, end, logarithmic=True)


def ticks(scale: Scale) -> list[tuple[float, str]]:
    """Round numbers along a scale, and how they are written."""
    if scale.logarithmic:
        low, high = round(math.log10(scale.low)), round(math.log10(scale.high))
        powers = range(low, high + 1, max(1, (high - low) // 4))
        plain = low >= -3 and high <= 4
        return [(10.0**p, f"{10.0**p:g}" if plain else power_of_ten(p)) for p in powers]
    step = _step(scale.low, scale.high)
    count = round((scale.high - scale.low) / step)
    return [(x, _written(x, step)) for x in (scale.low + i * step for i in range(count + 1))]


def spread(places: Sequence[float], apart: float) -> list[float]:
    """Places moved as little as needed (squared) to lie so far apart, in their order."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    blocks: list[tuple[float, int]] = []  # sums and sizes of neighbours that touch
    for rank, index in enumerate(order):
        total, size = places[index] - rank * apart, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / size:
            before = blocks.pop()
            total, size = total + before[0], size + before[1]
        blocks.append((total, size))
    level = [total / size for total, size in blocks for _ in range(size)]
    moved = {index: level[rank] + rank * apart for rank, index in enumerate(order)}
    return [moved[i] for i in range(len(places))]


def _step(low: float, high: float) -> float:
    """The round step (1, 2 or 5 times a power of ten) that gives four to eight ticks."""
    rough = (high - low) / 5
    power: float = 10.0 ** math.floor(math.log10(rough))
    return power * next(m for m in (1, 2, 5, 10) if rough <= m * power * 1.001)


def _written(x: float, step: float) -> str:
    if abs(x) < step / 2:
        return "0"
    if abs(x) >= 1e5 or step < 1e-4:
        return f"{x:.3g}".replace("-", "−")
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{x:.{decimals}f}".replace("-", "−")
