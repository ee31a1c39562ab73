"""From measures to the numbers that ``metrics.json`` holds, for one job and for merged shards."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.measures import Measures
from pipeline.metrics.base import Estimate


def plain_estimates(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    """Estimates as JSON holds them."""
    return {k: {"value": e.value, "ci95": list(e.ci95), "n": e.n} for k, e in estimates.items()}


def numbers(
    by_strength: Mapping[float, Measures], unedited: Measures, headline: float
) -> dict[str, Any]:
    """Every number of the selected direction.

    Args:
        by_strength: its measures.
        unedited: measures of the samples as they are.
        headline: the strength that the main numbers are given at.

    Returns:
        ``metrics`` and ``attributes`` at the headline, ``unedited``, and ``curves``: every number
        over the strength, with 0 for the unedited images.
    """
    points = {0.0: unedited, **by_strength}
    computed = {s: points[s].compute() for s in sorted(points)}
    return {
        "metrics": plain_estimates(computed[headline]),
        "unedited": plain_estimates(computed[0.0]),
        "attributes": plain_estimates(by_strength[headline].attributes.compute()),
        "curves": {
            name: {
                "strength": list(computed),
                "value": [c[name].value for c in computed.values()],
                "ci95": [list(c[name].ci95) for c in computed.values()],
                "n": [c[name].n for c in computed.values()],
            }
            for name in computed[headline]
        },
    }


def effect(measures: Measures, attribute: str | None, outside: Sequence[str]) -> dict[str, Any]:
    """What one direction does at a strength of 1.

    Args:
        measures: of the samples there.
        attribute: the one that the direction is meant for; None where there are none.
        outside: attributes that do not belong to the region; of these the greatest change is given.
    """
    changes = measures.attributes.compute()
    most = max(outside, key=lambda name: abs(changes[name].value), default=None)
    plain = plain_estimates(changes)
    return {
        "metrics": plain_estimates(measures.compute()),
        "change": plain[attribute] if attribute else None,
        "outside_attribute": most,
        "outside_change": plain[most] if most else None,
        "attributes": plain,
    }
