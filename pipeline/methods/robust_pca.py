"""Robust PCA: a matrix as the sum of a low-rank and a sparse one (Candès et al. 2011).

Principal component pursuit, ``min ||L||_* + lamb ||S||_1`` with ``L + S = M``, by the alternating
directions of Candès et al. 2011, algorithm 1, with the penalty held fixed. All in float64.

The stopping rule of the paper, which LowRankGAN's reference shares, looks at ``M - L - S`` alone.
That can be met long before the minimum: what comes out then is an iterate that depends on the
penalty. ``Stopping.BOTH`` also waits for the sparse part to stand still.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from pipeline.errors import UserError

TOLERANCE = 1e-7
MAX_ITERATIONS = 10_000
_SYMMETRIC = 1e-12  # asymmetry of a matrix that counts as rounding, as a share of its norm


class Penalty(StrEnum):
    """The norm of M in the penalty ``mu = size / (4 ||M||)``."""

    OPERATOR = "operator"
    ENTRYWISE = "entrywise"


class Stopping(StrEnum):
    """What must be small before the iteration ends."""

    PRIMAL = "primal"
    BOTH = "both"


@dataclass(frozen=True, eq=False)
class Decomposition:
    """A matrix in two parts.

    Attributes:
        low_rank: L, float64.
        sparse: S, float64.
        iterations: how many it took.
        converged: whether the stopping rule was met.
    """

    low_rank: Tensor
    sparse: Tensor
    iterations: int
    converged: bool


def robust_pca(
    matrix: Tensor,
    lamb: float | None = None,
    penalty: Penalty = Penalty.OPERATOR,
    stopping: Stopping = Stopping.PRIMAL,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> Decomposition:
    """Split a matrix ``[m, n]``; the result scales with it.

    Args:
        matrix: M.
        lamb: weight of the sparse part. None is ``1 / sqrt(max(m, n))``, for which Candès et al.
            prove recovery. LowRankGAN's reference takes 1/60 for its matrices of 512 x 512; where
            ``lamb * max(m, n) <= 1`` the minimum is L = 0 for any matrix.
        penalty: ``operator`` takes the largest column sum of magnitudes (LowRankGAN's reference),
            ``entrywise`` the sum of all magnitudes (the paper).
        stopping: ``primal`` ends when ``||M - L - S||_F <= tolerance ||M||_F`` (paper and
            reference), ``both`` when S moves no further than that either.
        tolerance: see ``stopping``.
        max_iterations: ends it in any case.

    Raises:
        UserError: the matrix is zero, not finite, or lamb is not positive.
    """
    M = matrix.double()
    weight = 1 / math.sqrt(max(M.shape)) if lamb is None else lamb
    mu = _penalty(M, weight, penalty)
    shrink, small = _shrinkage(M), tolerance * float(M.norm())
    low, sparse, dual = (torch.zeros_like(M) for _ in range(3))
    for iteration in range(1, max_iterations + 1):
        low = shrink(M - sparse + dual / mu, 1 / mu)
        before, sparse = sparse, soft_threshold(M - low + dual / mu, weight / mu)
        residual = M - low - sparse
        dual = dual + mu * residual
        moved = float((sparse - before).norm()) if stopping == Stopping.BOTH else 0.0
        if max(float(residual.norm()), moved) <= small:
            return Decomposition(low, sparse, iteration, converged=True)
    return Decomposition(low, sparse, max_iterations, converged=False)


def soft_threshold(values: Tensor, threshold: float) -> Tensor:
    """Every value moved towards zero by the threshold, and no further than zero."""
    return values.sign() * (values.abs() - threshold).clamp(min=0)


def shrink_singular_values(matrix: Tensor, threshold: float) -> Tensor:
    """``U soft(s) V'`` of a matrix ``U diag(s) V'``."""
    U, s, Vh = torch.linalg.svd(matrix, full_matrices=False)
    shrunk: Tensor = U * soft_threshold(s, threshold) @ Vh
    return shrunk


def shrink_eigenvalues(matrix: Tensor, threshold: float) -> Tensor:
    """The same of a symmetric matrix, whose singular values are magnitudes of eigenvalues."""
    values, vectors = torch.linalg.eigh(matrix)
    shrunk: Tensor = vectors * soft_threshold(values, threshold) @ vectors.T
    return shrunk


def _shrinkage(matrix: Tensor) -> Callable[[Tensor, float], Tensor]:
    """The cheaper of the two: from a symmetric start every iterate is symmetric."""
    square = matrix.shape[0] == matrix.shape[1]
    if square and float((matrix - matrix.T).norm()) <= _SYMMETRIC * float(matrix.norm()):
        return shrink_eigenvalues
    return shrink_singular_values


def _penalty(matrix: Tensor, weight: float, penalty: Penalty) -> float:
    magnitudes = matrix.abs()
    norm = magnitudes.sum() if penalty == Penalty.ENTRYWISE else magnitudes.sum(dim=0).max()
    if not (norm > 0 and norm.isfinite()):
        raise UserError("Robust PCA of a matrix that is zero or not finite: nothing to split.")
    if not weight > 0:
        raise UserError(f"lamb={weight} must be greater than 0, or null for 1 / sqrt(size).")
    return matrix.numel() / (4 * float(norm))
