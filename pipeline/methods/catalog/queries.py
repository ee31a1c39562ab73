"""Queries: how far each style channel follows the reference (Editing in Style, Sec. 3.2).

All are functions of the contributions of a layer's channels to a part, ``[c]`` in [0, 1]: its rows
of M (Eq. 1), summed where several clusters make up the part. A style becomes
``target + q (reference - target)`` per channel (Eq. 3, Q = diag(q)).
"""

import torch
from torch import Tensor


def global_query(contributions: Tensor, strength: Tensor) -> Tensor:
    """Every channel alike, whatever the part (Eq. 2).

    Args:
        contributions: ``[c]``; only their number counts.
        strength: lambda, ``[]`` or one per image ``[n, 1]``.

    Returns:
        ``[c]`` or ``[n, c]``.
    """
    return strength * torch.ones_like(contributions)


def simultaneous_query(contributions: Tensor, strength: Tensor) -> Tensor:
    """Channels in proportion to their contributions, ``min(1, lambda M)`` (Eq. 4).

    A strength of 1 leaves most channels short of the reference; greater ones go further.
    """
    return (strength * contributions).clamp(max=1)


def sequential_query(contributions: Tensor, epsilon: float, threshold: float) -> Tensor:
    """The most relevant channels, as many as a budget of outside effect pays for (Eq. 5).

    Channels are taken in the order of their contributions while the running sum of ``1 - M``, their
    own included, stays strictly below the budget (as in the reference implementation; the paper
    says "no more than"); of these only those above the threshold stay. Ties go to the first.

    Args:
        contributions: ``[c]``.
        epsilon: the budget of this layer.
        threshold: the paper's rho / (1 + rho), which the reference implementation calls rho.

    Returns:
        0 or 1 per channel ``[c]``.
    """
    order = contributions.argsort(descending=True, stable=True)
    affordable = (1 - contributions[order]).cumsum(0) < epsilon
    query = torch.zeros_like(contributions)
    query[order] = affordable.to(contributions)
    return query * (contributions > threshold)


def threshold_of(rho: float) -> float:
    """The threshold on contributions that a relevance rho stands for (Sec. 3.2.3)."""
    return rho / (1 + rho)


def interpolate(target: Tensor, reference: Tensor, query: Tensor) -> Tensor:
    """Styles between those of target and reference, channel by channel (Eq. 3).

    Args:
        target: ``[n, c]``, or ``[1, c]``.
        reference: ``[n, c]``, or ``[1, c]``.
        query: ``[c]`` or ``[n, c]``.

    Returns:
        ``[n, c]``.
    """
    return target + query * (reference - target)
