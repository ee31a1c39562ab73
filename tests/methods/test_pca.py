"""Principal components against the singular values of the centred vectors."""

import torch

from pipeline.methods.pca import principal_components
from pipeline.methods.signs import unit_rows
from pipeline.metrics.feature_statistics import Moments


def test_against_singular_values() -> None:
    """To 1e-12, also of float32 vectors far from the origin, taken in batches."""
    random = torch.Generator().manual_seed(0)
    vectors = (torch.randn(500, 7, generator=random) * torch.arange(1.0, 8.0) + 100).float()
    moments = Moments.of(vectors[:3]) + Moments.of(vectors[3:400]) + Moments.of(vectors[400:])
    found = principal_components(moments)
    centred = vectors.double() - vectors.double().mean(dim=0)
    _, values, rows = torch.linalg.svd(centred, full_matrices=False)
    torch.testing.assert_close(found.variances, values.square() / 499, rtol=1e-12, atol=0)
    torch.testing.assert_close(found.directions, unit_rows(rows), rtol=0, atol=1e-10)


def test_variances_are_never_negative() -> None:
    line = torch.linspace(0, 1, 50, dtype=torch.float64)[:, None] * torch.ones(5)
    variances = principal_components(Moments.of(line)).variances
    assert variances[0] > 0
    assert (variances >= 0).all()
    assert variances[1:].max() < 1e-15
