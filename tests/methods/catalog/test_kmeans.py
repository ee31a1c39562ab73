"""Spherical k-means on planted clusters, and the reservoir against all vectors."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from pipeline.errors import UserError
from pipeline.methods.catalog.kmeans import Reservoir, nearest, spherical_kmeans


def planted(
    per_cluster: int = 200, dims: int = 12, count: int = 5
) -> tuple[Tensor, Tensor, Tensor]:
    """Vectors around orthogonal directions, of lengths from 0.1 to 10; directions; and owners."""
    random = torch.Generator().manual_seed(0)
    square = torch.randn(dims, dims, generator=random, dtype=torch.float64)
    directions = torch.linalg.qr(square).Q[:count]
    owners = torch.arange(count).repeat(per_cluster)
    noise = torch.randn(len(owners), dims, generator=random, dtype=torch.float64)
    lengths = 10 ** (2 * torch.rand(len(owners), 1, generator=random, dtype=torch.float64) - 1)
    return lengths * (directions[owners] + 0.05 * noise), directions, owners


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_planted_clusters_are_found() -> None:
    vectors, directions, owners = planted()
    found = spherical_kmeans(vectors, 5, seeded())
    cosines = directions @ found.centroids.T
    assert float(cosines.max(dim=1).values.min()) > 0.99
    _, members = nearest(normalize(vectors, dim=1), found.centroids)
    assert torch.equal(cosines.argmax(dim=1)[owners], members)


def test_centroids_are_unit_vectors_and_sums_of_their_members() -> None:
    vectors, _, _ = planted()
    found = spherical_kmeans(vectors[:400], 3, seeded(), tolerance=0.0)
    units = normalize(vectors[:400], dim=1)
    cosines, members = nearest(units, found.centroids)
    sums = torch.stack([units[members == k].sum(dim=0) for k in range(3)])
    torch.testing.assert_close(found.centroids, normalize(sums, dim=1))
    assert found.similarity == pytest.approx(float(cosines.mean()))


def test_lengths_do_not_count() -> None:
    vectors, _, _ = planted()
    plain = spherical_kmeans(normalize(vectors, dim=1), 4, seeded())
    torch.testing.assert_close(spherical_kmeans(vectors, 4, seeded()).centroids, plain.centroids)


def test_every_vector_is_with_the_centroid_at_the_smallest_angle() -> None:
    """Of a narrow and a wide cluster, whose means as in k-means differ in length."""
    narrow = torch.tensor([[1.0, 0.0]]).repeat(50, 1)
    wide = torch.tensor([[0.0, 1.0], [0.0, -1.0], [-1.0, 0.3], [-1.0, -0.3]]).repeat(20, 1)
    vectors = torch.cat([narrow, wide]).double()
    found = spherical_kmeans(vectors, 2, seeded(), restarts=8, tolerance=0.0)
    cosines, members = nearest(normalize(vectors, dim=1), found.centroids)
    assert torch.equal(members, (normalize(vectors, dim=1) @ found.centroids.T).argmax(dim=1))
    assert float(cosines.mean()) == pytest.approx(found.similarity)


def test_no_cluster_stays_empty() -> None:
    vectors = torch.eye(6, dtype=torch.float64).repeat(30, 1)
    found = spherical_kmeans(vectors, 6, seeded())
    _, members = nearest(vectors, found.centroids)
    assert torch.bincount(members, minlength=6).tolist() == [30] * 6
    assert found.similarity == pytest.approx(1.0)


def test_the_seed_decides() -> None:
    vectors, _, _ = planted()
    first, second = (spherical_kmeans(vectors, 4, seeded(3)).centroids for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("count", [0, 4])
def test_more_clusters_than_vectors_are_refused(count: int) -> None:
    vectors = torch.cat([torch.eye(3), torch.zeros(5, 3)])
    with pytest.raises(UserError, match="there are 3 vectors"):
        spherical_kmeans(vectors, count, seeded())


def filled(size: int, batch: int) -> Reservoir:
    features = torch.arange(24 * 4, dtype=torch.float32).reshape(24, 1, 2, 2)
    reservoir = Reservoir(size, seed=5)
    for part in features.split(batch):
        reservoir.update(part)
    return reservoir


def test_batches_do_not_decide_what_a_reservoir_keeps() -> None:
    whole = filled(10, 24)
    for batch in (1, 5, 7):
        assert torch.equal(filled(10, batch).vectors(), whole.vectors())
    assert (whole.seen, whole.vectors().shape) == (96, (10, 1))


def test_a_large_reservoir_keeps_everything() -> None:
    kept = filled(1000, 5).vectors()
    assert torch.equal(kept.flatten().sort().values, torch.arange(96.0))


def test_every_vector_is_as_likely_to_stay() -> None:
    counts = torch.zeros(40)
    for seed in range(500):
        reservoir = Reservoir(10, seed)
        for part in torch.arange(40.0).reshape(40, 1, 1, 1).split(8):
            reservoir.update(part)
        counts[reservoir.vectors().flatten().long()] += 1
    assert float((counts - 125).abs().max()) < 4.5 * (500 * 0.25 * 0.75) ** 0.5
