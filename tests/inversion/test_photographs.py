"""From a configuration to pictures at the generator's resolution."""

from dataclasses import fields
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image
from torch import Tensor

from pipeline.domains.procfaces import ProcFaces
from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.inversion.detection import Face
from pipeline.inversion.photographs import FindFaces, Inversion
from pipeline.methods.resefa import ReSeFa
from pipeline.preflight import CONF
from tests.generic import WaveGenerator


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, colour in enumerate(("red", "green", "blue")):
        Image.new("RGB", (24, 24), colour).save(tmp_path / f"{index}.png")
    return tmp_path


def nowhere() -> FindFaces:
    raise AssertionError("no face is to be looked for")


def middle() -> FindFaces:
    """Finds a face in the middle of every picture."""

    def find(image: Tensor) -> list[Face]:
        height, width = image.shape[-2:]
        points = torch.tensor([[-2.0, 0], [2, 0], [0, 2], [-1, 4], [1, 4]])
        landmarks = points + torch.tensor([width / 2, height / 2])
        return [Face(0.9, torch.tensor([0.0, 0.0, width, height]), landmarks)]

    return find


class NoWPlus(WaveGenerator):
    def __init__(self) -> None:
        super().__init__()
        self.name, self.spaces = "noplus", frozenset({Space.Z, Space.W})


def test_pictures_come_at_the_generators_resolution(folder: Path) -> None:
    found = Inversion(images=str(folder)).photographs("procfaces", 16, nowhere)
    assert found.names == ["0.png", "1.png", "2.png"]
    assert found.pixels.shape == (3, 3, 16, 16)
    assert found.images[0, :, 5, 5].tolist() == [1, -1, -1]
    assert not found.aligned
    assert found[1:].names == ["1.png", "2.png"]
    assert torch.equal(found[1:].pixels, found.pixels[1:])


def test_pictures_of_that_size_stay_as_they_are(tmp_path: Path) -> None:
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (16, 16, 3), generator=random, dtype=torch.uint8)
    Image.fromarray(pixels.numpy()).save(tmp_path / "a.png")
    found = Inversion(images=str(tmp_path)).photographs("procfaces", 16, nowhere)
    assert torch.equal(found.pixels[0], pixels.permute(2, 0, 1))


@pytest.mark.parametrize(
    ("align", "frame", "aligned"),
    [
        ("auto", "ffhq", True),
        ("auto", "lsun_car", False),
        ("none", "ffhq", False),
        ("ffhq", "celebahq", True),
    ],
)
def test_faces_are_cut_out_where_the_frame_is_theirs(
    align: str, frame: str, aligned: bool, folder: Path
) -> None:
    inversion = Inversion(images=str(folder), align=align)
    found = inversion.photographs(frame, 16, middle if aligned else nowhere)
    assert found.aligned == aligned
    assert found.pixels.shape == (3, 3, 16, 16)


def test_photographs_of_any_shape_are_cut_out(tmp_path: Path) -> None:
    Image.new("RGB", (40, 24), "teal").save(tmp_path / "wide.png")
    found = Inversion(images=str(tmp_path)).photographs("ffhq", 16, middle)
    assert found.pixels[0, :, 8, 8].tolist() == [0, 128, 128]


def test_a_picture_without_a_face_is_named(folder: Path) -> None:
    with pytest.raises(UserError, match="no face was found in '.*0.png'"):
        Inversion(images=str(folder)).photographs("ffhq", 16, lambda: lambda _image: [])


def test_a_picture_that_is_no_square_is_named(folder: Path) -> None:
    Image.new("RGB", (24, 20)).save(folder / "3.png")
    with pytest.raises(UserError, match="3.png' is 24 x 20"):
        Inversion(images=str(folder)).photographs("procfaces", 16, nowhere)


def test_content_decides_the_hash(folder: Path) -> None:
    found = Inversion(images=str(folder)).photographs("procfaces", 16, nowhere)
    hashes = found.hashes()
    assert len(set(hashes)) == 3
    assert found[2:].hashes() == hashes[2:]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"align": "ffqh"}, "codes.align=ffhq"),
        ({"batch": 0}, "codes.batch=0"),
        ({"space": "z"}, "codes.space=z"),
        ({"steps": 0}, "codes.steps=0"),
        ({"rate": 0.0}, "codes.rate=0.0"),
        ({"rate": float("inf")}, "codes.rate=inf"),
        ({"spread": -1.0}, "codes.spread=-1.0"),
        ({"mse": 0.0, "perceptual": 0.0}, "codes.mse=0"),
        ({"images": None}, "codes.images"),
        ({"images": "nowhere"}, "codes.images=nowhere"),
    ],
)
def test_a_bad_value_is_one_line(changes: dict[str, object], said: str, folder: Path) -> None:
    values: dict[str, object] = {"images": str(folder), **changes}
    with pytest.raises(UserError, match=said) as caught:
        Inversion(**values)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_a_generator_without_w_plus_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"codes=inversion needs the space 'w\+'.*noplus"):
        Inversion(images=str(folder)).check(NoWPlus(), ReSeFa())


def test_a_method_of_z_is_refused(folder: Path) -> None:
    inversion = Inversion(images=str(folder))
    inversion.check(WaveGenerator(), ReSeFa(space="w"))
    with pytest.raises(UserError, match="method.space=z"):
        inversion.check(WaveGenerator(), ReSeFa(space="z"))


def test_the_plan_has_a_perceptual_distance_even_where_none_is_measured(folder: Path) -> None:
    domain = ProcFaces()
    judges = domain.judges("none", "none", "none")
    plan = Inversion(images=str(folder)).plan(WaveGenerator(), ReSeFa(), domain, judges)
    assert plan.distance is not None
    assert plan.photographs.pixels.shape[-1] == WaveGenerator().resolution


def test_any_generator_is_checked_before_any_picture_is_read(folder: Path) -> None:
    (folder / "0.png").write_text("no picture")
    generator: Generator = NoWPlus()
    domain = ProcFaces()
    with pytest.raises(UserError, match="needs the space"):
        Inversion(images=str(folder)).plan(
            generator, ReSeFa(), domain, domain.judges("none", "none", "none")
        )
    assert isinstance(generator.sample(1, torch.Generator()), Codes)


def test_the_file_of_options_says_what_the_defaults_are() -> None:
    given = dict(OmegaConf.load(CONF / "codes" / "inversion.yaml"))
    assert given.pop("_target_") == f"{Inversion.__module__}.{Inversion.__qualname__}"
    assert given == {field.name: field.default for field in fields(Inversion)}
