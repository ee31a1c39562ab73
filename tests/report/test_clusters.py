"""The page of a catalog."""

from pathlib import Path

import pytest
import torch

from pipeline.catalog_sheets import write_catalog
from pipeline.methods.catalog.catalog import Catalog
from pipeline.methods.catalog.labels import read_labels
from pipeline.report.clusters import colours, overlay, spotlight
from pipeline.report.page import Record
from tests.generators.networks import small_network
from tests.methods.catalog.catalogs import small_catalog
from tests.report.page import Page

GENERATOR = small_network(dtype=torch.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("catalog")
    write_catalog(small_catalog(GENERATOR), GENERATOR, Record("python make it"), made)
    return made


def test_every_cluster_and_every_score_is_shown(folder: Path) -> None:
    page = Page((folder / "catalog.html").read_text())
    assert {"overlays", "clusters", "labels", "record"} <= set(page.sections)
    told = page.attributes("img", "alt")
    for k in range(4):
        assert f"Cluster {k} in sample 7" in told
    catalog = Catalog.load(folder / "catalog.safetensors")
    shown = [exact for exact, _ in page.sections["labels"]]
    for score in catalog.scores.values():
        assert {score.iou, score.purity, score.coverage} <= set(shown)


def test_labels_can_be_read_again(folder: Path) -> None:
    catalog = Catalog.load(folder / "catalog.safetensors")
    assert read_labels(folder / "catalog_labels.yaml", 4) == dict(catalog.labels)


def test_colours_tell_twenty_clusters_apart() -> None:
    tones = colours(20)
    distances = torch.cdist(tones, tones) + 9 * torch.eye(20)
    assert float(distances.min()) > 0.15
    assert float(tones.abs().max()) <= 1


def test_overlays_and_spotlights() -> None:
    images, clusters = torch.zeros(1, 3, 2, 2), torch.tensor([[[0, 0], [1, 1]]])
    covered = overlay(images, clusters, 2)
    torch.testing.assert_close(covered[0, :, 0, 0], 0.6 * colours(2)[0])
    lit = spotlight(images, clusters == 1)
    assert torch.equal(lit[0, :, 1], images[0, :, 1])
    assert bool((lit[0, :, 0] < -0.7).all())
