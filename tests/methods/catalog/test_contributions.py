"""M against its definition, and its sums."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from pipeline.errors import UserError
from pipeline.generators.progressive import instance_norm
from pipeline.methods.catalog.contributions import (
    StreamingContributions,
    contribution,
    resized,
)


def drawn(n: int = 5, channels: int = 4, size: int = 8, clusters: int = 3) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    values = torch.randn(n, channels, size, size, generator=random, dtype=torch.float64)
    ids = torch.randint(clusters, (n, size, size), generator=random)
    return instance_norm(values, 1e-12), one_hot(ids, clusters).movedim(-1, 1).double()


def by_definition(features: Tensor, membership: Tensor) -> Tensor:
    """Eq. 1, written out."""
    n, channels, height, width = features.shape
    m = torch.zeros(membership.shape[1], channels, dtype=torch.float64)
    for k in range(membership.shape[1]):
        for c in range(channels):
            for image in range(n):
                for row in range(height):
                    for column in range(width):
                        a = features[image, c, row, column]
                        m[k, c] += a**2 * membership[image, k, row, column]
    return m / (n * height * width)


def test_it_is_the_sum_of_equation_1() -> None:
    features, membership = drawn(n=2, size=4)
    torch.testing.assert_close(
        contribution(features, membership), by_definition(features, membership)
    )


@pytest.mark.parametrize("size", [4, 8, 16])
def test_columns_sum_to_one_at_every_resolution(size: int) -> None:
    features, _ = drawn(size=size)
    _, membership = drawn(size=8)
    m = contribution(features, membership)
    assert float(m.min()) >= 0
    assert float(m.max()) <= 1
    torch.testing.assert_close(m.sum(dim=0), torch.ones(4, dtype=torch.float64))


def test_a_channel_that_acts_in_one_cluster_belongs_to_it() -> None:
    membership = torch.zeros(1, 2, 4, 4, dtype=torch.float64)
    membership[:, 0, :2], membership[:, 1, 2:] = 1, 1
    values = torch.zeros(1, 2, 4, 4, dtype=torch.float64)
    values[:, 0, 0, :2] = torch.tensor([1.0, -1.0])  # zero mean, all of it in cluster 0
    values[:, 1] = torch.tensor([1.0, -1.0]).repeat(2)
    m = contribution(values * values.square().mean((2, 3), keepdim=True).rsqrt(), membership)
    torch.testing.assert_close(m, torch.tensor([[1.0, 0.5], [0.0, 0.5]], dtype=torch.float64))


def test_a_channel_that_never_varies_contributes_nothing() -> None:
    features, membership = drawn()
    features[:, 1] = 0
    assert contribution(features, membership).sum(dim=0)[1] == 0


def test_membership_still_sums_to_one_when_resized() -> None:
    _, membership = drawn()
    for size in (2, 8, 32):
        total = resized(membership, size).sum(dim=1)
        torch.testing.assert_close(total, torch.ones_like(total))


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_batches_make_no_difference(batch: int) -> None:
    features, membership = drawn()
    small, _ = drawn(size=4)
    streaming = StreamingContributions()
    for start in range(0, 5, batch):
        rows = slice(start, start + batch)
        streaming.update({"a": features[rows], "b": small[rows]}, membership[rows])
    found = streaming.result()
    assert found.samples == 5
    torch.testing.assert_close(found.matrices["a"], contribution(features, membership))
    torch.testing.assert_close(found.matrices["b"], contribution(small, membership))


def test_clusters_of_a_part_add_up() -> None:
    features, membership = drawn()
    streaming = StreamingContributions()
    streaming.update({"a": features}, membership)
    found = streaming.result()
    merged = torch.stack([membership[:, 0] + membership[:, 2], membership[:, 1]], dim=1)
    torch.testing.assert_close(found.of("a", [0, 2]), contribution(features, merged)[0])
    with pytest.raises(UserError, match="layer 'c'"):
        found.of("c", [0])
