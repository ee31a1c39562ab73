"""The three solvers against each other, brute force, and the recorded reference."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pipeline.errors import UserError
from pipeline.methods.eigen import (
    Solver,
    Spectrum,
    cholesky,
    pencil,
    rayleigh_quotient,
    regularised,
    shifted_power,
    solve,
    woodbury,
)
from tests.conftest import Oracle

SETTINGS = {
    "1ch": (Solver.CHOLESKY, 0.0),
    "1ch_full_rank": (Solver.REGULARISED, 1e-3),
    "1ch_full_rank_tao0.05": (Solver.REGULARISED, 0.05),
    "3ch_full_rank": (Solver.REGULARISED, 1e-3),
}


def matrices(seed: int, d: int = 8, rank: int | None = None) -> tuple[Tensor, Tensor]:
    """Random M_f and M_b ``[d, d]``; M_b of a given rank."""
    random = torch.Generator().manual_seed(seed)
    rows = torch.randn(2, 3 * d, d, generator=random, dtype=torch.float64)
    basis = torch.linalg.qr(torch.randn(d, d, generator=random, dtype=torch.float64)).Q
    background = rows[1] @ basis[:, : rank or d] @ basis[:, : rank or d].T
    return rows[0].T @ rows[0], background.T @ background


def assert_same_directions(actual: Tensor, expected: Tensor, tolerance: float = 1e-9) -> None:
    """Rows agree up to sign."""
    cosines = (actual * expected).sum(1, keepdim=True)
    torch.testing.assert_close(actual * cosines.sign(), expected, rtol=0, atol=tolerance)


def from_oracle(oracle: Oracle, setting: str, sample: int) -> tuple[Tensor, Tensor]:
    """M_f and M_b of a recorded Jacobian, normalised by their rows."""
    tensors, _ = oracle("algo_resefa_a")
    if setting.startswith("1ch"):
        J = tensors["in.jacobian_1ch"][sample].reshape(-1, 12)
        inside = tensors["in.mask"].flatten() > 0
    else:
        J = tensors["in.jacobian_3ch"][sample].reshape(-1, 12)
        inside = tensors["in.mask"].flatten().repeat(3) > 0
    parts = J[inside], J[~inside]
    return parts[0].T @ parts[0] / len(parts[0]), parts[1].T @ parts[1] / len(parts[1])


@pytest.mark.parametrize("sample", [0, 1])
@pytest.mark.parametrize("setting", SETTINGS)
def test_against_the_reference(oracle: Oracle, setting: str, sample: int) -> None:
    """ReSeFa's own eigenvalues to 1e-9 relative, and its directions up to sign."""
    tensors, _ = oracle("algo_resefa_a")
    expected = {k: tensors[f"out.{setting}.{k}"][sample] for k in ("directions", "eigenvalues")}
    solver, tau = SETTINGS[setting]
    matrices = from_oracle(oracle, setting, sample)
    spectra = [solve(solver, *matrices, tau=tau)]
    if solver == Solver.REGULARISED:
        spectra.append(solve(Solver.WOODBURY, *matrices, tau=tau))
    for spectrum in spectra:
        torch.testing.assert_close(spectrum.eigenvalues, expected["eigenvalues"], rtol=1e-9, atol=0)
        assert_same_directions(spectrum.directions, expected["directions"])


def test_rank_and_condition_of_the_recorded_singular_background(oracle: Oracle) -> None:
    foreground, background = from_oracle(oracle, "3ch_full_rank", 0)
    spectrum = regularised(foreground, background)
    assert spectrum.rank == 8
    assert spectrum.condition == float("inf")


def check_stationary(spectrum: Spectrum, foreground: Tensor, background: Tensor) -> None:
    """Unit rows, decreasing quotients that are the eigenvalues, largest component positive."""
    directions, eigenvalues = spectrum.directions, spectrum.eigenvalues
    torch.testing.assert_close(directions.norm(dim=1), torch.ones_like(eigenvalues))
    assert (eigenvalues.diff() <= 0).all()
    quotients = rayleigh_quotient(directions, foreground, background)
    torch.testing.assert_close(quotients, eigenvalues)
    residual = directions @ foreground - eigenvalues[:, None] * directions @ background
    assert residual.abs().max() < 1e-9 * foreground.abs().max()
    assert (directions.gather(1, directions.abs().argmax(1, keepdim=True)) > 0).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), d=st.integers(1, 12))
def test_no_direction_beats_the_leading_one(seed: int, d: int) -> None:
    foreground, background = matrices(seed, d)
    spectrum = cholesky(foreground, background)
    check_stationary(spectrum, foreground, background)
    random = torch.Generator().manual_seed(seed)
    tries = torch.randn(500, d, generator=random, dtype=torch.float64)
    nearby = spectrum.directions[0] + 1e-3 * tries
    quotients = rayleigh_quotient(torch.cat([tries, nearby]), foreground, background)
    assert quotients.max() <= spectrum.eigenvalues[0] * (1 + 1e-12)
    assert quotients.min() >= spectrum.eigenvalues[-1] * (1 - 1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), rank=st.integers(1, 8), tau=st.floats(1e-4, 1.0))
def test_woodbury_solves_the_regularised_problem(seed: int, rank: int, tau: float) -> None:
    foreground, background = matrices(seed, rank=rank)
    dense, factored = (
        regularised(foreground, background, tau),
        woodbury(foreground, background, tau),
    )
    assert dense.rank == factored.rank == rank
    torch.testing.assert_close(factored.eigenvalues, dense.eigenvalues, rtol=1e-9, atol=0)
    ridge = tau * background.trace() * torch.eye(8, dtype=torch.float64)
    check_stationary(factored, foreground, background + ridge)


def test_a_vanishing_tau_gives_the_plain_solution() -> None:
    foreground, background = matrices(0)
    plain = cholesky(foreground, background)
    for solver in (regularised, woodbury):
        other = solver(foreground, background, tau=1e-12)
        torch.testing.assert_close(other.eigenvalues, plain.eigenvalues, rtol=1e-9, atol=0)
        # Eigenvectors close to others turn by what processors round differently.
        torch.testing.assert_close(other.directions, plain.directions, rtol=0, atol=1e-7)


def test_a_lower_rank_is_the_problem_of_the_truncated_background() -> None:
    foreground, background = matrices(1)
    values, vectors = torch.linalg.eigh(background)
    kept = vectors[:, -3:] * values[-3:] @ vectors[:, -3:].T
    ridge = 0.01 * background.trace() * torch.eye(8, dtype=torch.float64)
    expected = cholesky(foreground, kept + ridge)
    truncated = woodbury(foreground, background, tau=0.01, rank=3)
    torch.testing.assert_close(truncated.eigenvalues, expected.eigenvalues)
    assert_same_directions(truncated.directions, expected.directions)


@pytest.mark.parametrize("exponent", [-1.0, -0.5, 2.0])
def test_shifted_power_is_that_of_the_dense_matrix(exponent: float) -> None:
    """Eq. 12 against the dense inverse, to 1e-12 relative."""
    _, background = matrices(2, rank=5)
    values, vectors = torch.linalg.eigh(background)
    power = shifted_power(vectors[:, -5:], values[-5:], 0.3, exponent)
    shifted = background + 0.3 * torch.eye(8, dtype=torch.float64)
    squared = torch.linalg.inv(shifted) if exponent == -0.5 else None
    if squared is not None:
        power, expected = power @ power, squared
    else:
        expected = torch.linalg.matrix_power(shifted, int(exponent))
    torch.testing.assert_close(power, expected, rtol=0, atol=1e-12 * float(expected.abs().max()))


def test_float32_input_is_solved_in_float64() -> None:
    foreground, background = (m.float() for m in matrices(3))
    spectrum = regularised(foreground, background)
    assert spectrum.directions.dtype == torch.float64
    expected = regularised(foreground.double(), background.double())
    torch.testing.assert_close(spectrum.directions, expected.directions, rtol=0, atol=0)


def test_a_singular_background_needs_regularisation() -> None:
    foreground, background = matrices(4, rank=5)
    with pytest.raises(UserError, match=r"rank 5 of 8.*solver=regularised"):
        cholesky(foreground, background)


def test_what_cannot_be_solved() -> None:
    foreground, background = matrices(5)
    nothing = torch.zeros_like(background)
    with pytest.raises(UserError, match="tau=0 "):
        regularised(foreground, background, tau=0)
    for solver in (regularised, woodbury):
        with pytest.raises(UserError, match="some background"):
            solver(foreground, nothing)
    with pytest.raises(UserError, match=r"rank=9 must be within 1\.\.8"):
        woodbury(foreground, background, rank=9)


def test_matrix_free_takes_no_matrices() -> None:
    with pytest.raises(ValueError, match="takes products"):
        solve(Solver.MATRIX_FREE, *matrices(6))


def test_the_pencil_is_solved_as_it_is_written() -> None:
    foreground, background = matrices(7)
    values, rows = pencil(foreground, background)
    torch.testing.assert_close(rows @ foreground, values[:, None] * rows @ background)
    torch.testing.assert_close(rows @ background @ rows.T, torch.eye(8, dtype=torch.float64))
    assert (values.diff() <= 0).all()
