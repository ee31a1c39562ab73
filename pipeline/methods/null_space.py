"""The subspaces of LowRankGAN (Zhu et al. 2021, Sec. 3): where one region moves, another rests."""

import torch
from torch import Tensor

_GONE = 1e-9  # length of a projected unit vector that counts as zero


def principal_subspace(low_rank: Tensor) -> tuple[Tensor, Tensor]:
    """What a low-rank matrix ``[m, d]`` reacts to.

    Returns:
        Its right singular vectors, unit rows ``[r, d]`` for the numerical rank r, by decreasing
        singular value; and these values ``[r]``.
    """
    rank = int(torch.linalg.matrix_rank(low_rank))
    _, values, rows = torch.linalg.svd(low_rank)
    return rows[:rank], values[:rank]


def null_space(low_rank: Tensor, relax: int = 0) -> Tensor:
    """What a low-rank matrix ``[m, d]`` does not react to, or hardly.

    Args:
        low_rank: the matrix, of numerical rank r.
        relax: so many of the weakest right singular vectors that it does react to belong to the
            result as well (the relaxation of Sec. 3.3); the strongest one never does.

    Returns:
        Orthonormal rows ``[d - r + relax, d]``; at least one row, and at most d - 1.
    """
    rows: Tensor = torch.linalg.svd(low_rank, full_matrices=True).Vh
    rank = int(torch.linalg.matrix_rank(low_rank))
    return rows[min(max(1, rank - relax), len(rows) - 1) :]


def project(directions: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """Directions within a subspace.

    Args:
        directions: unit rows ``[k, d]``.
        basis: orthonormal rows ``[b, d]``.

    Returns:
        The projected rows ``[m, d]``, of unit length again, without those of which nothing is left
        (the reference scales up the rounding errors of these); and the index of each ``[m]``.
    """
    projected = directions @ basis.T @ basis
    lengths = projected.norm(dim=1)
    kept = (lengths > _GONE).nonzero().flatten()
    return projected[kept] / lengths[kept, None], kept
