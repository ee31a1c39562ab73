"""Preparation of CelebAMask-HQ: painting, merging, resuming; grouped rendered faces."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.datasets import grouped_faces, labelled
from pipeline.datasets.celebamask import CLASSES, PARTS, merge
from pipeline.datasets.labelled import LabelledImages, celebamask_pairs, prepare
from pipeline.datasets.procfaces.dataset import RenderedFaces, render_dataset
from pipeline.datasets.procfaces.parts import PART_ID
from pipeline.errors import UserError
from scripts import prepare_celebamask
from tests.datasets.celebamask_cases import SIZE, merged_folder, packed_folder


def test_parts_are_painted_over_one_another(tmp_path: Path) -> None:
    half, all_of_it = slice(0, 16), slice(None)
    parts = {
        "l_eye": (half, slice(0, 8)),
        "eye_g": (half, all_of_it),
        "hair": (all_of_it, slice(24, 32)),
        "r_ear": (slice(8, 24), slice(24, 32)),
        "skin": (all_of_it, slice(0, 24)),
    }
    source = packed_folder(tmp_path / "source", parts)
    prepare(source, tmp_path / "out", SIZE)
    images = LabelledImages(tmp_path / "out")
    label = {name: CLASSES.index(name) for name in CLASSES}
    labels = images.labels(torch.arange(2))
    assert labels.dtype == torch.uint8 and torch.equal(labels[0], labels[1])
    at = labels[0]
    assert (at[:16, :8] == label["eyes"]).all()  # over the glasses
    assert (at[:16, 8:24] == label["glasses"]).all()  # over the skin
    assert (at[16:, :24] == label["skin"]).all()
    assert (at[8:24, 24:] == label["ears"]).all()  # over the hair
    assert (at[:8, 24:] == label["hair"]).all()
    levels = (images.images(torch.arange(2)).mean((1, 2, 3)) + 1) * 127.5
    assert levels.round().tolist() == [0, 40]


def test_merged_ids_become_classes(tmp_path: Path) -> None:
    pairs = {
        4: "eyes",
        5: "eyes",
        12: "mouth",
        16: "neck",
        15: "earring",
        3: "glasses",
        0: "background",
    }
    ids = np.array([list(pairs)], np.uint8)
    assert [CLASSES[k] for k in merge(ids)[0]] == list(pairs.values())
    assert sorted(part.merged_id for part in PARTS) == list(range(1, 19))
    assert {part.painted_as for part in PARTS} == set(CLASSES[1:])
    with pytest.raises(ValueError, match="19"):
        merge(np.array([[19]], np.uint8))


def test_preparation_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = merged_folder(tmp_path / "source", 5)
    prepare(source, tmp_path / "whole", 16)
    monkeypatch.setattr(labelled, "EVERY", 2)
    read, calls = labelled._read, []

    def failing(pair: labelled.Pair, size: int) -> object:
        calls.append(pair)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return read(pair, size)

    monkeypatch.setattr(labelled, "_read", failing)
    with pytest.raises(KeyboardInterrupt):
        prepare(source, tmp_path / "parts", 16)
    with pytest.raises(UserError, match="not finished \\(2 of 5\\)"):
        LabelledImages(tmp_path / "parts")
    seen: list[tuple[int, int]] = []
    prepare(source, tmp_path / "parts", 16, report=lambda *done: seen.append(done))
    assert len(calls) == 4 + 3 and seen == [(4, 5), (5, 5)]
    for name in ("images.npy", "labels.npy"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    with pytest.raises(UserError, match="other content"):
        prepare(source, tmp_path / "parts", 32)


def test_mistakes_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="no CelebAMask-HQ"):
        celebamask_pairs(tmp_path)
    source = merged_folder(tmp_path / "source", 1)
    Image.fromarray(np.full((8, 8), 30, np.uint8)).save(source / "masks" / "000.png")
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["x", str(source), "--out", str(out), "--size", "16"])
    assert prepare_celebamask.main() == 2
    assert "the id 30" in capsys.readouterr().err
    (out / labelled.LABELLED).write_text("{")
    with pytest.raises(UserError, match="damaged"):
        LabelledImages(out)


def test_the_script_prepares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = merged_folder(tmp_path / "source", 3), tmp_path / "out"
    options = [str(source), "--out", str(out), "--size", "16", "--count", "2"]
    monkeypatch.setattr(sys, "argv", ["x", *options])
    assert prepare_celebamask.main() == 0
    assert "2 images of 13 classes" in capsys.readouterr().out
    assert len(LabelledImages(out)) == 2


def test_rendered_faces_by_class(tmp_path: Path) -> None:
    render_dataset(tmp_path, 8, seed=0, size=16)
    index = torch.arange(8)
    parts = RenderedFaces(tmp_path).labels(index)
    faces = grouped_faces.GroupedFaces(tmp_path)
    grouped = faces.labels(index)
    assert torch.equal(faces.images(index), RenderedFaces(tmp_path).images(index))
    for name, members in grouped_faces.GROUPS.items():
        inside = torch.isin(parts, torch.tensor([PART_ID[p] for p in members]))
        assert torch.equal(grouped == faces.classes.index(name), inside)
