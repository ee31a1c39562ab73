"""Families of shifts of one kernel: mixtures of a basis, always of unit norm (Sec. 3.2 and 3.4)."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pipeline.methods.weight_shift import unit_norm


class Basis(Protocol):
    """What shifts are mixed of."""

    def __len__(self) -> int:
        """The number of coefficients of a shift."""

    def shifts(self, coefficients: Tensor) -> Tensor:
        """Shifts ``[k, *kernel]`` of unit Frobenius norm for coefficients ``[k, len(self)]``."""


def flattened(kernel: Tensor) -> Tensor:
    """A kernel ``[out, in, kh, kw]`` as the matrix ``[kh kw in, out]`` (Robb et al. 2020)."""
    return kernel.permute(2, 3, 1, 0).reshape(-1, kernel.shape[0])


def folded(matrices: Tensor, shape: torch.Size) -> Tensor:
    """Kernels ``[k, out, in, kh, kw]`` of matrices ``[k, kh kw in, out]``, given a kernel's shape.

    The inverse of :func:`flattened`.
    """
    out, channels, height, width = shape
    return matrices.reshape(-1, height, width, channels, out).permute(0, 4, 3, 1, 2)


@dataclass(frozen=True, eq=False)
class SingularBasis:
    """Shifts of the singular values of a flattened kernel (NaviGAN, Sec. 3.2, detail 2).

    Mixtures are U diag(c) V, for c of unit length.

    Attributes:
        left: U, ``[kh kw in, r]``.
        right: V, ``[r, out]``.
        shape: of the kernel.
        values: singular values ``[r]``, descending.
    """

    left: Tensor
    right: Tensor
    shape: torch.Size
    values: Tensor

    @classmethod
    def of(cls, kernel: Tensor) -> "SingularBasis":
        """That of a kernel ``[out, in, kh, kw]``; computed in float64.

        The largest component of every row of V is positive.
        """
        left, values, right = torch.linalg.svd(flattened(kernel).double(), full_matrices=False)
        signs = right.gather(1, right.abs().argmax(dim=1, keepdim=True)).sign()
        parts = (part.to(kernel) for part in (left * signs.T, signs * right, values))
        left, right, values = parts
        return cls(left, right, kernel.shape, values)

    def __len__(self) -> int:
        return len(self.right)

    def shifts(self, coefficients: Tensor) -> Tensor:
        """See :meth:`Basis.shifts`."""
        mixed = (self.left * coefficients[:, None, :]) @ self.right
        return unit_norm(folded(mixed, self.shape))


@dataclass(frozen=True, eq=False)
class VectorBasis:
    """Mixtures of given shifts (NaviGAN, Sec. 3.4: of eigenvectors of the Hessian).

    A batch of mixtures is one product of matrices: the basis is not repeated for every sample.

    Attributes:
        vectors: ``[b, out, in, kh, kw]``.
    """

    vectors: Tensor

    def __len__(self) -> int:
        return len(self.vectors)

    def shifts(self, coefficients: Tensor) -> Tensor:
        """See :meth:`Basis.shifts`."""
        mixed = coefficients @ self.vectors.flatten(1)
        return unit_norm(mixed.reshape(-1, *self.vectors.shape[1:]))
