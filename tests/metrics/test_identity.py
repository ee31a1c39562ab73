"""Identity similarity with an embedder whose answers are known."""

import math

import pytest
import torch
from torch import Tensor

from pipeline.evaluators.base import Identities
from pipeline.metrics.identity import IdentitySimilarity


class Angle:
    """Reads an angle in units of pi off the first pixel; no face where the second is set."""

    name = "id_test"

    def __call__(self, images: Tensor) -> Identities:
        angle = images[:, 0, 0, 0] * math.pi
        return Identities(torch.stack([angle.cos(), angle.sin()], 1), images[:, 1, 0, 0] <= 0)


def images(angles: list[float], missing: list[bool]) -> Tensor:
    result = torch.zeros(len(angles), 3, 2, 2)
    result[:, 0, 0, 0] = torch.tensor(angles)
    result[:, 1, 0, 0] = torch.tensor(missing).float()
    return result


def test_mean_cosine_of_the_pairs_with_faces() -> None:
    metric = IdentitySimilarity(Angle())
    before = images([0, 0, 0.5, 0, 0], [False, False, False, True, False])
    after = images([0, 0.5, -0.5, 0, 0], [False, False, False, False, True])
    metric.update(before, after, torch.ones(2, 2), torch.arange(5))
    results = metric.compute()
    assert results["id_test"].value == pytest.approx((1 + 0 - 1) / 3, abs=1e-7)
    assert results["id_test"].n == 3
    assert results["id_test_undetected"].value == pytest.approx(2 / 5)
    assert results["id_test_undetected"].n == 5


def test_no_face_at_all() -> None:
    metric = IdentitySimilarity(Angle())
    blank = images([0, 0], [True, True])
    metric.update(blank, blank, torch.ones(2, 2), torch.arange(2))
    results = metric.compute()
    assert math.isnan(results["id_test"].value) and results["id_test"].n == 0
    assert results["id_test_undetected"].value == 1.0
