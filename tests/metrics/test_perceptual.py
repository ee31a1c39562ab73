"""Perceptual change takes the name and the values of its distance."""

import pytest
import torch
from torch import Tensor

from pipeline.metrics.perceptual import PerceptualChange


class Largest:
    name = "lpips_test"

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        return (a - b).abs().amax((1, 2, 3))


def test_mean_over_images() -> None:
    metric = PerceptualChange(Largest())
    original, edited = torch.zeros(3, 3, 4, 4), torch.zeros(3, 3, 4, 4)
    edited[0, 0, 0, 0], edited[1, 2, 3, 3] = 0.3, -0.6
    metric.update(original, edited, torch.ones(4, 4), torch.arange(3))
    assert metric.compute()["lpips_test"].value == pytest.approx(0.3, rel=1e-6)
    assert metric.per_sample()["lpips_test"].tolist() == pytest.approx([0.3, 0.6, 0], rel=1e-6)
