"""Vectors whose squared distances are the perceptual distances that metrics use."""

import torch
from torch import nn

from pipeline.datasets.procfaces.factors import sample_factors
from pipeline.datasets.procfaces.render import render
from pipeline.evaluators.embedded import EmbeddedDistance
from pipeline.evaluators.embedding import feature_vectors
from pipeline.evaluators.lpips import LPIPS, _network


def pictures() -> torch.Tensor:
    return render(sample_factors(3, torch.Generator().manual_seed(0))).images


def random_lpips() -> LPIPS:
    """The network of the package with a random backbone: its own weights are not needed here."""
    distance = LPIPS.__new__(LPIPS)
    nn.Module.__init__(distance)
    distance.name, distance.source = "lpips_squeeze", ""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        distance.network = _network("squeeze")
    return distance.requires_grad_(False).eval()


def test_embedded() -> None:
    distance, images = EmbeddedDistance.load(), pictures()
    vectors = feature_vectors(distance)
    assert vectors.name == "lpips_embedded"
    assert vectors.fingerprint == distance.fingerprint
    found = (vectors(images[:2]) - vectors(images[1:])).square().sum(1)
    torch.testing.assert_close(found, distance(images[:2], images[1:]), rtol=1e-4, atol=1e-6)


def test_lpips() -> None:
    distance, images = random_lpips(), pictures()
    vectors = feature_vectors(distance)
    assert vectors.name == "lpips_squeeze"
    found = (vectors(images[:2]) - vectors(images[1:])).square().sum(1)
    expected = distance(images[:2], images[1:])
    assert expected.min() > 0
    torch.testing.assert_close(found, expected, rtol=2e-2, atol=1e-5)


def test_lpips_has_derivatives_where_nothing_is_seen() -> None:
    """The package's own normalisation gives nan where all channels of a position are zero."""
    images = torch.zeros(1, 3, 32, 32, requires_grad=True)
    (slope,) = torch.autograd.grad(feature_vectors(random_lpips())(images).sum(), images)
    assert slope.isfinite().all()
