"""Components of features, exact where they can be, and as directions of z."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator
from pipeline.generators.class_conditional import ClassConditional
from pipeline.generators.pggan import PGGAN, PGGANConfig
from pipeline.methods.activation_pca import IncrementalPCA, first_features, latent_components
from pipeline.methods.signs import unit_rows
from pipeline.methods.style_weights import first_layer
from tests.generators.conditional import ready, small_biggan, small_deep
from tests.generic import WaveGenerator


def small_pggan() -> PGGAN:
    return ready(PGGAN(PGGANConfig(8, (6, 5), z_dim=4)), torch.float64)


def rows(n: int, d: int, rank: int) -> Tensor:
    random = torch.Generator().manual_seed(0)
    scales = torch.arange(rank, 0, -1, dtype=torch.float64)
    left = torch.randn(n, rank, generator=random, dtype=torch.float64) * scales
    return left @ torch.randn(rank, d, generator=random, dtype=torch.float64) + 7


@pytest.mark.parametrize("sizes", [[100], [30, 69, 1], [5, 5, 90]])
def test_in_batches_it_is_exact_while_the_rank_is_kept(sizes: list[int]) -> None:
    vectors, pca = rows(100, 20, rank=4), IncrementalPCA(kept=4)
    for batch in vectors.split(sizes):
        pca.update(batch)
    directions, variances = pca.components(3)
    _, values, expected = torch.linalg.svd(vectors - vectors.mean(0), full_matrices=False)
    torch.testing.assert_close(variances, values[:3].square() / 99)
    torch.testing.assert_close(unit_rows(directions), unit_rows(expected[:3]))
    torch.testing.assert_close(pca.mean, vectors.mean(0))


@pytest.mark.parametrize("small", [small_biggan, small_deep, small_pggan])
def test_the_first_features_are_those_of_the_first_layer(small: Callable[[], Generator]) -> None:
    network = small()
    codes = network.sample(3, torch.Generator().manual_seed(0))
    codes = codes.with_values(codes.values.double())
    seen: list[Tensor] = []

    def hook(_name: str, x: Tensor) -> Tensor:
        seen.append(x.flatten(1))
        return x

    network.render(codes, hook=hook)  # type: ignore[call-arg]
    torch.testing.assert_close(first_features(network, codes), seen[0])


def in_double(network: ClassConditional) -> Codes:
    codes = network.sample(1, torch.Generator().manual_seed(0))
    return codes.with_values(codes.values.double())


def test_of_a_linear_layer_they_are_its_singular_vectors() -> None:
    """Of a normal z, within the error of 20 000 samples."""
    network = small_deep(dtype=torch.float32)
    found = latent_components(network, in_double(network), 3, 20_000, seed=1)
    _, values, expected = torch.linalg.svd(first_layer(network), full_matrices=False)
    assert ((found.directions * expected).sum(1).abs() > 0.99).all()
    torch.testing.assert_close(found.variances, values.square(), rtol=0.05, atol=0)
    torch.testing.assert_close(found.sigmas, torch.ones_like(values), rtol=0.03, atol=0)


def test_counts_both_passes() -> None:
    network, seen = small_pggan().float(), list[tuple[int, int]]()
    codes = network.sample(1, torch.Generator().manual_seed(0))
    latent_components(network, codes, 2, 2500, 0, lambda *counts: seen.append(counts))
    assert seen == [(2000, 5000), (2500, 5000), (4500, 5000), (5000, 5000)]


def test_a_generator_whose_first_layer_is_not_known() -> None:
    waves = WaveGenerator()
    codes = waves.sample(1, torch.Generator().manual_seed(0))
    with pytest.raises(UserError, match="generator=waves offers no space 'w'"):
        first_features(waves, codes)
