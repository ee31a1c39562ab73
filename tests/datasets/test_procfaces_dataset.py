"""The folder of rendered faces: what it holds, that it resumes, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.datasets.procfaces import dataset
from pipeline.datasets.procfaces.dataset import (
    RenderedFaces,
    block_factors,
    from_uint8,
    render_dataset,
    to_uint8,
)
from pipeline.datasets.procfaces.render import render
from pipeline.errors import UserError

ARRAYS = ("images.npy", "labels.npy", "factors.npy")


class StopError(Exception):
    """An interruption."""


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "BLOCK", 4)


def contents(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in ARRAYS]


def test_arrays_are_the_renders_of_the_factors(tmp_path: Path) -> None:
    render_dataset(tmp_path, 6, seed=3, size=16)
    faces, index = RenderedFaces(tmp_path), torch.tensor([5, 0])
    rendering = render(faces.factors(index), 16)
    assert len(faces) == 6
    assert faces.images(index).shape == (2, 3, 16, 16)
    assert (faces.images(index) - rendering.images).abs().max() <= 1 / 255 + 1e-5
    assert torch.equal(faces.labels(index), rendering.labels)
    assert torch.equal(faces.factors(index)[1], block_factors(3, 0)[0])


def test_a_face_does_not_depend_on_the_count(tmp_path: Path) -> None:
    render_dataset(tmp_path / "a", 5, seed=0, size=16)
    render_dataset(tmp_path / "b", 7, seed=0, size=16)
    a, b = (np.load(tmp_path / name / "images.npy") for name in "ab")
    assert np.array_equal(a, b[:5])


def test_an_interrupted_folder_is_refused_then_finished(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done >= 4:
            raise StopError

    render_dataset(tmp_path / "a", 9, seed=0, size=16)
    with pytest.raises(StopError):
        render_dataset(tmp_path / "b", 9, seed=0, size=16, report=interrupt)
    with pytest.raises(UserError, match=r"not finished: 1 of 3.*--count 9 --seed 0 --size 16"):
        RenderedFaces(tmp_path / "b")
    seen: list[int] = []
    render_dataset(tmp_path / "b", 9, seed=0, size=16, report=lambda done, _: seen.append(done))
    assert seen == [8, 9]
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_processes_do_not_change_the_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # spawned processes see the true block
    render_dataset(tmp_path / "a", 130, seed=0, size=8)
    render_dataset(tmp_path / "b", 130, seed=0, size=8, processes=2)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_another_recipe_is_refused(tmp_path: Path) -> None:
    render_dataset(tmp_path, 2, seed=0, size=16)
    with pytest.raises(UserError, match=r"seed=0.*seed=1"):
        render_dataset(tmp_path, 2, seed=1, size=16)


def test_missing_or_damaged_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No rendered faces"):
        RenderedFaces(tmp_path)
    (tmp_path / "progress.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        RenderedFaces(tmp_path)


def test_count_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least 1"):
        render_dataset(tmp_path, 0, seed=0)


def test_levels_round_trip() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, 3)
    assert np.array_equal(to_uint8(from_uint8(levels)), levels)
