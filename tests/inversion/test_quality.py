"""Closed forms of the numbers that compare photographs with their reconstructions."""

import math

import pytest
import torch
from torch import Tensor

from pipeline.evaluators.base import Identities
from pipeline.inversion.quality import reconstruction_quality, summary


class Brightness:
    name = "lpips_brightness"

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        return (a - b).mean((1, 2, 3)).abs()


class Colour:
    """The mean colour's direction; nobody on black images."""

    name = "id_colour"

    def __call__(self, images: Tensor) -> Identities:
        colours = (images + 1).mean((2, 3))
        return Identities(torch.nn.functional.normalize(colours), colours.sum(1) > 0)


def flat(*colours: tuple[float, float, float]) -> Tensor:
    return torch.tensor(colours, dtype=torch.float32)[:, :, None, None].expand(-1, -1, 8, 8).clone()


def test_each_number_against_its_closed_form() -> None:
    photos = flat((0, 0, 0), (-1, -1, -1))
    drawn = flat((0.2, 0.2, 0.2), (-1, -1, 3))  # beyond the range: clamped to 1
    found = reconstruction_quality(photos, drawn, Brightness(), Colour())
    assert list(found) == ["psnr", "mse", "lpips_brightness", "id_colour"]
    assert found["mse"].tolist() == pytest.approx([0.01, 1 / 3], rel=1e-6)
    assert found["psnr"].tolist() == pytest.approx([20, 10 * math.log10(3)], rel=1e-6)
    assert found["lpips_brightness"].tolist() == pytest.approx([0.2, 2 / 3])
    assert found["id_colour"][0] == pytest.approx(1)
    assert found["id_colour"].isnan().tolist() == [False, True]
    assert all(values.dtype == torch.float64 for values in found.values())


def test_without_networks_only_pixels_are_compared() -> None:
    photos = flat((0, 0, 0))
    found = reconstruction_quality(photos, photos, None, None)
    assert list(found) == ["psnr", "mse"]
    assert found["psnr"].item() == math.inf


def test_means_have_intervals_and_leave_out_what_is_undefined() -> None:
    quality = {"a": torch.tensor([1.0, 3.0, math.nan]).double()}
    estimate = summary(quality)["a"]
    assert (estimate.value, estimate.n) == (2.0, 2)
    assert estimate.ci95[0] < 2 < estimate.ci95[1]
