"""Shapes and properties of the evaluators' networks."""

import pytest
import torch

from pipeline.evaluators.networks import (
    WIDTHS,
    Decoder,
    Encoder,
    Identifier,
    Reader,
    moments,
    pooled,
    unit,
)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_encoder_and_decoder_agree_in_shape(images: torch.Tensor) -> None:
    expected = [(width, 64 >> level, 64 >> level) for level, width in enumerate(WIDTHS)]
    encoded = Encoder()(images)
    for maps in (encoded, Decoder()(encoded)):
        assert [tuple(x.shape[1:]) for x in maps] == expected
        assert all((x >= 0).all() for x in maps)


def test_moments_of_a_curve() -> None:
    rows, columns = torch.meshgrid(*[torch.linspace(-1, 1, 65)] * 2, indexing="ij")
    mouth = ((rows - 0.25 + columns**2 / 2).abs() < 0.05) & (columns.abs() < 0.5)
    values = moments(torch.stack([mouth, torch.zeros_like(mouth)])[None].float())
    mass, row, column, down, right, slant, curve = values.view(7, 2)[:, 0].tolist()
    assert mass == pytest.approx(mouth.float().mean().item(), abs=1e-6)
    assert (row, column) == (pytest.approx(0.2, abs=0.02), pytest.approx(0, abs=1e-5))
    assert right == pytest.approx(1 / 12, abs=0.01)
    assert down < 0.01
    assert abs(slant) < 1e-5
    assert curve < -1e-3  # the ends stand higher: smaller rows
    assert values.view(7, 2)[:, 1].abs().max() == 0


def test_pooled_is_the_mean_inside() -> None:
    features = torch.randn(2, 5, 8, 8, generator=torch.Generator().manual_seed(0))
    weights = torch.zeros(2, 1, 8, 8)
    weights[:, :, 2:4, 1:5] = 1.0
    expected = features[:, :, 2:4, 1:5].mean((2, 3))
    assert torch.allclose(pooled(features, weights), expected, rtol=0.02, atol=1e-3)


def test_reader_gives_labels_and_factors(images: torch.Tensor) -> None:
    logits, outputs = Reader(parts=5, factors=7)(images)
    assert logits.shape == (3, 5, 64, 64)
    assert outputs.shape == (3, 7)


def test_identifier_gives_unit_vectors(images: torch.Tensor) -> None:
    vectors = Identifier(parts=5, dim=16)(images)
    assert vectors.shape == (3, 16)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(3), atol=1e-5)


def test_unit_keeps_zero() -> None:
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    assert torch.allclose(unit(x), torch.tensor([[0.6, 0.8], [0.0, 0.0]]), atol=1e-6)
