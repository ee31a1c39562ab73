"""Families of alike faces, and the loss that tells their members apart."""

import math

import torch

from pipeline.datasets.procfaces.dataset import BLOCK
from pipeline.datasets.procfaces.factors import FACTORS
from pipeline.evaluators.identifying import (
    FAMILY,
    SIBLINGS,
    TEMPERATURE,
    VIEWS,
    contrastive_loss,
    family_factors,
)

IDENTITY = torch.tensor([factor.group == "identity" for factor in FACTORS])


def test_views_share_identity_alone() -> None:
    faces = family_factors(0, 3).view(BLOCK // FAMILY, SIBLINGS, VIEWS, -1)
    same = (faces == faces[:, :, :1]).all(2)
    assert same[..., IDENTITY].all()
    spread = faces[..., ~IDENTITY].std(2)
    assert (spread > 0).float().mean() > 0.95


def test_siblings_share_about_half_of_the_identity() -> None:
    faces = torch.cat([family_factors(0, block) for block in range(8)])
    first, second = faces.view(-1, SIBLINGS, VIEWS, len(FACTORS))[:, :, 0].unbind(1)
    equal = (first == second)[:, IDENTITY].float().mean()
    assert 0.4 < equal < 0.75  # presences are often both zero


def test_contrastive_loss_by_hand() -> None:
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    expected = math.log(1 + 2 * math.exp(-1 / TEMPERATURE))
    assert math.isclose(
        contrastive_loss(vectors, torch.tensor([0, 0, 1, 1])).item(), expected, abs_tol=1e-6
    )
    assert contrastive_loss(vectors, torch.tensor([0, 1, 0, 1])) > 1
