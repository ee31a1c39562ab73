"""Assignment, masks and file of a catalog."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator
from pipeline.methods.catalog.activations import features
from pipeline.methods.catalog.catalog import Catalog, upsampled
from tests.generators.networks import small_network
from tests.methods.catalog.catalogs import small_catalog


@pytest.fixture(scope="module")
def generator() -> Generator:
    return small_network(dtype=torch.float32)


@pytest.fixture(scope="module")
def catalog(generator: Generator) -> Catalog:
    return small_catalog(generator)


def codes_of(generator: Generator, n: int = 3) -> Codes:
    return generator.sample(n, torch.Generator().manual_seed(4))


def test_pixels_go_to_the_centroid_of_the_greatest_cosine(catalog: Catalog) -> None:
    random = torch.Generator().manual_seed(0)
    activations = torch.randn(2, catalog.centroids.shape[1], 3, 3, generator=random)
    found = catalog.assign(activations)
    for n, row, column in torch.cartesian_prod(*map(torch.arange, found.shape)):
        vector = activations[n, :, row, column]
        cosines = torch.nn.functional.cosine_similarity(catalog.centroids, vector[None])
        assert found[n, row, column] == cosines.argmax()
    membership = catalog.membership(activations)
    assert torch.equal(membership.argmax(dim=1), found)
    assert torch.equal(membership.sum(dim=1), torch.ones(2, 3, 3))


def test_masks_are_the_clusters_of_a_label(catalog: Catalog, generator: Generator) -> None:
    codes = codes_of(generator)
    clusters = catalog.clusters(generator, codes)
    assert clusters.shape == (3, 16, 16)
    for label, ids in catalog.labels.items():
        masks = catalog.masks(generator, codes, label)
        assert torch.equal(masks.bool(), torch.isin(clusters, torch.tensor(ids)))
    every = torch.stack([catalog.masks(generator, codes, [k]) for k in range(catalog.count)])
    assert torch.equal(every.sum(dim=0), torch.ones(3, 16, 16))


def test_at_the_layers_own_size_nothing_is_resized(catalog: Catalog, generator: Generator) -> None:
    codes = codes_of(generator)
    own = catalog.assign(features(generator, codes, [catalog.layer])[catalog.layer])
    assert torch.equal(catalog.clusters(generator, codes, 8), own)


def test_enlarging_is_bilinear() -> None:
    clusters = torch.tensor([[[0, 1], [0, 1]]])
    assert upsampled(clusters, 2, 8)[0, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_it_survives_its_file(catalog: Catalog, tmp_path: Path) -> None:
    catalog.save(tmp_path / "catalog.safetensors")
    loaded = Catalog.load(tmp_path / "catalog.safetensors")
    assert torch.equal(loaded.centroids, catalog.centroids)
    assert (loaded.labels, loaded.scores) == (catalog.labels, catalog.scores)
    assert (loaded.hash, loaded.layer, loaded.notes) == (catalog.hash, catalog.layer, catalog.notes)
    matrices = catalog.contributions.matrices
    assert list(loaded.contributions.matrices) == list(matrices)
    for layer, matrix in matrices.items():
        assert torch.equal(loaded.contributions.matrices[layer], matrix)


def test_the_hash_is_of_centroids_contributions_and_labels(catalog: Catalog) -> None:
    assert replace(catalog, notes={}, scores={}).hash == catalog.hash
    assert catalog.with_labels({"dark": (0,)}).hash != catalog.hash
    assert replace(catalog, centroids=-catalog.centroids).hash != catalog.hash


def test_another_generator_is_refused(catalog: Catalog) -> None:
    other = small_network(seed=1, dtype=torch.float32)
    with pytest.raises(UserError, match="catalog was made of generator=stylegan2"):
        catalog.masks(other, codes_of(other), "dark")


def test_wrong_labels_are_told(catalog: Catalog) -> None:
    with pytest.raises(UserError, match="Did you mean label=dark"):
        catalog.clusters_of("drak")
    with pytest.raises(UserError, match=r"mouth: \[3, 7\]"):
        catalog.with_labels({}).clusters_of("mouth")


def test_damaged_files_are_told(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "catalog.safetensors"
    with pytest.raises(UserError, match="no catalog at"):
        Catalog.load(path)
    catalog.save(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UserError, match="damaged or no catalog"):
        Catalog.load(path)
