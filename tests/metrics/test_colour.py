"""CIELAB against scikit-image and its own definition."""

import pytest
import torch
from skimage.color import rgb2lab

from pipeline.metrics.colour import Lab, lab_error, srgb_to_lab, to_unit
from tests.conftest import Oracle


def lab(*rgb: float) -> list[float]:
    values: list[float] = srgb_to_lab(torch.tensor(rgb).double().view(3, 1, 1)).flatten().tolist()
    return values


def test_white_and_black() -> None:
    assert lab(1, 1, 1) == pytest.approx([100, 0, 0], abs=6e-3)  # constants of six digits
    assert lab(0, 0, 0) == pytest.approx([0, 0, 0], abs=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-3)])
def test_equals_scikit_image(dtype: torch.dtype, tolerance: float) -> None:
    images = torch.rand(2, 3, 9, 8, generator=torch.Generator().manual_seed(1)).double()
    images[0, :, :4] *= 0.05  # both branches of both curves
    expected = torch.from_numpy(rgb2lab(images.numpy(), channel_axis=1))
    result = srgb_to_lab(images.to(dtype))
    assert result.dtype == dtype
    assert (result - expected).abs().max() < tolerance


@pytest.mark.parametrize("case", ["metric_ssim_lab_small", "metric_ssim_lab_a"])
def test_equals_the_recorded_values(case: str, oracle: Oracle) -> None:
    tensors, _ = oracle(case)
    for name in ("a", "c"):
        result = srgb_to_lab(tensors[f"in.{name}"].permute(2, 0, 1)).permute(1, 2, 0)
        assert (result - tensors[f"out.lab.{name}"]).abs().max() < 1e-9


def test_has_a_finite_gradient_everywhere() -> None:
    greys = torch.tensor([0.0, 0.003, 0.04045, 0.2, 1.0], dtype=torch.float64)
    images = greys.expand(3, 1, 5).clone().requires_grad_()
    srgb_to_lab(images).square().sum().backward()  # type: ignore[no-untyped-call]
    assert images.grad is not None and images.grad.isfinite().all()


def test_to_unit_clamps() -> None:
    assert to_unit(torch.tensor([-3.0, -1, 0, 1, 2])).tolist() == [0, 0, 0.5, 1, 1]


def test_the_reference_code_multiplies_by_the_transposed_matrix() -> None:
    white = srgb_to_lab(torch.ones(3, 1, 1, dtype=torch.float64), Lab.REFERENCE).flatten()
    assert white.tolist() == pytest.approx([107, -91, 5], abs=0.5)


def test_equals_what_the_reference_code_recorded(oracle: Oracle) -> None:
    tensors, _ = oracle("algo_ganlocalediting_a")
    first, second = (tensors[f"in.image{i}"].double() for i in (1, 2))
    assert (srgb_to_lab(first, Lab.REFERENCE) - tensors["out.lab"]).abs().max() < 1e-4
    error = lab_error(first, second, Lab.REFERENCE)
    assert (error - tensors["out.lab_squared_error"][:, 0]).abs().max() < 1e-6


def test_the_error_is_a_third_of_the_squared_colour_difference() -> None:
    draw = torch.Generator().manual_seed(2)
    a, b = (torch.rand(2, 3, 5, 4, generator=draw).double() for _ in range(2))
    expected = (srgb_to_lab(a) - srgb_to_lab(b)).norm(dim=1).square() / 3
    torch.testing.assert_close(lab_error(a, b), expected)
    assert not torch.allclose(lab_error(a, b, Lab.REFERENCE) * 255**2, expected, rtol=0.1)
