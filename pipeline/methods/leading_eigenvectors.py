"""Leading eigenvectors of a large symmetric matrix from products with it, in two ways.

:func:`power_iteration` is the published one: one vector at a time, by differences of gradients.
:func:`block_krylov` keeps every product that it has paid for and takes the best of their span.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.methods.signs import unit_rows

Multiply = Callable[[Tensor], Tensor]
"""H v for each v of ``[m, d]``."""

Gradient = Callable[[Tensor], Tensor]
"""The gradient ``[d]`` at a point ``[d]`` of a function that is least at 0."""

Percent = Callable[[int, int], None]

BLOCK = 4
MAX_STEPS = 200
_FAINT = 0.01  # of the first eigenvalue: below, residuals are relative to this share of it


@dataclass(frozen=True, eq=False)
class Eigenvectors:
    """Leading eigenvectors.

    Attributes:
        vectors: rows ``[k, d]``, orthonormal, by decreasing eigenvalue; the largest component of
            each is positive.
        values: eigenvalues ``[k]``, float64.
        residuals: ``||H v - value v||`` as a share of the value (of a hundredth of the first where
            that is more), ``[k]``; not a number where it was not computed.
    """

    vectors: Tensor
    values: Tensor
    residuals: Tensor


def power_iteration(
    gradient: Gradient,
    start: Tensor,
    count: int,
    random: torch.Generator,
    iterations: int = 10,
    epsilon: float = 0.1,
    normalise: bool = False,
    progress: Percent | None = None,
) -> Eigenvectors:
    """NaviGAN, Sec. 3.3, Eq. 4: v becomes (g(eps v) - g(-eps v)) / (2 eps ||v||), then the next.

    After each step v is projected onto the complement of the vectors found before.

    Args:
        gradient: g.
        start: a point ``[d]``, for the dtype and the device.
        count: eigenvectors sought.
        random: draws the first v of each.
        iterations: steps for each.
        epsilon: the size of the difference, as a share of ||v||.
        normalise: make v a unit vector before every step; the published code does not, so that its
            differences reach over eps times the eigenvalue (at first over eps sqrt(d)).
        progress: called with the eigenvectors found and to be found.
    """
    found, values = start.new_zeros(0, len(start)), []
    for index in range(min(count, len(start))):
        drawn = torch.randn(len(start), generator=random, dtype=start.dtype).to(start.device)
        v = _outside(drawn, found)
        for _ in range(iterations):
            v = v / v.norm() if normalise else v
            difference = gradient(epsilon * v) - gradient(-epsilon * v)
            v = _outside(difference / (2 * epsilon * v.norm()), found)
        values.append(float(v.norm()))
        found = torch.cat([found, v[None] / v.norm()])
        if progress is not None:
            progress(index + 1, count)
    told = torch.tensor(values, dtype=torch.float64)
    order = told.argsort(descending=True)
    rows = unit_rows(found[order.to(found.device)])
    return Eigenvectors(rows, told[order], torch.full_like(told, torch.nan))


def block_krylov(
    multiply: Multiply,
    start: Tensor,
    count: int,
    random: torch.Generator,
    tolerance: float = 5e-3,
    block: int = BLOCK,
    most: int | None = None,
    progress: Percent | None = None,
) -> Eigenvectors:
    """Block Lanczos with all of its vectors kept (Saad 2011, Sec. 6.5 and 6.6; Ritz restarts).

    The subspace grows by the residuals of the first directions that are not yet accurate. As
    exact arithmetic would have it, that is the Krylov space of a random block; in floating point
    it does not lose its orthogonality, and it has no three-term recurrence to keep in step with.

    Args:
        multiply: products with a symmetric, positive semi-definite matrix.
        start: a point ``[d]``, for the dtype and the device.
        count: eigenvectors sought.
        random: draws the first block.
        tolerance: residual at which an eigenvector is accurate enough; the angle to the exact one
            is at most about this, divided by the relative gap to the other eigenvalues.
        block: vectors multiplied at a time.
        most: vectors held, with as many products; beyond, only the best of their span are kept.
            None is 6 times as many as are sought.
        progress: called with a percentage and 100.
    """
    d = len(start)
    count, told = min(count, d), _Told(progress)
    drawn = torch.randn(d, min(block, d), generator=random, dtype=start.dtype).to(start.device)
    space = _Space.of(torch.linalg.qr(drawn).Q.T, multiply)
    most = min(d, max(most or 6 * count, count + 2 * block))
    for _ in range(MAX_STEPS * max(1, count // block)):
        ritz = space.ritz(count)
        unfinished = ritz.residuals.norm(dim=1) > tolerance * ritz.scale.to(start)
        told.tell(int((~unfinished).sum()), count)
        complete = len(unfinished) == count and not bool(unfinished.any())
        if complete or len(space) == d:
            break
        if most < d and len(space) + block > most:
            space = space.restarted(count + block)
        grown = space.grown(ritz.residuals[unfinished][:block], multiply)
        if grown is None:  # what is left of the residuals is rounding
            break
        space = grown
    told.end()
    ritz = space.ritz(count)
    errors = ritz.residuals.norm(dim=1).double().cpu() / ritz.scale
    return Eigenvectors(unit_rows(ritz.vectors), ritz.values, errors)


@dataclass(frozen=True, eq=False)
class _Ritz:
    """The best vectors of a subspace ``[k, d]``, their values ``[k]`` and what is wrong of each."""

    vectors: Tensor
    values: Tensor
    residuals: Tensor

    @property
    def scale(self) -> Tensor:
        """What residuals are shares of."""
        least = max(_FAINT * float(self.values[0]), torch.finfo(torch.float64).tiny)
        return self.values.clamp(min=least)


@dataclass(frozen=True, eq=False)
class _Space:
    """An orthonormal basis, rows ``[m, d]``, and its products."""

    basis: Tensor
    products: Tensor

    def __len__(self) -> int:
        return len(self.basis)

    @classmethod
    def of(cls, basis: Tensor, multiply: Multiply) -> "_Space":
        return cls(basis, multiply(basis))

    def ritz(self, count: int) -> _Ritz:
        """Rayleigh-Ritz, the small problem in float64."""
        values, mixtures = self._solved(count)
        vectors, images = mixtures @ self.basis, mixtures @ self.products
        residuals = images - values.to(images)[:, None] * vectors
        return _Ritz(vectors, values.cpu(), residuals)

    def grown(self, directions: Tensor, multiply: Multiply) -> "_Space | None":
        """With more directions; None where these lie within it already."""
        new = directions[: self.basis.shape[1] - len(self)]
        lengths = new.norm(dim=1, keepdim=True)
        new = (new / lengths.clamp(min=torch.finfo(new.dtype).tiny))[lengths[:, 0] > 0]
        for _ in range(2):  # once leaves rounding errors behind
            new = torch.linalg.qr((new - new @ self.basis.T @ self.basis).T).Q.T
        if not len(new):
            return None
        products = torch.cat([self.products, multiply(new)])
        return _Space(torch.cat([self.basis, new]), products)

    def restarted(self, count: int) -> "_Space":
        """The best part of it, which costs no products."""
        _, mixtures = self._solved(count)
        return _Space(mixtures @ self.basis, mixtures @ self.products)

    def _solved(self, count: int) -> tuple[Tensor, Tensor]:
        within = (self.basis @ self.products.T).double()
        values, mixtures = torch.linalg.eigh((within + within.T) / 2)
        count = min(count, len(self))
        return values.flip(0)[:count], mixtures.T.flip(0)[:count].to(self.basis)


class _Told:
    """The share of eigenvectors that are accurate, as a percentage that never falls."""

    def __init__(self, progress: Percent | None) -> None:
        self._progress, self._done = progress, 0

    def tell(self, accurate: int, count: int) -> None:
        self._say(100 * accurate // count)

    def end(self) -> None:
        self._say(100)

    def _say(self, percent: int) -> None:
        self._done = max(self._done, min(percent, 100))
        if self._progress is not None:
            self._progress(self._done, 100)


def _outside(v: Tensor, found: Tensor) -> Tensor:
    """The part of v ``[d]`` that is orthogonal to orthonormal rows ``[k, d]``."""
    return v - (found @ v) @ found if len(found) else v
