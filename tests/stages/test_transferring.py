"""Catalogs and references as stages: what they depend on, and that they survive the store."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.errors import UserError
from pipeline.methods.editing_in_style import EditingInStyle
from pipeline.stages.cataloguing import Cataloguing
from pipeline.stages.pairing import Pairing, derangement
from tests.generators.networks import small_network
from tests.methods.catalog.catalogs import Halves, small_catalog

GENERATOR = small_network(dtype=torch.float32)


def nothing(_done: int, _total: int) -> None:
    """No progress is shown."""


def method(**options: Any) -> EditingInStyle:
    small: dict[str, Any] = {
        "layers": ["b8.conv1"],
        "clusters": 4,
        "num_samples": 6,
        "num_vectors": 200,
    }
    made = EditingInStyle(**(small | {"restarts": 2} | options))
    made.reader = Halves()
    return made


def test_a_catalog_survives_the_store(tmp_path: Path) -> None:
    stage = Cataloguing(method(), GENERATOR, seed=0)
    made = stage.compute(nothing)
    stage.save(made, tmp_path)
    assert stage.load(tmp_path).hash == made.hash


def test_a_catalog_is_shared_by_queries_and_depends_on_its_plan() -> None:
    plain = Cataloguing(method(), GENERATOR, seed=0).settings()
    same = Cataloguing(method(epsilon=3, label="dark", threshold=0.2), GENERATOR, 0).settings()
    assert same == plain
    for changed in (method(clusters=5), method(num_samples=7), method(parts=["dark"])):
        assert Cataloguing(changed, GENERATOR, 0).settings() != plain
    assert Cataloguing(method(), GENERATOR, 1).settings() != plain


def test_a_catalog_of_a_file_depends_on_its_content(tmp_path: Path) -> None:
    path = tmp_path / "catalog.safetensors"
    catalog = small_catalog(GENERATOR)
    catalog.save(path)
    first = Cataloguing(method(catalog=str(path)), GENERATOR, 0).settings()
    replace(catalog, labels={"dark": (0,)}).save(path)
    assert Cataloguing(method(catalog=str(path)), GENERATOR, 0).settings() != first


@pytest.mark.parametrize("count", [2, 3, 50])
def test_nobody_is_its_own_reference(count: int) -> None:
    for seed in range(10):
        order = derangement(count, torch.Generator().manual_seed(seed))
        assert torch.equal(order.sort().values, torch.arange(count))
        assert not bool((order == torch.arange(count)).any())


def test_one_sample_has_no_other() -> None:
    with pytest.raises(UserError, match="There is 1 sample"):
        derangement(1, torch.Generator())


def test_references_are_those_of_the_seed_and_survive_the_store(tmp_path: Path) -> None:
    stage = Pairing(20, seed=4)
    drawn = stage.compute(nothing)
    assert torch.equal(Pairing(20, seed=4).compute(nothing), drawn)
    assert not torch.equal(Pairing(20, seed=5).compute(nothing), drawn)
    stage.save(drawn, tmp_path)
    assert torch.equal(stage.load(tmp_path), drawn)
