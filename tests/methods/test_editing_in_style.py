"""The method: from a region to clusters to a query, and what it refuses."""

from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator
from pipeline.methods.catalog.catalog import Catalog
from pipeline.methods.editing_in_style import EditingInStyle
from pipeline.methods.query_edit import QueryEdit
from pipeline.regions.box import Box
from pipeline.regions.part import Part
from tests.generators.networks import small_network
from tests.methods.catalog.catalogs import Halves, small_catalog
from tests.methods.catalog.networks import small_pggan, small_stylegan

GENERATOR = small_network(dtype=torch.float32)
REGION = Box("bright", [0.5, 0.5], [0.5, 0.5])
WHOLE = Box("picture", [0.5, 0.5], [1.0, 1.0])
CORNER = Box("corner", [0.03, 0.03], [0.06, 0.06])
SMALL: dict[str, Any] = {
    "layers": ["b8.conv1"],
    "clusters": 4,
    "num_samples": 6,
    "num_vectors": 200,
    "restarts": 2,
    "epsilon": 1.0,
}


def method(**changes: Any) -> EditingInStyle:
    made = EditingInStyle(**(SMALL | changes))
    made.reader = Halves()
    return made


def codes_of(n: int = 4, seed: int = 1, generator: Generator = GENERATOR) -> Codes:
    return generator.sample(n, torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalog") / "catalog.safetensors"
    small_catalog(GENERATOR).save(path)
    return path


def test_it_finds_one_edit_of_the_part(file: Path) -> None:
    edits = method(catalog=str(file)).discover(GENERATOR, codes_of(), REGION, seed=3)
    (edit,) = edits
    assert isinstance(edit, QueryEdit)
    assert (edit.part, edit.name) == ("bright", "editing_in_style/bright/sequential")
    assert edits.notes["clusters"] == list(Catalog.load(file).clusters_of("bright"))
    moved = edits.notes["channels"]
    assert list(moved) == list(GENERATOR.style_slices)
    assert sum(moved.values()) == int((edit.query > 0).sum())
    assert 0 < float(edits.extra["eigenvalues"][0]) <= 1


def test_the_same_seed_finds_the_same_edit() -> None:
    found = [method().discover(GENERATOR, codes_of(), REGION, seed=3)[0] for _ in range(2)]
    reference = codes_of(seed=2)
    images = [edit.apply(GENERATOR, codes_of(), 0.5, reference) for edit in found]
    assert torch.equal(images[0], images[1])


def test_a_prepared_catalog_is_used() -> None:
    made = method()
    made.prepared = small_catalog(GENERATOR, seed=9)
    seen: list[tuple[int, int]] = []
    edits = made.discover(GENERATOR, codes_of(), REGION, progress=lambda *n: seen.append(n))
    assert edits.notes["catalog"]["hash"] == made.prepared.hash
    assert seen == [(1, 1)]


def test_options_are_plain() -> None:
    import json

    made = method()
    notes = made.discover(GENERATOR, codes_of(), REGION).notes
    assert "prepared" not in notes["options"]
    assert json.loads(json.dumps(notes)) == notes


def test_regions_of_parts_take_their_labels(file: Path) -> None:
    made, catalog = method(catalog=str(file)), Catalog.load(file)
    both = Part("face", Halves().parse, [0, 1])
    edits = made.discover(GENERATOR, codes_of(), both)
    assert sorted(edits.notes["clusters"]) == list(range(catalog.count))


def test_other_regions_take_the_clusters_that_lie_in_them(file: Path) -> None:
    made, catalog = method(catalog=str(file)), Catalog.load(file)
    codes = codes_of()
    clusters = catalog.clusters(GENERATOR, codes)
    half = Box("upper", [0.25, 0.5], [0.5, 1.0])
    shares = [float((clusters[:, :8] == k).sum() / (clusters == k).sum()) for k in range(4)]
    wanted = [k for k, share in enumerate(shares) if share >= 0.5]
    assert 0 < len(wanted) < 4
    assert made.discover(GENERATOR, codes, half).notes["clusters"] == wanted
    everything = made.discover(GENERATOR, codes, WHOLE)
    assert everything.notes["clusters"] == [0, 1, 2, 3]
    with pytest.raises(UserError, match="No cluster of b8.conv1"):
        made.discover(GENERATOR, codes, CORNER)


def test_a_label_can_be_given(file: Path, tmp_path: Path) -> None:
    names = tmp_path / "labels.yaml"
    names.write_text("mouth: [3, 1]\n")
    made = method(catalog=str(file), labels=str(names), label="mouth")
    edits = made.discover(GENERATOR, codes_of(), WHOLE)
    assert (edits[0].name, edits.notes["clusters"]) == ("editing_in_style/mouth/sequential", [3, 1])
    with pytest.raises(UserError, match="Unknown label 'muoth'"):
        made.label = "muoth"
        made.discover(GENERATOR, codes_of(), WHOLE)


def test_it_works_without_a_reader() -> None:
    made = EditingInStyle(**SMALL)
    made.check(GENERATOR, WHOLE)
    assert made.networks() == {}
    assert made.discover(GENERATOR, codes_of(), WHOLE).notes["clusters"] == [0, 1, 2, 3]


def test_it_works_on_stylegan() -> None:
    generator = small_stylegan().float()
    codes, reference = codes_of(generator=generator), codes_of(seed=2, generator=generator)
    (edit,) = method().discover(generator, codes, REGION)
    moved = edit.apply(generator, codes, 1.0, reference) - generator.render(codes)
    assert float(moved.abs().max()) > 0


def test_what_cannot_work_is_refused_before_any_work(file: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="analysis only"):
        method().check(small_pggan().float(), REGION)
    other = small_network(seed=1, dtype=torch.float32)
    with pytest.raises(UserError, match="with other weights: make a catalog"):
        method(catalog=str(file)).check(other, REGION)
    with pytest.raises(UserError, match="no catalog at"):
        method(catalog=str(tmp_path / "none.safetensors")).check(GENERATOR, REGION)
    with pytest.raises(UserError, match=r"add method\.catalog=FILE"):
        method(labels="labels.yaml").check(GENERATOR, REGION)
    with pytest.raises(UserError, match="vectors to cluster"):
        method(clusters=[4, 1000]).check(GENERATOR, REGION)
    with pytest.raises(UserError, match="Unknown layer"):
        method(layers=["b8"]).check(GENERATOR, REGION)
    with pytest.raises(UserError, match="epsilon"):
        method(epsilon=[1] * 20).check(GENERATOR, REGION)


@pytest.mark.parametrize(
    "changes", [{"interpolation": "linear"}, {"threshold": 1.0}, {"num_codes": 0}, {"clusters": 0}]
)
def test_options_out_of_range_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(changes))):
        method(**changes)


def test_an_empty_query_is_told(file: Path) -> None:
    made = method(catalog=str(file), threshold=0.99)
    with pytest.raises(UserError, match="The query for bright is empty"):
        made.discover(GENERATOR, codes_of(), REGION)


def test_strengths_are_shares() -> None:
    method().check_strengths([0.25, 1.0])
    method(interpolation="simultaneous").check_strengths([0.5, 20.0])
    for wrong in ([-1.0, 1.0], [1.5]):
        with pytest.raises(UserError, match="from the target"):
            method().check_strengths(wrong)
