"""Principal components of vectors, exact in float64 however many there are."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.methods.signs import unit_rows
from pipeline.metrics.feature_statistics import Moments


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of a set of vectors.

    Attributes:
        directions: orthonormal rows ``[d, d]`` by decreasing variance, float64; the component of
            largest magnitude is positive.
        variances: of the vectors along each ``[d]``, divisor n - 1.
    """

    directions: Tensor
    variances: Tensor


def principal_components(moments: Moments) -> Components:
    """The components of vectors of which the moments are known; these add up over batches."""
    variances, vectors = torch.linalg.eigh(moments.covariance())
    return Components(unit_rows(vectors.T.flip(0)), variances.flip(0).clamp(min=0))
