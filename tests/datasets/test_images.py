"""Pictures as tensors: orientation, colours, crop, size, batches, and files that are none."""

import re
from pathlib import Path

import numpy as np
import PIL
import pytest
import torch
from PIL import Image
from torch import Tensor

from pipeline.datasets import images as module
from pipeline.datasets.folder import ImageFolder
from pipeline.datasets.images import FILTERS, Resizing, batches, decode
from pipeline.errors import UserError
from tests.datasets.pictures import encoded, folder_of, picture


def pixels(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def test_a_square_of_the_right_size_stays_as_it_is() -> None:
    image = picture(width=8, height=8)
    assert torch.equal(decode(encoded(image), Resizing(8)), pixels(image))


@pytest.mark.parametrize(("width", "height", "columns", "rows"), [
    (11, 8, slice(1, 9), slice(0, 8)), (8, 11, slice(0, 8), slice(1, 9)),
])  # fmt: skip
def test_the_middle_is_kept(width: int, height: int, columns: slice, rows: slice) -> None:
    image = picture(width=width, height=height)
    assert torch.equal(decode(encoded(image), Resizing(8)), pixels(image)[:, rows, columns])


def test_it_is_upright() -> None:
    image, exif = picture(width=8, height=8), Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 270 degrees
    found = decode(encoded(image, exif=exif), Resizing(8))
    assert torch.equal(found, pixels(image).rot90(-1, (1, 2)))


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK", "I;16"])
def test_every_kind_of_picture_becomes_rgb(mode: str) -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(grey).convert("RGB").convert(mode)
    found = decode(encoded(image, "TIFF" if mode == "CMYK" else "PNG"), Resizing(8))
    assert found.dtype == torch.uint8 and found.shape == (3, 8, 8)
    if mode in ("L", "RGBA", "LA", "I;16"):
        assert torch.equal(found, torch.from_numpy(grey).expand(3, 8, 8))


def test_a_palette_with_transparency_gives_its_colours() -> None:
    image = picture(width=8, height=8).quantize(4)
    found = decode(encoded(image, transparency=bytes([0, 255, 128, 255])), Resizing(8))
    assert torch.equal(found, pixels(image.convert("RGB")))


@pytest.mark.parametrize("filter_name", FILTERS)
def test_shrinking_does_not_alias(filter_name: str) -> None:
    lines = np.zeros((64, 64, 3), dtype=np.uint8)
    lines[::2] = 200
    found = decode(encoded(Image.fromarray(lines)), Resizing(8, filter_name)).float()
    assert (found - 100).abs().max() < 16
    naive = torch.nn.functional.interpolate(pixels(Image.fromarray(lines))[None].float(), size=8)
    assert (naive - 100).abs().max() == 100


def test_the_resizing_is_told_by_name_version_and_filter() -> None:
    said = str(Resizing(32, "bicubic"))
    assert "32 px" in said and f"Pillow {PIL.__version__} bicubic" in said


def test_batches_have_the_order_of_the_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{i}.png" for i in range(7)]
    source = ImageFolder(folder_of(tmp_path, names))
    monkeypatch.setattr(module, "PIXELS_AT_ONCE", 3 * 8 * 8)
    found = list(batches(source, names, Resizing(8)))
    assert [len(batch) for batch in found] == [3, 3, 1]
    expected = torch.stack([decode(source.read(name), Resizing(8)) for name in names])
    assert torch.equal(((torch.cat(found) + 1) * 127.5).round().byte(), expected)
    assert torch.cat(found).abs().max() <= 1


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "chunk", "range"])
def test_a_picture_that_cannot_be_read_is_named(damage: str, tmp_path: Path) -> None:
    folder_of(tmp_path, ["a.png", "b/c.png"])
    file = tmp_path / "b" / "c.png"
    content = bytearray(file.read_bytes())
    content[60] ^= 255
    floats = Image.fromarray(np.ones((8, 8), dtype=np.float32))
    bad = {
        "cut": file.read_bytes()[:90],
        "text": b"<html>not found</html>",
        "empty": b"",
        "chunk": bytes(content),
        "range": encoded(floats, "TIFF"),
    }
    file.write_bytes(bad[damage])
    source = ImageFolder(tmp_path)
    with pytest.raises(UserError, match=re.escape("'b/c.png' cannot be read")) as caught:
        list(batches(source, source.names, Resizing(8)))
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("size", "filter_name", "said"), [(0, "lanczos", "dataset.size=0"), (8, "lancoz", "lanczos")]
)
def test_impossible_resizing(size: int, filter_name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        Resizing(size, filter_name)
