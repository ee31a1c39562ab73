"""Robust PCA against the recorded reference, planted parts and its trap."""

import math

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.methods.robust_pca import (
    Penalty,
    Stopping,
    robust_pca,
    shrink_eigenvalues,
    shrink_singular_values,
    soft_threshold,
)
from tests.conftest import Oracle


def random_matrix(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def planted(m: int, n: int) -> tuple[Tensor, Tensor]:
    """A matrix of rank 2 and a sparse one."""
    sparse = random_matrix(m, n, seed=1) * 5
    rare = torch.rand(m, n, generator=torch.Generator().manual_seed(2)) < 0.05
    return random_matrix(m, 2, seed=3) @ random_matrix(2, n, seed=4), sparse * rare


def test_against_the_reference(oracle: Oracle) -> None:
    """The same iterates to 1e-9, converged (lamb_none) or not (the reference's own lamb)."""
    tensors, meta = oracle("algo_lowrankgan_small")
    found = robust_pca(tensors["in.M"])
    torch.testing.assert_close(found.low_rank, tensors["out.rpca.lamb_none.L"], rtol=0, atol=1e-9)
    assert found.iterations == meta["rpca"]["lamb_none"]["iterations"]
    small = robust_pca(tensors["in.M"][:20, :20], lamb=1 / 60)
    for part, name in ((small.low_rank, "L"), (small.sparse, "S")):
        expected = tensors[f"out.rpca.small_default.{name}"]
        torch.testing.assert_close(part, expected, rtol=0, atol=1e-9)


def test_against_the_references_own_lamb(oracle: Oracle) -> None:
    tensors, meta = oracle("algo_lowrankgan_a")
    found = robust_pca(tensors["in.M"], lamb=1 / 60)
    torch.testing.assert_close(found.low_rank, tensors["out.rpca.default.L"], rtol=0, atol=1e-9)
    torch.testing.assert_close(found.sparse, tensors["out.rpca.default.S"], rtol=0, atol=1e-9)
    assert found.iterations == meta["rpca"]["default"]["iterations"]


@pytest.mark.parametrize("penalty", Penalty)
@pytest.mark.parametrize("shape", [(40, 40), (30, 45)])
def test_recovers_what_was_planted(penalty: Penalty, shape: tuple[int, int]) -> None:
    low, sparse = planted(*shape)
    found = robust_pca(low + sparse, penalty=penalty, stopping=Stopping.BOTH, tolerance=1e-8)
    assert found.converged
    torch.testing.assert_close(found.low_rank, low, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.sparse, sparse, rtol=0, atol=1e-5)


def test_the_reference_lamb_leaves_nothing_low_rank_in_a_small_matrix() -> None:
    """The minimum is L = 0 at 60 columns or fewer; the primal rule stops before it gets there."""
    low, sparse = planted(20, 20)
    minimum = robust_pca(low + sparse, lamb=1 / 60, stopping=Stopping.BOTH)
    assert minimum.converged
    assert minimum.low_rank.abs().max() < 1e-4
    early = robust_pca(low + sparse, lamb=1 / 60)
    assert early.converged
    assert early.low_rank.abs().max() > 0.1
    assert early.iterations < minimum.iterations


def test_a_great_lamb_leaves_nothing_sparse() -> None:
    low, _ = planted(15, 15)
    torch.testing.assert_close(robust_pca(low, lamb=10).low_rank, low, rtol=0, atol=1e-6)


def test_scales_with_the_matrix() -> None:
    matrix = sum(planted(12, 12), torch.zeros(12, 12))
    once, scaled = robust_pca(matrix), robust_pca(1000 * matrix)
    assert once.iterations == scaled.iterations
    torch.testing.assert_close(scaled.low_rank, 1000 * once.low_rank)


def test_symmetric_matrices_shrink_alike_by_eigenvalues() -> None:
    matrix = random_matrix(9, 9)
    symmetric = matrix + matrix.T
    expected = shrink_singular_values(symmetric, 1.5)
    torch.testing.assert_close(shrink_eigenvalues(symmetric, 1.5), expected)


def test_soft_threshold() -> None:
    values = torch.tensor([-3.0, -1.0, 0.0, 0.5, 2.5])
    expected = torch.tensor([-2.0, 0.0, 0.0, 0.0, 1.5])
    torch.testing.assert_close(soft_threshold(values, 1.0), expected)


def test_the_last_iteration_says_that_it_is_not_enough() -> None:
    found = robust_pca(sum(planted(12, 12), torch.zeros(12, 12)), max_iterations=3)
    assert (found.iterations, found.converged) == (3, False)


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf])
def test_what_cannot_be_split(value: float) -> None:
    with pytest.raises(UserError, match="zero or not finite"):
        robust_pca(torch.full((3, 3), value))


def test_lamb_must_be_positive() -> None:
    with pytest.raises(UserError, match=r"lamb=0 must be greater"):
        robust_pca(torch.eye(3), lamb=0)
