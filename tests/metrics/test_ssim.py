"""SSIM against scikit-image, live and recorded."""

from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from pipeline.errors import UserError
from pipeline.metrics.ssim import SSIM, ssim
from tests.conftest import Oracle

SETTINGS: dict[str, dict[str, Any]] = {
    "uniform": {},
    "gaussian": {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False},
}


@pytest.mark.parametrize("window", SETTINGS)
@pytest.mark.parametrize("size", [(11, 11), (12, 33), (300, 260)])
def test_equals_scikit_image(window: str, size: tuple[int, int]) -> None:
    draw = torch.Generator().manual_seed(3)
    a = torch.rand(3, 3, *size, generator=draw, dtype=torch.float64)
    b = (a + 0.2 * torch.randn(3, 3, *size, generator=draw, dtype=torch.float64)).clamp(0, 1)
    b[2] = a[2].flip(-1)
    expected = [
        structural_similarity(  # type: ignore[no-untyped-call]
            x.numpy(), y.numpy(), channel_axis=0, data_range=1.0, **SETTINGS[window]
        )
        for x, y in zip(a, b, strict=True)
    ]
    assert np.abs(ssim(a, b, 1.0, window).numpy() - expected).max() < 1e-12


@pytest.mark.parametrize("case", ["metric_ssim_lab_small", "metric_ssim_lab_a"])
def test_equals_the_recorded_values(case: str, oracle: Oracle) -> None:
    tensors, _ = oracle(case)
    images = {k: tensors[f"in.{k}"].permute(2, 0, 1)[None] for k in "abc"}
    for pair in ("ab", "ac"):
        a, b = (images[k] for k in pair)
        expected = {name: tensors[f"out.{pair}.{name}"].item() for name in ("default", "gaussian")}
        assert ssim(a, b).item() == pytest.approx(expected["default"], abs=1e-9)
        assert ssim(a, b, 1.0, "gaussian").item() == pytest.approx(expected["gaussian"], abs=1e-9)
        eight_bit = ssim((a * 255).round(), (b * 255).round(), 255)
        assert eight_bit.item() == pytest.approx(
            tensors[f"out.{pair}.uint8_default"].item(), abs=1e-9
        )


def test_metric_takes_images_on_0_to_1() -> None:
    draw = torch.Generator().manual_seed(4)
    a, b = (torch.rand(2, 3, 16, 16, generator=draw).double() for _ in range(2))
    metric = SSIM()
    metric.update(2 * a - 1, 2 * b - 1, torch.ones(16, 16), torch.arange(2))
    assert metric.compute()["ssim"].value == pytest.approx(ssim(a, b).mean().item(), rel=1e-12)


def test_equal_images_are_alike() -> None:
    a = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(4)).double()
    assert ssim(a, a).tolist() == pytest.approx([1, 1], abs=1e-12)


def test_constant_images_differ_in_luminance_only() -> None:
    a, b = (torch.full((1, 1, 8, 8), v, dtype=torch.float64) for v in (0.2, 0.6))
    expected = (2 * 0.12 + 1e-4) / (0.04 + 0.36 + 1e-4)
    assert ssim(a, b).item() == pytest.approx(expected, rel=1e-9)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UserError, match="Did you mean window=gaussian"):
        SSIM("gausian")
    small = torch.zeros(1, 3, 6, 20)
    with pytest.raises(ValueError, match="smaller than the SSIM window"):
        ssim(small, small)
