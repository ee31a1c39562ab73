"""A sign for directions that have none: eigenvectors and singular vectors."""

from torch import Tensor


def unit_rows(rows: Tensor) -> Tensor:
    """Rows ``[k, d]``, none of them zero, of unit length; the largest component is positive."""
    rows = rows / rows.norm(dim=1, keepdim=True)
    largest = rows.gather(1, rows.abs().argmax(dim=1, keepdim=True))
    return rows * largest.sign()
