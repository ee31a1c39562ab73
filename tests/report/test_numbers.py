"""How numbers are written."""

import math

import pytest

from pipeline.metrics.base import Estimate
from pipeline.report.numbers import (
    format_estimate,
    format_number,
    format_seconds,
    format_strength,
    show_estimate,
)


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (81.83, 48.21, 151.9, "82 [48, 152]"),
        (23.412, 21.9, 25.04, "23.4 [21.9, 25.0]"),
        (0.95312, 0.9501, 0.9561, "0.953 [0.950, 0.956]"),
        (0.013512, 0.010033, 0.016987, "0.0135 [0.0100, 0.0170]"),
        (1.017, 0.988, 1.046, "1.02 [0.99, 1.05]"),
        (-3.5e-7, -4.1e-7, -2.9e-7, "−3.50 [−4.10, −2.90] ×10⁻⁷"),
        (0.0, 0.0, 0.074, "0.000 [0.000, 0.074]"),
        (2.0, 2.0, 2.0, "2.00 [2.00, 2.00]"),
    ],
)
def test_intervals_decide_the_digits(value: float, low: float, high: float, text: str) -> None:
    """Three digits, but one or two of those of half the interval."""
    assert format_estimate(Estimate(value, (low, high), 9)) == text


def test_without_interval() -> None:
    """Only the value is written, and nothing where there is none."""
    nothing = (math.nan, math.nan)
    assert show_estimate(Estimate(0.5, nothing, 1)).interval is None
    assert format_estimate(Estimate(0.5, nothing, 1)) == "0.500"
    assert format_estimate(Estimate(math.nan, nothing, 0)) == "–"
    assert format_estimate(Estimate(math.inf, (3.0, math.inf), 4)) == "∞"


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (1234.4, "1234"),
        (0.0, "0.00"),
        (-0.0004, "−0.000400"),
        (2.5e7, "2.50 ×10⁷"),
        (-1e-9, "−1.00 ×10⁻⁹"),
    ],
)
def test_numbers(x: float, text: str) -> None:
    """Three significant digits, all digits before the point, an exponent where needed."""
    assert format_number(x) == text


def test_a_tiny_negative_number_that_rounds_to_zero_has_no_sign() -> None:
    """No minus zero."""
    assert format_estimate(Estimate(-0.001, (-0.5, 0.5), 3)) == "0.00 [−0.50, 0.50]"


def test_durations_and_strengths() -> None:
    """Units that people read."""
    spans = [0.421, 9.996, 12.34, 99.96, 245.0, 3 * 3600 + 61]
    expected = ["0.42 s", "10.0 s", "12.3 s", "1 min 40 s", "4 min 05 s", "3 h 01 min"]
    assert [format_seconds(x) for x in spans] == expected
    assert [format_strength(x) for x in (-2.0, 0.5, 3.14159)] == ["−2", "0.5", "3.142"]
