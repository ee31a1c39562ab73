"""ReSeFa's computation as its public code goes about it, to be measured beside ours.

One backward pass per value of the image; the whole Jacobian in memory, first as a list of its rows;
float32 throughout; the inverse of the background matrix and the general eigenvalue problem.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.methods.clock import now

ImageFunction = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class RowTimes:
    """Seconds of the forward pass, and of the backward pass of one row (median)."""

    forward: float
    row: float

    def whole(self, rows: int) -> float:
        """Seconds of a Jacobian of so many rows."""
        return self.forward + rows * self.row


def rows_of(
    function: ImageFunction, point: Tensor, rows: Sequence[int]
) -> tuple[list[Tensor], RowTimes]:
    """Some rows of the Jacobian, a backward pass each, as ``torch.autograd.functional.jacobian``.

    Args:
        function: latent ``[d]`` to an image.
        point: the latent.
        rows: indices of values of the flat image.
    """
    times = [now(point.device)]
    latent = point.clone().requires_grad_()
    values = function(latent).reshape(-1)
    times.append(now(point.device))
    found: list[Tensor] = []
    for row in rows:
        found += torch.autograd.grad(values[row], latent, retain_graph=True)
        times.append(now(point.device))
    forward, *backward = [b - a for a, b in zip(times, times[1:], strict=False)]
    return found, RowTimes(forward, statistics.median(backward))


def directions(jacobian: Tensor, inside: Tensor, tau: float) -> Tensor:
    """All directions ``[d, d]`` as rows, by decreasing eigenvalue.

    Args:
        jacobian: ``[rows, d]``, float32.
        inside: which rows belong to the region, bool.
        tau: the regularisation; 0 is the public default.
    """
    parts = jacobian[inside], jacobian[~inside]
    foreground, background = (part.T @ part / len(part) for part in parts)
    identity = torch.eye(len(background)).to(background)
    background = background + tau * background.trace() * identity
    values, vectors = torch.linalg.eig(torch.linalg.inv(background) @ foreground)
    found: Tensor = vectors.real.T[values.real.argsort(descending=True)]
    return found


def hold_everything(
    functions: Sequence[ImageFunction], point: Tensor, inside: Tensor, sample: int
) -> list[Tensor]:
    """What all rows of several images would hold, from the first ``sample`` rows over and over.

    As in the public code the Jacobians of all images are kept in one array, from which the
    directions of each are found.
    """
    jacobians = torch.stack([_stacked(f, point, len(inside), sample) for f in functions])
    return [directions(jacobian, inside, tau=1e-3) for jacobian in jacobians]


def _stacked(function: ImageFunction, point: Tensor, rows: int, sample: int) -> Tensor:
    found, _ = rows_of(function, point, range(sample))
    return torch.stack([found[i % sample].clone() for i in range(rows)])
