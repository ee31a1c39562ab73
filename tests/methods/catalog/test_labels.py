"""Names of clusters: by overlap, and from a file."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.methods.catalog.labels import (
    automatic_labels,
    mean_iou,
    overlaps,
    read_labels,
    score,
    scores,
    write_labels,
)

PARTS = ("background", "skin", "mouth")


def counts_of(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def test_overlaps_count_pixels() -> None:
    clusters = torch.tensor([[[0, 0], [1, 1]]])
    parts = torch.tensor([[[2, 1], [1, 1]]], dtype=torch.uint8)
    assert overlaps(clusters, parts, 2, 3).tolist() == [[0, 1, 1], [0, 2, 0]]


def test_scores_are_what_they_say() -> None:
    counts = counts_of([[6, 2, 0], [0, 10, 2], [0, 3, 1]])
    found = score(counts, [1, 2], 1)
    assert found.iou == pytest.approx(13 / (16 + 15 - 13))
    assert found.purity == pytest.approx(13 / 16)
    assert found.coverage == pytest.approx(13 / 15)
    assert score(counts, [], 1) == score(counts, (), 1)
    assert score(counts, [], 1).iou == 0


def test_several_clusters_merge_into_a_part() -> None:
    counts = counts_of([[9, 1, 0], [8, 0, 0], [0, 9, 1], [0, 1, 9]])
    labels = automatic_labels(counts, PARTS, PARTS)
    assert labels == {"background": (0, 1), "skin": (2,), "mouth": (3,)}


def test_a_small_part_gets_a_cluster_that_is_mostly_something_else() -> None:
    counts = counts_of([[90, 0, 0], [0, 90, 0], [0, 6, 5]])
    labels = automatic_labels(counts, PARTS, PARTS)
    assert labels["mouth"] == (2,)


@pytest.mark.parametrize("seed", range(4))
def test_no_single_change_does_better(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    counts = (torch.rand(4, 3, generator=random, dtype=torch.float64) ** 3 * 100).round()
    labels = automatic_labels(counts, PARTS, PARTS)
    owner = {k: name for name, ids in labels.items() for k in ids}
    assert sorted(owner) == [0, 1, 2, 3]
    reached = mean_iou(scores(counts, PARTS, labels, PARTS), PARTS)
    for cluster, part in itertools.product(range(4), PARTS):
        changed = owner | {cluster: part}
        tried = {p: tuple(k for k, o in changed.items() if o == p) for p in PARTS}
        assert mean_iou(scores(counts, PARTS, tried, PARTS), PARTS) <= reached + 1e-9


def test_a_part_that_does_not_count_takes_only_what_overlaps_it() -> None:
    parts = (*PARTS, "ears", "hat")
    counts = counts_of([[90, 0, 0, 0, 0], [5, 40, 0, 0, 30], [0, 4, 9, 0, 0]])
    labels = automatic_labels(counts, parts, ("background", "mouth"))
    assert "ears" not in labels
    assert set(labels) <= {"background", "skin", "mouth", "hat"}


def test_parts_without_a_cluster_score_nothing() -> None:
    counts = counts_of([[9, 1, 1], [0, 9, 1]])
    found = scores(counts, PARTS, {"background": (0,), "skin": (1,)}, PARTS)
    assert found["mouth"].iou == 0
    assert mean_iou(found, ["background", "mouth"]) == pytest.approx(found["background"].iou / 2)


def test_labels_survive_their_file(tmp_path: Path) -> None:
    labels = {"mouth": (3, 7), "eyes": (1,)}
    write_labels(labels, tmp_path / "labels.yaml")
    assert read_labels(tmp_path / "labels.yaml", 8) == labels


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mouth: [3, 8]", "cluster 8; the catalog has clusters 0 to 7"),
        ("mouth: [a]", "names cluster a"),
        ("mouth: [3", "no YAML"),
        ("- 3", "holds no labels"),
        ("", "holds no labels"),
    ],
)
def test_a_wrong_file_is_told(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "labels.yaml").write_text(text)
    with pytest.raises(UserError, match=said):
        read_labels(tmp_path / "labels.yaml", 8)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file of labels"):
        read_labels(tmp_path / "labels.yaml", 8)
