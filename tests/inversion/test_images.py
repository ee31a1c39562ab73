"""What can be inverted, and what is refused in one line."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.errors import UserError
from pipeline.inversion.files import image_files
from pipeline.inversion.images import read_image, require_square, to_bytes, to_float


def picture(path: Path, width: int = 4, height: int = 4, colour: str = "red") -> Path:
    Image.new("RGB", (width, height), colour).save(path)
    return path


def test_a_file_is_one_picture(tmp_path: Path) -> None:
    file = picture(tmp_path / "a.png")
    assert image_files(str(file)) == [file]


def test_a_folder_is_read_by_name_and_not_below(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", ".hidden.png"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "below").mkdir()
    picture(tmp_path / "below" / "c.png")
    assert [file.name for file in image_files(tmp_path)] == ["a.jpg", "b.PNG"]


@pytest.mark.parametrize("given", [None, "", "no/such/path"])
def test_a_path_that_is_not_there_is_one_line(given: str | None) -> None:
    with pytest.raises(UserError, match="codes.images") as caught:
        image_files(given)
    assert "\n" not in str(caught.value)


def test_an_empty_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(UserError, match=r"holds no picture.*\.png") as caught:
        image_files(tmp_path)
    assert "\n" not in str(caught.value)


def test_exif_turns_a_picture_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 2), "black")
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown a quarter turn clockwise
    image.save(tmp_path / "turned.png", exif=exif)
    upright = np.asarray(read_image(tmp_path / "turned.png"))
    assert upright.shape == (4, 2, 3)
    assert upright[0, 1].tolist() == [255, 255, 255]


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    page = tmp_path / "page.png"
    page.write_text("<html>not found</html>")
    with pytest.raises(UserError, match="page.png.*cannot be read"):
        read_image(page)


def test_a_picture_cut_short_is_named(tmp_path: Path) -> None:
    file = picture(tmp_path / "cut.png", 64, 64)
    file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(UserError, match="cut.png.*cannot be read"):
        read_image(file)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    data = (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )
    (tmp_path / "bomb.png").write_bytes(data)
    with pytest.raises(UserError, match="bomb.png"):
        read_image(tmp_path / "bomb.png")


def test_only_squares_are_taken_as_they_are(tmp_path: Path) -> None:
    square = Image.new("RGB", (5, 5))
    require_square(tmp_path / "a.png", square, "procfaces")
    with pytest.raises(UserError, match=r"a.png' is 6 x 5 pixels.*codes.align=ffhq"):
        require_square(tmp_path / "a.png", Image.new("RGB", (6, 5)), "procfaces")


def test_bytes_survive_the_way_to_floats_and_back() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16).expand(3, -1, -1)
    floats = to_float(pixels)
    assert (floats.min(), floats.max()) == (-1, 1)
    assert torch.equal(to_bytes(floats), pixels)
    assert to_bytes(torch.tensor([-3.0, 7.0])).tolist() == [0, 255]
