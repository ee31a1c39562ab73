"""How numbers are written: as many digits as their intervals warrant."""

import math
from dataclasses import dataclass

from pipeline.metrics.base import Estimate

MISSING = "–"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SMALL, _LARGE = -4, 6  # powers of ten from which numbers are written with an exponent


@dataclass(frozen=True)
class Shown:
    """An estimate in digits.

    Attributes:
        value: the value; a dash where there is none.
        interval: both ends, or None.
        exponent: power of ten that all three are multiplied with.
    """

    value: str
    interval: tuple[str, str] | None
    exponent: int = 0

    @property
    def scale(self) -> str:
        """`` ×10⁻⁵``, or nothing."""
        return f" ×{power_of_ten(self.exponent)}" if self.exponent else ""

    def __str__(self) -> str:
        if self.interval is None:
            return self.value + self.scale
        return f"{self.value} [{self.interval[0]}, {self.interval[1]}]{self.scale}"


def show_number(x: float, digits: int = 3) -> Shown:
    """A number with so many significant digits; all digits before the point are kept."""
    exponent = _exponent(x)
    return Shown(_fixed(x, exponent, _decimals(x, digits, exponent)), None, exponent)


def show_estimate(estimate: Estimate) -> Shown:
    """An estimate: three significant digits, but one or two of those of half the interval."""
    low, high = estimate.ci95
    if not (math.isfinite(low) and math.isfinite(high)):
        return show_number(estimate.value)
    half = (high - low) / 2
    exponent = _exponent(max(abs(estimate.value), half))
    decimals = _decimals(estimate.value or half, 3, exponent)
    if half > 0:
        coarsest, finest = (_decimals(half, digits, exponent) for digits in (1, 2))
        decimals = min(max(decimals, coarsest), finest, _decimals(estimate.value, 6, exponent))
    value, start, end = (_fixed(x, exponent, decimals) for x in (estimate.value, low, high))
    return Shown(value, (start, end), exponent)


def format_number(x: float, digits: int = 3) -> str:
    """`show_number` as text."""
    return str(show_number(x, digits))


def format_estimate(estimate: Estimate) -> str:
    """`show_estimate` as text, e.g. ``23.4 [21.9, 25.0]``."""
    return str(show_estimate(estimate))


def format_strength(x: float) -> str:
    """A strength as it was typed: the shortest text, with a true minus sign."""
    return MISSING if math.isnan(x) else f"{x:.4g}".replace("-", "−")


def power_of_ten(exponent: int) -> str:
    """E.g. ``10⁻⁵``."""
    return "10" + str(exponent).translate(_SUPERSCRIPTS)


def format_seconds(seconds: float) -> str:
    """A duration, e.g. ``0.42 s``, ``12.3 s``, ``4 min 05 s``."""
    if math.isnan(seconds):
        return MISSING
    if seconds < 99.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _magnitude(x: float) -> int:
    return math.floor(math.log10(abs(x))) if x and math.isfinite(x) else 0


def _exponent(x: float) -> int:
    magnitude = _magnitude(x)
    return magnitude if magnitude < _SMALL or magnitude >= _LARGE else 0


def _decimals(x: float, digits: int, exponent: int) -> int:
    return max(0, digits - 1 - _magnitude(x) + exponent)


def _fixed(x: float, exponent: int, decimals: int) -> str:
    if math.isnan(x):
        return MISSING
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    text = f"{x / 10.0**exponent:.{decimals}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")
