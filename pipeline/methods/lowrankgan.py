"""LowRankGAN: low-rank subspaces of a region's Jacobian (Zhu et al. 2021)."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.methods.null_space import null_space, principal_subspace, project
from pipeline.methods.region_grams import Channels
from pipeline.methods.region_method import Found, RegionMethod
from pipeline.methods.robust_pca import (
    MAX_ITERATIONS,
    TOLERANCE,
    Decomposition,
    Penalty,
    Stopping,
    robust_pca,
)
from pipeline.methods.signs import unit_rows


@dataclass
class LowRankGAN(RegionMethod):
    """Directions that a region reacts to, projected on what the rest does not react to (Sec. 3).

    The matrices J'J of the region and of the rest are freed of what is sparse in them by robust
    PCA. The first one's principal directions are projected on the second one's null space; there
    are no more of them than the region's matrix has rank. For the options that are not here see
    :class:`RegionMethod`; the reference takes the mean over colours.

    Args:
        lamb: weight of the sparse part in robust PCA; None is one over the square root of the
            number of coordinates. The reference takes 1/60 at 512 of them; at 60 or fewer that
            leaves no low-rank part.
        penalty: of robust PCA: ``operator`` as the reference, ``entrywise`` as Candès et al.
        stopping: of robust PCA: ``primal`` as the reference, ``both`` to wait for the minimum.
        tolerance: of robust PCA.
        max_iterations: of robust PCA.
        num_relax: so many of the rest's weakest directions may be used as well (the relaxation).
        project: False keeps the region's principal directions as they are.
    """

    channels: Channels = Channels.MEAN
    chunk: int = 32
    lamb: float | None = None
    penalty: Penalty = Penalty.OPERATOR
    stopping: Stopping = Stopping.PRIMAL
    tolerance: float = TOLERANCE
    max_iterations: int = MAX_ITERATIONS
    num_relax: int = 0
    project: bool = True
    name: str = "lowrankgan"

    def __post_init__(self) -> None:
        super().__post_init__()
        kinds: dict[str, Iterable[str]] = {"penalty": Penalty, "stopping": Stopping}
        for option, allowed in kinds.items():
            if getattr(self, option) not in tuple(allowed):
                raise unknown_name(option, getattr(self, option), allowed)
        self.penalty, self.stopping = Penalty(self.penalty), Stopping(self.stopping)
        if self.max_iterations < 1:
            raise UserError(f"max_iterations={self.max_iterations} must be at least 1.")
        for option in ("lamb", "tolerance"):
            value = getattr(self, option)
            if value is not None and not value > 0:
                raise UserError(f"{option}={value} must be greater than 0.")
        if self.num_relax < 0:
            raise UserError(f"num_relax={self.num_relax} must be at least 0.")

    def solve(self, foreground: Tensor, background: Tensor) -> Found:
        """Robust PCA of both matrices, and the projection.

        Raises:
            UserError: no direction is left.
        """
        parts = [self._split(matrix) for matrix in (foreground, background)]
        directions, values, ranks = self._directions(*(p.low_rank for p in parts))
        extra = {
            "eigenvalues": values,
            "ranks": ranks,
            "iterations": torch.tensor([p.iterations for p in parts]),
            "converged": torch.tensor([p.converged for p in parts]),
        }
        return Found(directions, extra)

    def _split(self, matrix: Tensor) -> Decomposition:
        return robust_pca(
            matrix, self.lamb, self.penalty, self.stopping, self.tolerance, self.max_iterations
        )

    def _directions(self, foreground: Tensor, background: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Unit rows, the region's singular value of each, and the ranks of both matrices."""
        principal, values = principal_subspace(foreground)
        basis = null_space(background, self.num_relax)
        ranks = torch.tensor([len(principal), int(torch.linalg.matrix_rank(background))])
        if self.project:
            principal, kept = project(principal, basis)
            values = values[kept]
        if len(principal) == 0:
            raise UserError(
                f"method={self.name}: no direction is left (ranks of region and rest: "
                f"{ranks.tolist()}, lamb={self.lamb}). A greater method.lamb leaves more of the "
                "matrices low-rank; a greater method.num_relax more directions for the region."
            )
        kept_rows = slice(0, self.num_directions)
        return unit_rows(principal[kept_rows]), values[kept_rows], ranks
