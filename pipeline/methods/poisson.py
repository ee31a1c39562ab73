"""Poisson image editing (Pérez, Gangnet & Blake 2003): a region of one picture set into another."""

from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu
from torch import Tensor

from pipeline.errors import UserError

_STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))
Floats = NDArray[np.float64]
Entry = TypeVar("Entry", bound=np.generic)


class PoissonSystem:
    """The discrete Poisson equation on the pixels of a mask (Eq. 7 of the paper), factorised.

    No package of this project clones seamlessly, so the equation is put together here and solved by
    SuperLU (``scipy.sparse.linalg.splu``): four neighbours, those within the picture alone at its
    border, and the values of the target around the mask as the boundary.

    Args:
        mask: ``[H, W]``; pixels of at least a half belong to it.

    Raises:
        UserError: it covers the whole picture, which leaves no border to join at.
    """

    def __init__(self, mask: Tensor) -> None:
        self.inside: NDArray[np.bool_] = (mask >= 0.5).cpu().numpy()
        if self.inside.all():
            raise UserError(
                "method=poisson_blending joins a region to what surrounds it, and this region is "
                "the whole picture: choose a smaller one."
            )
        self._factors = splu(self._matrix()) if self.inside.any() else None

    def solve(self, target: Tensor, source: Tensor) -> Tensor:
        """Pictures ``[..., H, W]`` with the gradients of the source within the mask (Eq. 10, 11).

        Outside the mask they are the target's, pixel for pixel.
        """
        if self._factors is None:
            return target
        shape = target.shape
        f, g = (
            x.detach().double().cpu().reshape(-1, *shape[-2:]).numpy() for x in (target, source)
        )
        right = np.stack([self._right_side(a, b) for a, b in zip(f, g, strict=True)], axis=1)
        filled = f.copy()
        filled[:, self.inside] = self._factors.solve(right).T
        return torch.from_numpy(filled).reshape(shape).to(target)

    def _matrix(self) -> csc_matrix:
        """|N_p| f_p minus the neighbours within the mask, one row per pixel of it."""
        count = int(self.inside.sum())
        number = np.full(self.inside.shape, -1)
        number[self.inside] = np.arange(count)
        own = number[self.inside]
        rows, columns, degree = [own], [own], np.zeros(count)
        for step in _STEPS:
            neighbour, exists = _shifted(number, step, -1), _exists(self.inside.shape, step)
            degree += exists[self.inside]
            near = neighbour[self.inside]
            rows.append(own[near >= 0])
            columns.append(near[near >= 0])
        off = sum(len(part) for part in rows[1:])
        values = np.concatenate([degree, -np.ones(off)])
        places = np.concatenate(rows), np.concatenate(columns)
        return csc_matrix((values, places), shape=(count, count))

    def _right_side(self, f: Floats, g: Floats) -> Floats:
        """Values of the target around the mask, and differences of the source within it."""
        total = np.zeros(f.shape)
        for step in _STEPS:
            exists = _exists(f.shape, step)
            outside = exists & ~_shifted(self.inside, step, False)
            total += np.where(outside, _shifted(f, step, 0.0), 0.0)
            total += np.where(exists, g - _shifted(g, step, 0.0), 0.0)
        right: Floats = total[self.inside]
        return right


def poisson_blend(target: Tensor, source: Tensor, mask: Tensor) -> Tensor:
    """The masked region of the source set seamlessly into the target.

    Args:
        target: ``[n, 3, H, W]``.
        source: likewise.
        mask: ``[H, W]``, or one per picture ``[n, H, W]``.

    Returns:
        ``[n, 3, H, W]``; not clamped, as gradients may carry it beyond the range.

    Raises:
        UserError: a mask covers a whole picture.
    """
    if mask.ndim == 2:
        return PoissonSystem(mask).solve(target, source)
    triples = zip(target, source, mask, strict=True)
    return torch.stack([PoissonSystem(m).solve(t, s) for t, s, m in triples])


def _shifted(x: NDArray[Entry], step: tuple[int, int], fill: object) -> NDArray[Entry]:
    """What lies one step away of every pixel; `fill` beyond the picture."""
    height, width = x.shape
    padded = np.full((height + 2, width + 2), fill, dtype=x.dtype)
    padded[1:-1, 1:-1] = x
    row, column = 1 + step[0], 1 + step[1]
    moved: NDArray[Entry] = padded[row : row + height, column : column + width]
    return moved


def _exists(shape: tuple[int, ...], step: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixels have a neighbour there."""
    return _shifted(np.ones(shape, dtype=np.bool_), step, False)
