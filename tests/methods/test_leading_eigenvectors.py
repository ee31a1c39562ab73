"""The solvers against a dense decomposition of a matrix with known eigenvalues."""

import pytest
import torch
from torch import Tensor

from pipeline.methods.leading_eigenvectors import block_krylov, power_iteration

D = 60
POINT = torch.zeros(D, dtype=torch.float64)


def matrix(values: Tensor) -> tuple[Tensor, Tensor]:
    """A symmetric matrix with these eigenvalues, and its eigenvectors as rows."""
    random = torch.Generator().manual_seed(3)
    drawn = torch.randn(len(values), len(values), generator=random, dtype=torch.float64)
    rows = torch.linalg.qr(drawn).Q.T
    return rows.T @ (values[:, None] * rows), rows


def decaying(rate: float = 0.85) -> Tensor:
    return 100 * rate ** torch.arange(D, dtype=torch.float64)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_power_iteration_converges() -> None:
    H, rows = matrix(decaying(0.6))
    for normalise in (False, True):
        found = power_iteration(lambda a: H @ a, POINT, 4, seeded(), 40, 0.1, normalise=normalise)
        assert (found.vectors * rows[:4]).sum(1).abs().min() > 1 - 1e-6
        torch.testing.assert_close(found.values, decaying(0.6)[:4], rtol=1e-6, atol=0)


def test_power_iteration_follows_equation_4() -> None:
    """One step on a function that is no parabola: differences over plus and minus eps v."""
    H, _ = matrix(decaying())

    def gradient(a: Tensor) -> Tensor:
        return H @ a + a**3

    found = power_iteration(gradient, POINT, 1, seeded(), iterations=1, epsilon=0.2)
    v = torch.randn(D, generator=seeded(), dtype=torch.float64)
    expected = (gradient(0.2 * v) - gradient(-0.2 * v)) / (2 * 0.2 * v.norm())
    assert float((found.vectors[0] @ expected).abs() / expected.norm()) == pytest.approx(1)
    assert float(found.values[0]) == pytest.approx(float(expected.norm()))


@pytest.mark.parametrize("block", [1, 3, 4])
@pytest.mark.parametrize("most", [None, 14])
def test_block_krylov_finds_the_leading_ones(block: int, most: int | None) -> None:
    H, rows = matrix(decaying())
    multiplied = []

    def multiply(v: Tensor) -> Tensor:
        multiplied.append(len(v))
        return v @ H

    found = block_krylov(multiply, POINT, 6, seeded(), 1e-4, block, most)
    assert (found.vectors * rows[:6]).sum(1).abs().min() > 1 - 1e-6
    torch.testing.assert_close(found.values, decaying()[:6], rtol=1e-6, atol=0)
    assert found.residuals.max() <= 1e-4
    gram = found.vectors @ found.vectors.T
    torch.testing.assert_close(gram, torch.eye(6, dtype=torch.float64), rtol=0, atol=1e-8)
    assert max(multiplied) <= block
    if most is None:
        assert sum(multiplied) < D


def test_equal_eigenvalues_have_a_common_space() -> None:
    values = torch.tensor([5.0, 5.0, 5.0, 1.0, *[0.1] * (D - 4)], dtype=torch.float64)
    H, rows = matrix(values)
    found = block_krylov(lambda v: v @ H, POINT, 4, seeded(), 1e-6)
    torch.testing.assert_close(found.values, values[:4], rtol=1e-8, atol=0)
    inside = found.vectors[:3] @ rows[:3].T
    torch.testing.assert_close(inside @ inside.T, torch.eye(3, dtype=torch.float64))


def test_matrices_of_low_rank_and_of_nothing() -> None:
    values = torch.zeros(D, dtype=torch.float64)
    values[:2] = torch.tensor([3.0, 2.0])
    H, rows = matrix(values)
    found = block_krylov(lambda v: v @ H, POINT, 4, seeded())
    torch.testing.assert_close(found.values, values[:4], rtol=0, atol=1e-9)
    assert (found.vectors[:2] * rows[:2]).sum(1).abs().min() > 1 - 1e-9
    assert block_krylov(torch.zeros_like, POINT, 3, seeded()).values.tolist() == [0, 0, 0]


def test_no_more_than_there_are() -> None:
    H, _ = matrix(torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64))
    start = torch.zeros(3, dtype=torch.float64)
    assert block_krylov(lambda v: v @ H, start, 9, seeded()).vectors.shape == (3, 3)
    assert power_iteration(lambda a: H @ a, start, 9, seeded()).vectors.shape == (3, 3)


def test_progress_never_falls_and_ends() -> None:
    H, _ = matrix(decaying(0.95))
    seen: list[tuple[int, int]] = []
    block_krylov(lambda v: v @ H, POINT, 6, seeded(), progress=lambda *n: seen.append(n))
    assert seen == sorted(seen)
    assert seen[-1] == (100, 100)
    seen.clear()
    power_iteration(lambda a: H @ a, POINT, 2, seeded(), 1, progress=lambda *n: seen.append(n))
    assert seen == [(1, 2), (2, 2)]
