"""The leading directions of ReSeFa's quotient from products with M_f and M_b alone.

A generalised Davidson method: the quotient is maximised over a subspace that grows by the
preconditioned residuals of the directions still sought (Morgan & Scott 1986). The preconditioner is
the Woodbury form of Zhu et al. 2022, Eq. 12, with a factor of M_b that costs nothing, Nystroem's
from the products already made; so is the estimate of M_b's trace. Unlike LOBPCG and block Lanczos
it forgets no product: each one costs passes through a network, whereas the algebra between them is
of no account.

The number of products grows with the directions sought and with the eigenvalues of M_b above the
ridge, which are fewer than 1 / tau; the dimension hardly matters.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pipeline.methods.eigen import TAU, pencil, ridge
from pipeline.methods.signs import unit_rows

Progress = Callable[[int, int], None]

SAMPLE = 64
TOLERANCE = 1e-3
MAX_STEPS = 50
_FAINT = 0.01  # of the first eigenvalue: below, residuals are relative to this share of it


class Products(Protocol):
    """Products with M_f and M_b."""

    @property
    def point(self) -> Tensor:
        """A vector ``[d]`` of the products' dtype and device."""

    def __call__(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """M_f v and M_b v for each v of ``[m, d]``, in float64."""


@dataclass(frozen=True, eq=False)
class Leading:
    """The leading directions and how accurate they are.

    Attributes:
        directions: rows ``[k, d]`` of unit Euclidean norm, float64, by decreasing eigenvalue; the
            component of largest magnitude is positive. They are not orthogonal to each other.
        eigenvalues: ``[k]``, the quotient along each of them.
        residuals: ``[k]``, each a bound on the distance to an exact eigenvalue as a share of the
            eigenvalue (of a hundredth of the first, where that is more), for the trace as it is
            estimated and up to the precision of the products. The error itself is of the order of
            its square; that of a direction is about it, divided by the relative gap to the others.
        trace: of M_b, estimated.
        trace_error: its standard error. An error in the trace changes the eigenvalues by at most
            the same share.
        products: the number of vectors multiplied.
    """

    directions: Tensor
    eigenvalues: Tensor
    residuals: Tensor
    trace: float
    trace_error: float
    products: int


def leading(
    products: Products,
    count: int,
    random: torch.Generator,
    tau: float = TAU,
    sample: int = SAMPLE,
    tolerance: float = TOLERANCE,
    progress: Progress | None = None,
) -> Leading:
    """The leading solutions of ReSeFa, Eq. 11.

    Memory: three float64 matrices ``[m, d]`` for m vectors multiplied, at most ``sample`` and
    ``MAX_STEPS`` times ``count``.

    Args:
        products: of M_f and M_b.
        count: directions sought.
        random: draws the first vectors.
        tau: the ridge, as a share of the trace of M_b (Eq. 10).
        sample: how many vectors are drawn; the trace's error falls with them.
        tolerance: residual at which a direction is good enough.
        progress: called with a percentage and 100.

    Raises:
        UserError: tau or the trace is not positive.
    """
    d = len(products.point)
    count = min(count, d)
    told = _Progress(progress, tolerance)
    space = _Subspace.drawn(products, min(d, max(sample, 2 * count)), random)
    trace, trace_error = space.trace()
    shift = ridge(trace, tau)
    for _ in range(MAX_STEPS):
        found = space.ritz(count, shift)
        told.tell(float(found.errors.max()))
        unfinished = found.errors > tolerance
        if not unfinished.any() or len(space) == d:
            break
        space = space.grown(found.corrections[unfinished])
    told.end()
    rows = unit_rows(found.vectors)
    return Leading(rows, found.values, found.errors, trace, trace_error, len(space))


@dataclass(frozen=True, eq=False)
class _Ritz:
    """The best directions of a subspace, and the preconditioned residuals to improve them by."""

    values: Tensor
    vectors: Tensor
    errors: Tensor
    corrections: Tensor


@dataclass(frozen=True, eq=False)
class _Subspace:
    """An orthonormal basis, rows ``[m, d]``, and its products."""

    products: Products
    basis: Tensor
    foreground: Tensor
    background: Tensor

    def __len__(self) -> int:
        return len(self.basis)

    @classmethod
    def drawn(cls, products: Products, size: int, random: torch.Generator) -> "_Subspace":
        """A uniformly random subspace."""
        d, device = len(products.point), products.point.device
        normal = torch.randn(d, size, generator=random, dtype=torch.float64).to(device)
        basis = torch.linalg.qr(normal).Q.T
        return cls(products, basis, *products(basis))

    def grown(self, directions: Tensor) -> "_Subspace":
        """The subspace with more directions ``[a, d]``, as far as there is room for them."""
        new = directions[: self.basis.shape[1] - len(self)]
        for _ in range(2):  # once leaves rounding errors behind
            new = new / new.norm(dim=1, keepdim=True)
            new = torch.linalg.qr((new - new @ self.basis.T @ self.basis).T).Q.T
        foreground, background = self.products(new)
        return _Subspace(
            self.products,
            torch.cat([self.basis, new]),
            torch.cat([self.foreground, foreground]),
            torch.cat([self.background, background]),
        )

    def ritz(self, count: int, shift: float) -> _Ritz:
        """Rayleigh-Ritz: the problem of Eq. 11 within the subspace."""
        identity = torch.eye(len(self)).to(self.basis)
        within = (self.foreground @ self.basis.T, self.background @ self.basis.T + shift * identity)
        values, mixtures = (part[:count] for part in pencil(*within))
        vectors = mixtures @ self.basis
        of_background = mixtures @ self.background + shift * vectors
        residuals = mixtures @ self.foreground - values[:, None] * of_background
        corrections = self._inverse(residuals, shift)
        scale = values.clamp(min=_FAINT * float(values[0]))
        errors = (residuals * corrections).sum(1).clamp(min=0).sqrt() / scale
        return _Ritz(values, vectors, errors, corrections)

    def trace(self) -> tuple[float, float]:
        """The trace of M_b and its standard error; the basis must have been drawn.

        XNysTrace (Epperly, Tropp & Webber 2024): every vector in turn measures what the factor
        from the others leaves out, a part of which it is a uniformly random unit vector.
        """
        if not self.background.any():
            return 0.0, 0.0
        lifted, lift, lower = self._lifted()
        m, d = self.basis.shape
        inverse = torch.cholesky_inverse(lower)
        weights = inverse.diagonal()
        whole = torch.linalg.solve_triangular(lower, lifted, upper=False).square().sum()
        without = whole - (inverse @ lifted).square().sum(1) / weights
        estimates = without + (d - m + 1) / weights - lift * d
        error = float(estimates.std()) / math.sqrt(m) if m > 1 else math.inf
        return float(estimates.mean()), error

    def _inverse(self, rows: Tensor, shift: float) -> Tensor:
        """Eq. 12 for rows ``[a, d]``: (t I + V' diag(s) V)^-1, with V and s from the products.

        The factor is never more than M_b (Nystroem), so neither is the inverse less than that of
        M_b + t I: lengths that it measures are bounds.
        """
        lifted, lift, lower = self._lifted()
        half = torch.linalg.solve_triangular(lower, lifted, upper=False)
        _, singular, vectors = torch.linalg.svd(half, full_matrices=False)
        values = (singular.square() - lift).clamp(min=0)
        along = rows @ vectors.T
        solved: Tensor = (rows - (along * (values / (values + shift))) @ vectors) / shift
        return solved

    def _lifted(self) -> tuple[Tensor, float, Tensor]:
        """Products with M_b + lift I, the lift, and the Cholesky factor of them in the subspace.

        The lift hides the rounding errors that make a semi-definite matrix indefinite.
        """
        precision = torch.finfo(self.products.point.dtype).eps
        for share in (1, 10, 100, 1000):
            lift = share * precision * float(self.background.norm())
            lifted = self.background + lift * self.basis
            within = lifted @ self.basis.T
            lower, failed = torch.linalg.cholesky_ex((within + within.T) / 2)
            if not failed:
                return lifted, lift, lower
        raise ValueError("M_b is not positive semi-definite, or not finite")


class _Progress:
    """Percent of the way that residuals have come down, in orders of magnitude."""

    def __init__(self, progress: Progress | None, tolerance: float) -> None:
        self._progress, self._tolerance = progress, tolerance
        self._first, self._done = 0.0, 0

    def tell(self, residual: float) -> None:
        self._first = max(self._first, residual)
        way = math.log(max(self._first / self._tolerance, math.e))
        come = math.log(self._first / residual) if residual > 0 else way
        self._say(int(100 * come / way))

    def end(self) -> None:
        self._say(100)

    def _say(self, percent: int) -> None:
        self._done = max(self._done, min(percent, 100))
        if self._progress is not None:
            self._progress(self._done, 100)
