"""Folders of label maps: layouts, pairs, size, and what is no label map."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.errors import UserError
from pipeline.generators.checkpoints.load import load_checkpoint
from pipeline.generators.checkpoints.own import save_own
from pipeline.generators.label_folder import LabelFolder
from pipeline.stages.inputs import Sampling
from tests.generators.conditional import small_biggan, small_pix2pixhd

CITYSCAPES = ["a/x_gtFine_labelIds", "a/x_gtFine_instanceIds", "b/y_gtFine_labelIds"]
CITYSCAPES += ["b/y_gtFine_instanceIds", "a/x_gtFine_color"]
PIX2PIXHD = ["test_label/x_gtFine_labelIds", "test_inst/x_gtFine_instanceIds"]
PIX2PIXHD += ["test_label/y", "test_inst/y", "test_img/x"]
PLAIN = ["x", "y"]


def numbers(seed: int, high: int = 4, height: int = 16, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, high, (height, width)).astype(np.uint8)


def write(path: Path, names: list[str]) -> Path:
    for seed, name in enumerate(names):
        file = path / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        values = numbers(seed)
        wide = Image.fromarray(values.astype(np.uint16) * 1000)
        (wide if "inst" in name else Image.fromarray(values)).save(file)
    return path


@pytest.mark.parametrize(("layout", "paired"), [(CITYSCAPES, 1), (PIX2PIXHD, 1), (PLAIN, 0)])
def test_layouts(layout: list[str], paired: int, tmp_path: Path) -> None:
    folder = LabelFolder(write(tmp_path, layout), 16)
    assert len(folder) == 2
    maps = folder[torch.tensor([1, 0])]
    first, second = (0, 2) if paired else (0, 1)
    expected = torch.from_numpy(np.stack([numbers(second), numbers(first)])).int()
    assert torch.equal(maps.classes, expected)
    if paired:
        assert maps.instances is not None
        assert torch.equal(maps.instances[1], torch.from_numpy(numbers(1)).int() * 1000)
    else:
        assert maps.instances is None


def test_maps_come_to_the_height_by_picking_pixels(tmp_path: Path) -> None:
    folder = LabelFolder(write(tmp_path, PLAIN), 8)
    classes = folder[torch.tensor([0])].classes
    assert classes.shape == (1, 8, 16)
    assert torch.equal(classes[0], torch.from_numpy(numbers(0)[1::2, 1::2]).int())


def test_the_hash_is_that_of_the_files(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    first = LabelFolder(tmp_path, 16).fingerprint
    assert LabelFolder(tmp_path, 16).fingerprint == first != LabelFolder(tmp_path, 8).fingerprint
    Image.fromarray(numbers(7)).save(tmp_path / "x.png")
    assert LabelFolder(tmp_path, 16).fingerprint != first


def test_what_is_no_label_map(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no folder"):
        LabelFolder(tmp_path / "none", 16)
    with pytest.raises(UserError, match="holds no label maps"):
        LabelFolder(tmp_path, 16)
    write(tmp_path, [*CITYSCAPES, "c/z_labelIds"])
    with pytest.raises(UserError, match=r"z_labelIds\.png' has no instance map"):
        LabelFolder(tmp_path, 16)
    plain = write(tmp_path / "plain", PLAIN)
    Image.fromarray(numbers(0, height=16, width=16)).save(plain / "y.png")
    with pytest.raises(UserError, match="16 x 16 pixels and 'x.png' to 16 x 32"):
        LabelFolder(plain, 16)[torch.tensor([0, 1])]
    Image.new("RGB", (32, 16)).save(plain / "x.png")
    (plain / "y.png").write_bytes(b"no image")
    for index, said in ((0, "colours"), (1, "cannot identify")):
        with pytest.raises(UserError, match=said) as caught:
            LabelFolder(plain, 16)[torch.tensor([index])]
        assert "\n" not in str(caught.value)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    save_own(small_pix2pixhd(torch.float32, resolution=16), path)
    return path


def test_a_checkpoint_paints_the_maps_of_a_folder(weights: Path, tmp_path: Path) -> None:
    maps = write(tmp_path / "maps", CITYSCAPES)
    generator = load_checkpoint(weights, label_maps=maps)
    stage = Sampling(generator, 2, 0, "evaluate")
    codes = stage.compute(lambda _done, _total: None)
    assert generator.population == 2 and generator.render(codes).shape == (2, 3, 16, 32)
    stage.save(codes, tmp_path)
    assert torch.equal(generator.render(stage.load(tmp_path)), generator.render(codes))
    other = load_checkpoint(weights, label_maps=write(tmp_path / "others", PIX2PIXHD))
    assert Sampling(other, 2, 0, "evaluate").settings() != stage.settings()


def test_missing_instances_are_said(
    weights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_checkpoint(weights, label_maps=write(tmp_path / "maps", PLAIN))
    assert "no instance maps; all 5 input channels are taken as classes" in caplog.text


def test_other_networks_paint_no_maps(tmp_path: Path) -> None:
    path = tmp_path / "biggan.safetensors"
    save_own(small_biggan(torch.float32), path)
    with pytest.raises(UserError, match="is a BigGAN, which paints no label maps"):
        load_checkpoint(path, label_maps=tmp_path)


def test_how_codes_are_drawn_belongs_to_their_key() -> None:
    first, other = small_biggan(), small_biggan()
    other.truncation = 0.5
    assert first.fingerprint == other.fingerprint
    keys = [Sampling(g, 2, 0, "evaluate").settings() for g in (first, other)]
    assert keys[0] != keys[1]
