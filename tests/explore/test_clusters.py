"""Clusters of a catalog get names, in the file that runs read."""

from collections.abc import Iterator

import pytest

from pipeline.errors import UserError
from pipeline.explore.clusters import Clusters, clusters, label
from pipeline.explore.session import Session
from pipeline.methods.catalog.catalog import Catalog
from pipeline.methods.catalog.labels import read_labels
from tests.explore.small import GENERATOR, session_in, small_file

LAYER, COUNT = "b16.conv0", 3
QUICK = ("method.num_samples=8", "method.num_vectors=200", "method.restarts=1")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("clusters")
    with session_in(folder, small_file(folder)) as opened:
        yield opened


@pytest.fixture(scope="module")
def found(session: Session) -> Clusters:
    return clusters(session, GENERATOR, LAYER, COUNT, QUICK)


def test_every_pixel_has_a_cluster(found: Clusters) -> None:
    assert found.places.shape == (len(found.images), *found.images.shape[-2:])
    assert 0 <= int(found.places.min()) <= int(found.places.max()) < COUNT
    assert len(found.names) == COUNT


def test_names_are_written_for_runs_and_are_there_again(session: Session, found: Clusters) -> None:
    named = label(session, found, {0: "mouth", 1: " hair ", 2: "mouth"})
    assert named.names == ["mouth", "hair", "mouth"]
    labels = read_labels(named.folder / "catalog_labels.yaml", COUNT)
    assert labels == {"mouth": (0, 2), "hair": (1,)}
    assert Catalog.load(named.folder / "catalog.safetensors").labels == labels
    assert f"method.labels={named.folder}" in named.use
    again = clusters(session, GENERATOR, LAYER, COUNT, QUICK)
    assert again.names == named.names


def test_what_is_no_name_is_refused(session: Session, found: Clusters) -> None:
    with pytest.raises(UserError, match="is no name for cluster 0"):
        label(session, found, {0: "The mouth"})
    with pytest.raises(UserError, match="is no name for cluster 9"):
        label(session, found, {9: "mouth"})
    with pytest.raises(UserError, match="No cluster has a name"):
        label(session, found, {0: " "})
