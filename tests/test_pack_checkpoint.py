"""A packed training goes on almost exactly where the original would have."""

import json
import random
from pathlib import Path

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.stylegan2 import StyleGAN2Config
from pipeline.training.stylegan2 import Recipe, build, train_step
from scripts.pack_checkpoint import pack, unpack

CONFIG = StyleGAN2Config(8, (8, 8), 8, 8, 2)
RECIPE = Recipe(batch=4, autocast=False)


def step(state: object, seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    train_step(state, torch.randn(4, 3, 8, 8), RECIPE)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    state = build(CONFIG, RECIPE, 0)
    for seed in range(3):
        step(state, seed)
    path = tmp_path / "training"
    path.mkdir()
    state.save(path / "checkpoint.pt")
    (path / "training.json").write_text(json.dumps({"seed": 0}))
    return path


def test_it_goes_on_where_it_was(folder: Path, tmp_path: Path) -> None:
    pack(folder, tmp_path / "packed.pt")
    assert (tmp_path / "packed.pt").stat().st_size < (folder / "checkpoint.pt").stat().st_size
    unpack(tmp_path / "packed.pt", tmp_path / "again")
    assert json.loads((tmp_path / "again" / "training.json").read_text()) == {"seed": 0}
    states = []
    for path in (folder, tmp_path / "again"):
        state = build(CONFIG, RECIPE, 1)
        state.load(path / "checkpoint.pt")
        step(state, 7)
        states.append(state)
    assert states[0].images == states[1].images == 16
    before = build(CONFIG, RECIPE, 1)
    before.load(folder / "checkpoint.pt")
    networks = (before.generator, states[0].generator, states[1].generator)
    for start, a, b in zip(*(n.parameters() for n in networks), strict=True):
        moved, off = (a - start).norm(), (a - b).norm()
        assert off <= 0.02 * moved + 1e-6, (off, moved)


def test_a_folder_in_use_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    pack(folder, tmp_path / "packed.pt")
    with pytest.raises(UserError, match="holds a checkpoint"):
        unpack(tmp_path / "packed.pt", folder)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "packed.pt").write_bytes(b"PK\x03\x04nothing")
    with pytest.raises(UserError, match=r"packed\.pt"):
        unpack(tmp_path / "packed.pt", tmp_path / "again")
