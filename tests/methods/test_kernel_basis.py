"""Shifts of a kernel against recorded ones of the published code, and against their definition."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.generators.layers import modulated_conv2d
from pipeline.methods.kernel_basis import Basis, SingularBasis, VectorBasis, flattened, folded
from pipeline.methods.weight_shift import scaled
from tests.conftest import Oracle

KERNEL = torch.randn(4, 5, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_folding_undoes_flattening() -> None:
    matrix = flattened(KERNEL)
    assert matrix.shape == (3 * 3 * 5, 4)
    assert matrix[(1 * 3 + 2) * 5 + 3, 2] == KERNEL[2, 3, 1, 2]
    assert torch.equal(folded(matrix[None], KERNEL.shape)[0], KERNEL)


def test_unit_coefficients_shift_single_singular_values() -> None:
    basis = SingularBasis.of(KERNEL)
    shifts = basis.shifts(torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(shifts.flatten(1) @ shifts.flatten(1).T, torch.eye(4).double())
    moved = torch.linalg.svdvals(flattened(KERNEL + 0.3 * shifts[1]))
    expected = basis.values + 0.3 * torch.eye(4, dtype=torch.float64)[1]
    torch.testing.assert_close(moved, expected.sort(descending=True).values)


def test_mixtures_have_unit_norm() -> None:
    coefficients = torch.randn(6, 4, generator=torch.Generator().manual_seed(1)).double()
    for basis in (SingularBasis.of(KERNEL), VectorBasis(2 * torch.stack([KERNEL] * 4))):
        shifts = basis.shifts(coefficients.abs())
        assert shifts.shape == (6, *KERNEL.shape)
        torch.testing.assert_close(shifts.flatten(1).norm(dim=1), torch.ones(6).double())


def published(t: dict[str, Tensor], name: str) -> tuple[Basis, Tensor]:
    """Basis and coefficients of a recorded case; the singular vectors as they were stored."""
    shape = t["state.conv.weight"][0].shape
    if name.startswith("svd"):
        values = torch.zeros(len(t["state.svd.vh"]))
        basis: Any = SingularBasis(t["state.svd.u"], t["state.svd.vh"], shape, values)
        table = "state.svd_mixed.direction_to_eigenvalues_delta"
    else:
        basis = VectorBasis(t["state.fixed.basis_vectors"][:, 0])
        table = "state.fixed_mixed.direction_to_basis_coefs"
    mixed = name.endswith("mixed")
    return basis, t[table] if mixed else torch.eye(len(basis))


@pytest.mark.parametrize("name", ["svd_identity", "svd_mixed", "fixed_identity", "fixed_mixed"])
def test_oracle(name: str, oracle: Oracle) -> None:
    t, _ = oracle("algo_navigan_a")
    basis, coefficients = published(t, name)
    shifts = scaled(basis.shifts(coefficients[t["in.directions"]]), t["in.shifts"])
    torch.testing.assert_close(shifts, t[f"out.{name}.weight_shift"], rtol=1e-4, atol=1e-5)
    recorded = t.get(f"out.{name}.scalar.weight_shift")
    if recorded is not None:
        every = scaled(basis.shifts(coefficients[[2]]), torch.tensor([20.0]))
        torch.testing.assert_close(every.expand_as(recorded), recorded, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["plain", "svd_identity", "svd_mixed", "fixed_mixed"])
def test_oracle_of_the_shifted_layer(name: str, oracle: Oracle) -> None:
    """The shift is added before the equalised learning rate, the modulation, the demodulation."""
    t, _ = oracle("algo_navigan_a")
    weight = t["state.conv.weight"][0]
    affine = t["state.conv.modulation.weight"] / t["in.style"].shape[1] ** 0.5
    styles = t["in.style"] @ affine.T + t["state.conv.modulation.bias"]
    if name != "plain":
        weight = weight + t[f"out.{name}.weight_shift"]
    fan_in = t["state.conv.weight"][0, 0].numel()
    found = modulated_conv2d(t["in.x"], weight / fan_in**0.5, styles)
    recorded = t["out.plain"] if name == "plain" else t[f"out.{name}.features"]
    torch.testing.assert_close(found, recorded, rtol=1e-4, atol=1e-4)


def test_our_own_decomposition_gives_the_recorded_shifts(oracle: Oracle) -> None:
    """Whichever sign u and v have, u v' has one."""
    t, _ = oracle("algo_navigan_a")
    basis = SingularBasis.of(t["state.conv.weight"][0])
    shifts = scaled(basis.shifts(torch.eye(len(basis)))[t["in.directions"]], t["in.shifts"])
    recorded = t["out.svd_identity.weight_shift"]
    torch.testing.assert_close(shifts, recorded, rtol=1e-3, atol=1e-4)
