"""Making catalogs: side by side, the same whatever the batch, and refused where impossible."""

from typing import Any

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.base import Generator
from pipeline.generators.progressive import instance_norm
from pipeline.methods.catalog import activations, building
from pipeline.methods.catalog.building import Plan, build
from pipeline.methods.style_channels import style_slices
from tests.generators.networks import small_network
from tests.methods.catalog.catalogs import PLAN, Halves
from tests.methods.catalog.networks import small_pggan, small_stylegan


@pytest.fixture(scope="module")
def generator() -> Generator:
    return small_network(dtype=torch.float32)


def test_layers_and_numbers_of_clusters_stand_side_by_side(generator: Generator) -> None:
    plan = Plan(("b8.conv1", "b16.conv0"), (2, 3), samples=5, vectors=100, restarts=2)
    built = build(generator, plan, 0, Halves())
    found = [(c.layer, c.count) for c in built.catalogs]
    assert found == [("b8.conv1", 2), ("b8.conv1", 3), ("b16.conv0", 2), ("b16.conv0", 3)]
    rows = built.catalog.notes["compared"]
    assert [(row["layer"], row["clusters"]) for row in rows] == found
    assert [bool(c.contributions.matrices) for c in built.catalogs].count(True) == 1
    assert built.catalog.contributions.matrices


def test_scores_are_of_the_parts(generator: Generator) -> None:
    catalog = build(generator, PLAN, 0, Halves()).catalog
    assert set(catalog.scores) == {"dark", "bright"}
    assert sorted(k for ids in catalog.labels.values() for k in ids) == [0, 1, 2, 3]
    ious = [score.iou for score in catalog.scores.values()]
    assert catalog.notes["mean_iou"] == pytest.approx(sum(ious) / 2)


def test_contributions_of_all_style_layers_sum_to_one(generator: Generator) -> None:
    matrices = build(generator, PLAN, 0).catalog.contributions.matrices
    assert list(matrices) == list(style_slices(generator))
    for layer, matrix in matrices.items():
        part = style_slices(generator)[layer]
        assert matrix.shape == (4, part.stop - part.start)
        total = torch.ones(matrix.shape[1], dtype=torch.float64)
        torch.testing.assert_close(matrix.sum(dim=0), total, rtol=0, atol=1e-5)
        assert float(matrix.min()) >= 0


def test_batches_make_no_difference(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = build(generator, PLAN, 3, Halves()).catalog
    monkeypatch.setattr(building, "images_at_once", lambda _: 4)
    parts = build(generator, PLAN, 3, Halves()).catalog
    torch.testing.assert_close(parts.centroids, whole.centroids)
    assert parts.labels == whole.labels
    for layer, matrix in whole.contributions.matrices.items():
        found = parts.contributions.matrices[layer]
        torch.testing.assert_close(found, matrix, rtol=0, atol=1e-5)


def test_samples_in_many_batches_are_the_first_of_more(generator: Generator) -> None:
    few = building._Work(generator, Plan(samples=70), 0, None, 1)
    many = building._Work(generator, Plan(samples=130), 0, None, 1)
    first, second = (torch.cat([c.values for c in work.batches()]) for work in (few, many))
    assert len(first) == 70
    assert torch.equal(second[:70], first)


def test_images_that_judge_are_others(generator: Generator) -> None:
    work = building._Work(generator, PLAN, 0, None, 1)
    own, unseen = next(iter(work.batches())), next(iter(work.batches(held_out=True)))
    assert not torch.equal(own.values, unseen.values)


def test_without_a_reader_clusters_have_no_names(generator: Generator) -> None:
    catalog = build(generator, PLAN, 0).catalog
    assert (dict(catalog.labels), dict(catalog.scores)) == ({}, {})


def test_every_generator_kind_has_a_catalog() -> None:
    assert build(small_stylegan().float(), PLAN, 0).catalog.contributions.samples == 6
    analysed = build(small_pggan().float(), PLAN, 0, Halves()).catalog
    assert not analysed.contributions.matrices
    assert analysed.labels


def test_progress_ends_at_the_total(generator: Generator) -> None:
    seen: list[tuple[int, int]] = []
    build(generator, PLAN, 0, Halves(), lambda *counts: seen.append(counts))
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert {total for _, total in seen} == {len(seen)}


def test_the_default_layers_are_those_of_the_middle_resolutions(generator: Generator) -> None:
    assert Plan().layers_of(generator) == ("b16.conv0", "b16.conv1")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layers": ("b32.conv0",)}, "Unknown layer"),
        ({"clusters": (500,)}, "have 200 vectors to cluster"),
        ({"clusters": (385,), "vectors": 1000}, "6 samples of b8.conv1 have 384 vectors"),
    ],
)
def test_what_cannot_be_clustered_is_refused(
    changes: dict[str, Any], said: str, generator: Generator
) -> None:
    plan = Plan(**{**PLAN.settings(), **changes})
    with pytest.raises(UserError, match=said):
        build(generator, plan, 0)


@pytest.mark.parametrize(
    "changes", [{"clusters": ()}, {"clusters": (0,)}, {"samples": 0}, {"restarts": 0}]
)
def test_a_plan_of_nothing_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="at least 1"):
        Plan(**{**PLAN.settings(), **changes})


def test_parts_that_nobody_finds_are_refused(generator: Generator) -> None:
    plan = Plan(**{**PLAN.settings(), "parts": ("brihgt",)})
    with pytest.raises(UserError, match="Did you mean part=bright"):
        build(generator, plan, 0, Halves())


def test_only_what_is_looked_at_is_computed(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clustering stops the network at its layer."""
    seen: list[str] = []
    plain = instance_norm

    def watched(x: torch.Tensor, eps: float) -> torch.Tensor:
        seen.append(f"{x.shape[-1]}")
        return plain(x, eps)

    monkeypatch.setattr(activations, "instance_norm", watched)
    codes = generator.sample(2, torch.Generator().manual_seed(0))
    activations.features(generator, codes, ["b8.conv0"])
    assert seen == ["8"]


def test_a_parser_looks_at_so_many_images_at_most(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "JUDGED", 3)
    seen: list[int] = []

    class Counting(Halves):
        def parse(self, images: torch.Tensor) -> torch.Tensor:
            seen.append(len(images))
            return super().parse(images)

    assert build(generator, PLAN, 0, Counting()).catalog.contributions.samples == 6
    assert seen == [3, 3]
