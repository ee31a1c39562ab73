"""The small conditional generators: what a run sets about them, and the shipped ones."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from pipeline.datasets.face_classes import CLASSES
from pipeline.datasets.rendered_maps import RenderedMaps
from pipeline.errors import UserError
from pipeline.generators.base import Generator, Space
from pipeline.generators.biggan import BigGAN, BigGANConfig
from pipeline.generators.checkpoints.own import load_own, save_own
from pipeline.generators.label_folder import LabelFolder
from pipeline.generators.pix2pixhd import Pix2PixHD, Pix2PixHDConfig
from pipeline.generators.small import load_biggan, load_pix2pixhd
from pipeline.generators.weights import ASSETS, read_generator


@pytest.fixture
def biggan(tmp_path: Path) -> str:
    config = BigGANConfig(channels=(8, 8), z_dim=4, num_classes=3, shared_dim=4)
    save_own(BigGAN(config).eval(), tmp_path / "b", {"classes": ["long", "short", "none"]})
    return str(tmp_path / "b")


@pytest.fixture
def pix2pixhd(tmp_path: Path) -> str:
    config = Pix2PixHDConfig(
        input_channels=12, base_channels=2, downsamplings=1, blocks=1, resolution=16
    )
    save_own(Pix2PixHD(config).eval(), tmp_path / "p", {})
    return str(tmp_path / "p")


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        (None, None), ("short", [1]), (2, [2]), (["none", "long"], [2, 0]), ([1, "long"], [1, 0]),
    ],
)  # fmt: skip
def test_classes_go_by_name_or_number(
    biggan: str, given: object, numbers: list[int] | None
) -> None:
    generator = load_biggan(biggan, "faces", classes=given)  # type: ignore[arg-type]
    assert (generator.name, generator.classes, generator.truncation) == ("faces", numbers, None)
    codes = generator.sample(30, torch.Generator().manual_seed(0))
    assert codes.labels is not None
    assert set(codes.labels.tolist()) == set(numbers or range(3))


def test_an_unknown_class_or_file_is_said(biggan: str, pix2pixhd: str) -> None:
    with pytest.raises(UserError, match="Unknown class 'shrt'. Did you mean class=short"):
        load_biggan(biggan, "faces", classes="shrt")
    with pytest.raises(UserError, match=r"0\.\.2"):
        load_biggan(biggan, "faces", classes=[7])
    with pytest.raises(UserError, match="generator=faces: there is no weights file 'nowhere'"):
        load_biggan("nowhere", "faces")
    with pytest.raises(UserError, match="holds a BigGAN"):
        load_pix2pixhd(biggan, "faces")
    with pytest.raises(UserError, match="BigGAN family"):
        load_biggan(pix2pixhd, "faces")


def test_maps_are_drawn_or_of_a_folder(pix2pixhd: str, tmp_path: Path) -> None:
    drawn = load_pix2pixhd(pix2pixhd, "painter", maps=6, maps_seed=2)
    assert isinstance(drawn.label_maps, RenderedMaps) and drawn.population == 6
    codes = drawn.sample(2, torch.Generator().manual_seed(0))
    assert drawn.render(codes).shape == (2, 3, 16, 16)
    folder = tmp_path / "maps"
    folder.mkdir()
    Image.new("L", (16, 16), 3).save(folder / "a.png")
    given = load_pix2pixhd(pix2pixhd, "painter", label_maps=str(folder))
    assert isinstance(given.label_maps, LabelFolder) and given.population == 1
    assert given.sampling != drawn.sampling


def test_half_precision_stays_close(biggan: str, tmp_path: Path) -> None:
    whole = load_own(Path(biggan))
    save_own(whole, tmp_path / "half", {"seed": 3}, torch.float16)
    half = load_own(tmp_path / "half")
    codes = whole.sample(4, torch.Generator().manual_seed(0))
    moved = (whole.render(codes) - half.render(codes)).abs().max()
    assert 0 < moved < 0.02
    assert half.fingerprint != whole.fingerprint
    assert read_generator(tmp_path / "half").provenance == {"seed": 3}
    assert (tmp_path / "half").stat().st_size < 0.8 * Path(biggan).stat().st_size


def check_shipped(generator: Generator, file: str, spaces: set[Space]) -> torch.Tensor:
    """What both have in common; gives eight samples."""
    assert generator.spaces == spaces
    assert generator.resolution == 64
    path = ASSETS / file
    assert path.stat().st_size < 6e6
    assert generator.fingerprint == load_own(path).fingerprint
    card = path.with_suffix(".md").read_text("utf-8")
    told = read_generator(path).provenance
    assert f"Images shown: {told['images']}. Seed: {told['seed']}." in card
    with torch.inference_mode():
        return generator.render(generator.sample(8, torch.Generator().manual_seed(0)))


def test_the_shipped_biggan_draws_faces_of_classes() -> None:
    file = "biggan_procfaces.safetensors"
    generator = load_biggan(file, "biggan_procfaces", classes="beard_glasses")
    assert generator.classes == [CLASSES.index("beard_glasses")]
    spaces = {Space.Z, Space.ACTIVATIONS, Space.PARAMETERS}
    images = check_shipped(generator, file, spaces)
    assert images.std(dim=0).mean() > 0.05  # samples differ
    assert images.std(dim=(2, 3)).min() > 0.05  # and are no plain areas


def test_the_shipped_pix2pixhd_paints_what_the_map_says() -> None:
    file = "pix2pixhd_procfaces.safetensors"
    generator = load_pix2pixhd(file, "pix2pixhd_procfaces")
    images = check_shipped(generator, file, {Space.ACTIVATIONS, Space.PARAMETERS})
    assert images.std(dim=(2, 3)).min() > 0.05
    maps = generator.sample(2, torch.Generator().manual_seed(0))
    other = maps[torch.tensor([1, 0])]
    assert (generator.render(maps) - generator.render(other)).abs().mean() > 0.05
