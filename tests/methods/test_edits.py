"""Edits applied, refused, saved and read again."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods import edit_file
from pipeline.methods.edits import DirectionEdit, Edit, Edits
from tests.generic import WaveGenerator

GENERATOR = WaveGenerator()
CODES = GENERATOR.sample(3, torch.Generator().manual_seed(0))


def direction_edit(index: int = 0, layers: tuple[int, int] | None = (1, 3)) -> DirectionEdit:
    """A step along one axis of w."""
    return DirectionEdit(
        name=f"axis/{index}",
        generator=GENERATOR.name,
        fingerprint=GENERATOR.fingerprint,
        direction=torch.eye(6, dtype=torch.float64)[index],
        space=Space.W,
        layers=layers,
    )


def some_edits() -> Edits:
    """Two axes with something beside them."""
    return Edits(
        edits=(direction_edit(0), direction_edit(1, None)),
        method="axes",
        generator=GENERATOR.name,
        fingerprint=GENERATOR.fingerprint,
        region="mouth",
        seed=7,
        extra={"eigenvalues": torch.tensor([3.0, 1.0]), "count": torch.tensor(2)},
        notes={"tau": 0.001, "layers": [1, 3]},
    )


def test_one_strength_for_each_image() -> None:
    edit = direction_edit()
    batch = edit.apply(GENERATOR, CODES, torch.tensor([0.0, 1.0, -2.0]))
    for index, strength in enumerate((0.0, 1.0, -2.0)):
        alone = edit.apply(GENERATOR, CODES[index : index + 1], strength)
        torch.testing.assert_close(batch[index : index + 1], alone)
    torch.testing.assert_close(batch[0], GENERATOR.render(CODES)[0])
    assert (batch[1] - GENERATOR.render(CODES)[1]).abs().max() > 0.01


def test_an_edit_is_the_step_it_says() -> None:
    ws = GENERATOR.convert(CODES, Space.W_PLUS).values.clone()
    ws[:, 1:3, 0] += 0.7
    expected = GENERATOR.render(Codes(Space.W_PLUS, ws))
    torch.testing.assert_close(direction_edit().apply(GENERATOR, CODES, 0.7), expected)


def test_images_are_differentiable_in_the_strength() -> None:
    strengths = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    images = direction_edit().apply(GENERATOR, CODES, strengths)
    (gradient,) = torch.autograd.grad(images.square().sum(), strengths)
    assert gradient.abs().min() > 0


@pytest.mark.parametrize("strength", [[1.0, 2.0], torch.zeros(3, 1), torch.zeros(1)])
def test_strengths_that_do_not_fit_the_images(strength: Tensor) -> None:
    with pytest.raises(UserError, match="each of the 3 images"):
        direction_edit().apply(GENERATOR, CODES, strength)


def test_another_generator_is_refused() -> None:
    other = WaveGenerator(seed=1)
    with pytest.raises(UserError, match="axis/0 was found on generator=waves"):
        direction_edit().apply(other, CODES, 1.0)


def test_round_trip(tmp_path: Path) -> None:
    before, path = some_edits(), tmp_path / "new" / "edits.safetensors"
    before.save(path)
    after = Edits.load(path)
    assert len(after) == 2
    assert (after.method, after.region, after.seed) == ("axes", "mouth", 7)
    assert (after.version, after.notes) == (before.version, before.notes)
    assert after[0].settings() == before[0].settings()
    assert after[1].settings()["layers"] is None
    torch.testing.assert_close(after.extra, before.extra)
    torch.testing.assert_close(after[1].arrays(), before[1].arrays())
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_rows_of_one_matrix_can_be_saved(tmp_path: Path) -> None:
    """Views share memory, which safetensors refuses."""
    matrix = torch.eye(6)
    extra = {"first": matrix[0], "transposed": matrix.T, "all": matrix}
    edits = some_edits()
    Edits(**{**vars(edits), "extra": extra}).save(tmp_path / "edits.safetensors")
    torch.testing.assert_close(Edits.load(tmp_path / "edits.safetensors").extra, extra)


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "edits.safetensors"
    some_edits().save(path)
    old = path.read_bytes()

    def full_disk(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        some_edits().save(path)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "flipped"])
def test_damaged_files_are_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "edits.safetensors"
    some_edits().save(path)
    data = path.read_bytes()
    path.write_bytes(
        {
            "truncated": data[:-20],
            "empty": b"",
            "text": b"<html>not found</html>",
            "flipped": data[:-1] + bytes([data[-1] ^ 1]),
        }[damage]
    )
    with pytest.raises(UserError, match=r"edits\.safetensors is damaged"):
        Edits.load(path)


def rewrite(path: Path, **changes: object) -> None:
    """Save some edits with another header."""
    some_edits().save(path)
    arrays, header = edit_file.read(path)
    save_file(arrays, path, metadata={"edits": json.dumps(header | changes)})


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "torch.nn.Linear",
        "pipeline.methods.edits.Edits",
        "pipeline.absent.Edit",
        "Edit",
    ],
)
def test_only_edits_of_this_package_are_restored(tmp_path: Path, path: str) -> None:
    file = tmp_path / "edits.safetensors"
    rewrite(file, edits=[{"class": path, "settings": {}}])
    with pytest.raises(UserError, match="damaged"):
        Edits.load(file)


def test_other_formats_and_other_files(tmp_path: Path) -> None:
    file = tmp_path / "edits.safetensors"
    rewrite(file, format=99)
    with pytest.raises(UserError, match="format 99"):
        Edits.load(file)
    save_file({"weight": torch.zeros(2)}, file)
    with pytest.raises(UserError, match="no file of edits"):
        Edits.load(file)
    with pytest.raises(UserError, match="no edits at"):
        Edits.load(tmp_path / "absent.safetensors")


def test_edits_of_a_new_kind_need_no_more_than_a_dataclass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass(frozen=True, eq=False, kw_only=True)
    class MixEdit(Edit):
        share: Tensor
        layer: int

        def render(
            self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
        ) -> Tensor:
            ws = generator.convert(codes, Space.W_PLUS)
            return generator.render(ws.with_values(ws.values * (1 + self.share * strengths.sum())))

    monkeypatch.setattr("pipeline.methods.edits.MixEdit", MixEdit, raising=False)
    MixEdit.__module__, MixEdit.__qualname__ = "pipeline.methods.edits", "MixEdit"
    common: dict[str, Any] = {"generator": "waves", "fingerprint": GENERATOR.fingerprint}
    mix = MixEdit(name="mix", share=torch.tensor(0.5), layer=3, **common)
    path = tmp_path / "edits.safetensors"
    Edits(edits=(mix,), method="mix", region="all", seed=0, **common).save(path)
    loaded = Edits.load(path)[0]
    assert isinstance(loaded, MixEdit)
    assert loaded.layer == 3
    assert set(load_file(path)) == {"edits.0.share"}
    torch.testing.assert_close(
        loaded.apply(GENERATOR, CODES, 1.0), mix.apply(GENERATOR, CODES, 1.0)
    )
