"""Principal directions, null spaces and projections of matrices that are known."""

import pytest
import torch

from pipeline.methods.null_space import null_space, principal_subspace, project

BASIS = torch.linalg.qr(
    torch.randn(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
).Q.T


def of_rank(rank: int) -> torch.Tensor:
    """A symmetric matrix with the eigenvalues rank, ..., 2, 1 along the first rows of BASIS."""
    values = torch.arange(rank, 0, -1, dtype=torch.float64)
    return BASIS[:rank].T * values @ BASIS[:rank]


def test_the_principal_directions_in_order() -> None:
    rows, values = principal_subspace(of_rank(3))
    torch.testing.assert_close(values, torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close((rows * BASIS[:3]).sum(1).abs(), torch.ones_like(values))


def test_nothing_is_principal_in_zero() -> None:
    rows, values = principal_subspace(torch.zeros(4, 4))
    assert rows.shape == (0, 4)
    assert values.shape == (0,)


@pytest.mark.parametrize(("relax", "first"), [(0, 3), (1, 2), (2, 1), (3, 1), (9, 1)])
def test_relaxation_adds_the_weakest_directions_but_the_strongest(relax: int, first: int) -> None:
    rows = null_space(of_rank(3), relax)
    assert len(rows) == 6 - first
    torch.testing.assert_close(rows.T @ rows, BASIS[first:].T @ BASIS[first:])


@pytest.mark.parametrize(("rank", "size"), [(0, 5), (6, 1)])
def test_at_least_one_and_at_most_all_but_one_row(rank: int, size: int) -> None:
    assert len(null_space(of_rank(rank) if rank else torch.zeros(6, 6))) == size


def test_projected_rows_are_unit_and_lie_in_the_subspace() -> None:
    directions = torch.nn.functional.normalize(BASIS[:3] + BASIS[3:], dim=1)
    projected, index = project(directions, BASIS[3:])
    torch.testing.assert_close(projected, BASIS[3:])
    assert index.tolist() == [0, 1, 2]


def test_rows_of_which_nothing_is_left_are_dropped() -> None:
    projected, index = project(BASIS[:4], BASIS[3:])
    torch.testing.assert_close(projected, BASIS[3:4])
    assert index.tolist() == [3]
