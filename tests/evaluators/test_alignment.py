"""Similarity transforms and warps against scikit-image and closed forms."""

import math

import numpy as np
import pytest
import torch
from skimage import transform
from torch import Tensor

from pipeline.evaluators.alignment import (
    FFHQ_CROP,
    TEMPLATE,
    FixedCrop,
    LandmarkAligner,
    similarity,
    warp,
)


def placed(scale: float, angle: float, shift: tuple[float, float]) -> Tensor:
    """The template as it would lie in an image, ``[5, 2]``."""
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return (torch.tensor(TEMPLATE) @ turn.T * scale + torch.tensor(shift)).double()


def ramps(height: int, width: int) -> Tensor:
    """An image whose red and green are the column and the row, as thousandths."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([columns, rows, 0 * rows])[None] / 1000


def test_similarity_is_scikit_images() -> None:
    noise = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(0)).double()
    points = torch.stack([placed(2.0, 0.3, (5, 9)), placed(0.5, -2, (50, 0)), placed(1, 0, (0, 0))])
    points = points + 4 * noise
    for ours, source in zip(similarity(points, torch.tensor(TEMPLATE)), points, strict=True):
        theirs = transform.SimilarityTransform.from_estimate(source.numpy(), np.array(TEMPLATE))
        assert np.allclose(ours, theirs.params[:2], rtol=1e-5, atol=1e-5)


def test_an_exact_similarity_is_found_again() -> None:
    points = placed(1.7, 0.4, (11, -3))[None]
    matrix = similarity(points, torch.tensor(TEMPLATE))[0]
    mapped = points[0] @ matrix[:, :2].T + matrix[:, 2]
    assert (mapped - torch.tensor(TEMPLATE)).abs().max() < 1e-4


def test_the_unit_warp_changes_nothing() -> None:
    images = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(1)) * 2 - 1
    unit = torch.eye(2, 3, dtype=torch.float64).expand(2, -1, -1)
    assert (warp(images, unit, 40) - images).abs().max() < 1e-5


@pytest.mark.parametrize("scale", [0.8, 1.9, 2.1, 5.0])
def test_warp_looks_up_the_right_places(scale: float) -> None:
    points = placed(scale, 0.2, (90, 60))[None]
    matrix = similarity(points, torch.tensor(TEMPLATE))
    face = warp(ramps(760, 700), matrix, 112)[0] * 1000
    inverse = torch.linalg.inv(matrix[0, :, :2])
    for column, row in ((20, 30), (56, 72), (100, 90)):
        place = inverse @ (torch.tensor([column, row]).double() - matrix[0, :, 2])
        assert face[:2, row, column].tolist() == pytest.approx(place.tolist(), abs=0.05)


def test_outside_is_black() -> None:
    far = torch.tensor([[[1.0, 0, 500], [0, 1, 0]]], dtype=torch.float64)
    assert (warp(torch.ones(1, 3, 20, 20), far, 16) == -1).all()


def test_landmarks_bring_the_face_into_the_template() -> None:
    points = torch.stack([placed(2.0, 0.3, (80, 20)), torch.zeros(5, 2).double()])
    valid = torch.tensor([True, False])
    images = ramps(320, 320).expand(2, -1, -1, -1)
    faces, found = LandmarkAligner(lambda _: (points, valid))(images)
    assert faces.shape == (2, 3, 112, 112)
    assert found.tolist() == [True, False]
    nose = faces[0, :2, 72, 56] * 1000  # the template's nose is at column 56.03, row 71.74
    assert nose.tolist() == pytest.approx(points[0, 2].tolist(), abs=1.0)


def test_fixed_crops() -> None:
    images = ramps(256, 256)
    faces, valid = FFHQ_CROP(images)
    assert faces.shape == (1, 3, 112, 112) and valid.all()
    centre = faces[0, :2].mean((1, 2)) * 1000
    assert centre.tolist() == pytest.approx([32 + 93.5, 35 + 93.5], abs=0.05)
    whole = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(2)) * 2 - 1
    assert (FixedCrop()(whole)[0] - whole).abs().max() < 1e-6
    whole[1, 0, 5, 5] = torch.nan
    assert FixedCrop()(whole)[1].tolist() == [True, False]
