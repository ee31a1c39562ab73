"""Hyperplanes between codes with and without an attribute, by linear support vector machines.

In Z and W as InterFaceGAN finds them (Shen et al. 2020, Sec. 3.1: L2 penalty), in S as Style
Intervention does (Liu et al. 2020, Sec. 3.1 and 4.2: L1 penalty, so that most channels have no part
in it). The solver is liblinear's (Fan et al. 2008), by scikit-learn.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from pipeline.errors import UserError

ITERATIONS = 2000
TOLERANCE = 1e-3


class Penalty(StrEnum):
    """Norm of the normal that is kept small."""

    L1 = "l1"
    L2 = "l2"


@dataclass(frozen=True, eq=False)
class Sides:
    """Codes of both classes, for training and for validation.

    Attributes:
        train: ``[n, d]``.
        train_positive: bool ``[n]``.
        validation: ``[m, d]``.
        validation_positive: bool ``[m]``.
    """

    train: Tensor
    train_positive: Tensor
    validation: Tensor
    validation_positive: Tensor


@dataclass(frozen=True, eq=False)
class Hyperplane:
    """A separating hyperplane: positive where ``values @ normal + offset > 0``.

    Attributes:
        normal: ``[d]``, unit norm, in the coordinates of the codes, towards the attribute.
        offset: in the same units.
        deviations: standard deviation of every coordinate over the training codes ``[d]``.
        train: share of the training codes on their side; likewise ``validation``.
        zeros: how many coordinates of the normal are exactly zero.
        C: weight of the errors against the penalty.
        converged: whether the solver said so.
    """

    normal: Tensor
    offset: float
    deviations: Tensor
    train: float
    validation: float
    zeros: int
    C: float
    converged: bool

    @property
    def sparsity(self) -> float:
        """Share of exact zeros in the normal."""
        return self.zeros / len(self.normal)

    @property
    def step(self) -> Tensor:
        """The normal in standardised coordinates, brought to the codes': ``[d]``, unit norm.

        Along it every coordinate moves in proportion to how much it varies, while a step along the
        normal itself moves most what varies least.
        """
        step: Tensor = self.normal * self.deviations.square()
        return step / float(step.norm())


def separate(
    sides: Sides, penalty: Penalty, C: float, standardise: bool, seed: int = 0
) -> Hyperplane:
    """The hyperplane of a support vector machine with squared hinge loss.

    Args:
        sides: the codes.
        penalty: norm of the normal that is kept small.
        C: weight of the errors against it.
        standardise: fit on coordinates divided by their standard deviation, and map the normal
            back; a penalty sees the scale of the coordinates, which in S means nothing.
        seed: of the solver's order of coordinates.

    Raises:
        UserError: no coordinate tells the classes apart under so small a C.
    """
    mean, std = sides.train.double().mean(0), sides.train.double().std(0)
    scale = torch.where(std > 0, std, torch.inf) if standardise else torch.ones_like(std)
    points = ((sides.train.double() - mean) / scale).cpu()
    weights, bias, converged = _fit(points, sides.train_positive, penalty, C, seed)
    normal = weights / scale.cpu()
    length = float(normal.norm())
    if length == 0:
        raise UserError(
            f"C={C:g} is so small that no coordinate is left in the hyperplane: take a greater one."
        )
    normal, offset = normal / length, (bias - float(normal @ mean.cpu())) / length
    return Hyperplane(
        normal,
        offset,
        std.cpu(),
        accuracy(normal, offset, sides.train, sides.train_positive),
        accuracy(normal, offset, sides.validation, sides.validation_positive),
        int((weights == 0).sum()),
        C,
        converged,
    )


def sweep(
    sides: Sides, penalty: Penalty, Cs: Sequence[float], standardise: bool, seed: int = 0
) -> list[Hyperplane]:
    """Hyperplanes for several C; those under which nothing is left are missing."""
    found = []
    for C in Cs:
        try:
            found.append(separate(sides, penalty, C, standardise, seed))
        except UserError:
            continue
    return found


def accuracy(normal: Tensor, offset: float, values: Tensor, positive: Tensor) -> float:
    """Share of the codes ``[n, d]`` on their side."""
    side = values.double().cpu() @ normal + offset > 0
    return float((side == positive.cpu()).double().mean())


def orthogonal(normal: Tensor, conditions: Sequence[Tensor]) -> Tensor:
    """A normal without its parts along others (InterFaceGAN, Shen et al. 2020, Eq. 7).

    For several conditions the whole span of their normals is taken out, so that a step changes the
    score of none of them to first order.

    Args:
        normal: ``[d]``.
        conditions: normals ``[d]`` of what should stay.

    Returns:
        ``[d]``, unit norm.

    Raises:
        UserError: nothing is left.
    """
    left = normal.double()
    if conditions:
        span = torch.linalg.qr(torch.stack([c.double() for c in conditions], dim=1)).Q
        left = left - span @ (span.T @ left)
    length = float(left.norm())
    if length < 1e-6 * float(normal.norm()):
        raise UserError("The conditions take all of the attribute away: give fewer of them.")
    return left / length


def _fit(
    points: Tensor, positive: Tensor, penalty: Penalty, C: float, seed: int
) -> tuple[Tensor, float, bool]:
    """Weights ``[d]``, float64, bias, and whether the solver converged."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    machine = LinearSVC(
        penalty=penalty.value,
        dual=False,
        C=C,
        max_iter=ITERATIONS,
        tol=TOLERANCE,
        random_state=seed,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        machine.fit(points.numpy(), positive.cpu().numpy())
    converged = not any(issubclass(w.category, ConvergenceWarning) for w in caught)
    return torch.from_numpy(machine.coef_[0]), float(machine.intercept_[0]), converged
