"""The generalised Rayleigh quotient of ReSeFa (Zhu et al. 2022, Sec. 3.3), solved three ways.

All take the matrices of the foreground, M_f, and of the background, M_b, ``[d, d]``, symmetric and
positive semi-definite, and compute in float64. A fourth way,
:func:`pipeline.methods.matrix_free.leading`, takes products with the matrices in their place.
"""

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.methods.signs import unit_rows

TAU = 1e-3


class Solver(StrEnum):
    """How the quotient is maximised."""

    CHOLESKY = "cholesky"
    REGULARISED = "regularised"
    WOODBURY = "woodbury"
    MATRIX_FREE = "matrix_free"


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Stationary directions of the Rayleigh quotient.

    Attributes:
        directions: rows ``[k, d]`` of unit Euclidean norm, float64, by decreasing eigenvalue; the
            component of largest magnitude is positive. They are not orthogonal to each other.
        eigenvalues: ``[k]``, the quotient along each of them.
        condition: condition number of M_b as given, infinite where it is singular.
        rank: numerical rank of M_b as given.
    """

    directions: Tensor
    eigenvalues: Tensor
    condition: float
    rank: int


def rayleigh_quotient(directions: Tensor, foreground: Tensor, background: Tensor) -> Tensor:
    """ReSeFa, Eq. 7: ``n' M_f n / n' M_b n`` for every row n of ``[..., d]``."""
    change = (directions @ foreground * directions).sum(-1)
    return change / (directions @ background * directions).sum(-1)


def solve(
    solver: Solver,
    foreground: Tensor,
    background: Tensor,
    tau: float = TAU,
    rank: int | None = None,
) -> Spectrum:
    """All directions, by the solver named; ``tau`` and ``rank`` where it takes them.

    Raises:
        UserError: the solver cannot solve this one.
        ValueError: the solver takes no matrices.
    """
    if solver == Solver.MATRIX_FREE:
        raise ValueError("matrix_free takes products with the matrices, not the matrices")
    if solver == Solver.CHOLESKY:
        return cholesky(foreground, background)
    if solver == Solver.REGULARISED:
        return regularised(foreground, background, tau)
    return woodbury(foreground, background, tau, rank)


def cholesky(foreground: Tensor, background: Tensor) -> Spectrum:
    """ReSeFa, Eq. 8-9: M_b = L L', eigenvectors y of L^-1 M_f L^-T, directions L^-T y.

    Raises:
        UserError: M_b is singular to working precision.
    """
    background = _symmetric(background)
    condition, rank = _condition(background)
    if rank < len(background):
        raise UserError(
            f"The background matrix is singular (rank {rank} of {len(background)}): some "
            "directions leave the background as it is. Use solver=regularised (or woodbury)."
        )
    return _by_cholesky(foreground, background, condition, rank)


def regularised(foreground: Tensor, background: Tensor, tau: float = TAU) -> Spectrum:
    """ReSeFa, Eq. 10-11: M_b + tau trace(M_b) I in the place of M_b.

    Raises:
        UserError: tau is not positive, or M_b is zero.
    """
    background = _symmetric(background)
    condition, rank = _condition(background)
    shift = ridge(float(background.trace()), tau) * torch.eye(len(background)).to(background)
    return _by_cholesky(foreground, background + shift, condition, rank)


def woodbury(
    foreground: Tensor, background: Tensor, tau: float = TAU, rank: int | None = None
) -> Spectrum:
    """ReSeFa, Eq. 12: the problem of Eq. 11 through a truncated eigendecomposition of M_b.

    With J_b = U S V' and so M_b = V S^2 V', the inverse of M_b + t I and its symmetric root C need
    only V and S; the eigenvectors y of C M_f C give the directions C y.

    C is the difference of two matrices of order 1 / sqrt(t): with a tau below about 1e-12 it loses
    the digits that Eq. 11 keeps.

    Args:
        foreground: M_f.
        background: M_b.
        tau: as in Eq. 10.
        rank: leading eigenvectors of M_b to keep; by default its numerical rank, which changes
            nothing. Fewer take the rest of M_b for zero.

    Raises:
        UserError: tau is not positive, M_b is zero, or ``rank`` is not within 1..d.
    """
    background = _symmetric(background)
    condition, full_rank = _condition(background)
    shift = ridge(float(background.trace()), tau)
    rank = full_rank if rank is None else rank
    if not 1 <= rank <= len(background):
        raise UserError(f"rank={rank} must be within 1..{len(background)}, the size of the latent.")
    values, vectors = torch.linalg.eigh(background)
    root = shifted_power(vectors[:, -rank:], values[-rank:], shift, exponent=-0.5)
    eigenvalues, y = torch.linalg.eigh(_symmetric(root @ _symmetric(foreground) @ root))
    rows = (root @ y).T.flip(0)
    return Spectrum(unit_rows(rows), eigenvalues.flip(0), condition, full_rank)


def shifted_power(vectors: Tensor, values: Tensor, shift: float, exponent: float) -> Tensor:
    """``(t I + V diag(s) V')^p``; for p = -1 the Sherman-Morrison-Woodbury form of ReSeFa, Eq. 12.

    Args:
        vectors: V, orthonormal columns ``[d, r]``.
        values: s, ``[r]``, not negative (in Eq. 12 the squares of singular values).
        shift: t, positive.
        exponent: p.

    Returns:
        ``[d, d]``.
    """
    base = shift**exponent
    gains = (values + shift) ** exponent - base
    identity = torch.eye(len(vectors), dtype=vectors.dtype, device=vectors.device)
    power: Tensor = base * identity + vectors * gains @ vectors.T
    return power


def pencil(foreground: Tensor, background: Tensor) -> tuple[Tensor, Tensor]:
    """All solutions of ``A x = lambda B x`` for symmetric A and positive definite B, in float64.

    Returns:
        Eigenvalues ``[d]``, decreasing, and eigenvectors as rows ``[d, d]`` with ``x' B x = 1``.
    """
    lower = torch.linalg.cholesky(_symmetric(background))
    half = torch.linalg.solve_triangular(lower, _symmetric(foreground), upper=False)
    whitened = torch.linalg.solve_triangular(lower, half.T, upper=False)
    eigenvalues, y = torch.linalg.eigh(_symmetric(whitened))
    vectors = torch.linalg.solve_triangular(lower.T, y, upper=True)
    return eigenvalues.flip(0), vectors.T.flip(0)


def ridge(trace: float, tau: float) -> float:
    """ReSeFa, Eq. 10: what is added to the diagonal of M_b, given its trace.

    Raises:
        UserError: it is not positive.
    """
    shift = tau * trace
    if not shift > 0:
        raise UserError(
            f"tau={tau:g} times the trace of the background matrix must be greater than 0, "
            f"got {shift:g}: give a positive tau, and a region that leaves some background."
        )
    return shift


def _by_cholesky(foreground: Tensor, background: Tensor, condition: float, rank: int) -> Spectrum:
    eigenvalues, rows = pencil(foreground, background)
    return Spectrum(unit_rows(rows), eigenvalues, condition, rank)


def _symmetric(matrix: Tensor) -> Tensor:
    matrix = matrix.double()
    return (matrix + matrix.T) / 2


def _condition(matrix: Tensor) -> tuple[float, int]:
    """Condition number and numerical rank of a positive semi-definite matrix."""
    values = torch.linalg.eigvalsh(matrix)
    threshold = values[-1].clamp(min=0) * len(values) * torch.finfo(values.dtype).eps
    rank = int((values > threshold).sum())
    return (float(values[-1] / values[0]) if rank == len(values) else float("inf")), rank
