"""Polygons, mask files and parsed parts."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from pipeline.errors import UserError
from pipeline.regions.box import Box
from pipeline.regions.mask_file import MaskFile
from pipeline.regions.part import Part
from pipeline.regions.polygon import Polygon
from pipeline.regions.union import Union

EDGES = st.lists(st.integers(0, 97), min_size=2, max_size=2, unique=True).map(sorted)


@given(rows=EDGES, columns=EDGES, resolution=st.integers(100, 130))
def test_a_polygon_of_four_corners_is_the_box(
    rows: list[int], columns: list[int], resolution: int
) -> None:
    (top, bottom), (left, right) = [[x / 97 for x in pair] for pair in (rows, columns)]
    polygon = Polygon("box", [(top, left), (top, right), (bottom, right), (bottom, left)])
    box = Box("box", [(top + bottom) / 2, (left + right) / 2], [bottom - top, right - left])
    torch.testing.assert_close(polygon.mask(resolution), box.mask(resolution))


def test_polygon_has_the_area_of_its_formula() -> None:
    triangle = Polygon("triangle", [(0.1, 0.2), (0.9, 0.3), (0.4, 0.95)])
    area = abs((0.9 - 0.1) * (0.95 - 0.2) - (0.4 - 0.1) * (0.3 - 0.2)) / 2
    assert float(triangle.mask(512).mean()) == pytest.approx(area, rel=2e-3)


def test_polygons_that_share_an_edge_share_no_pixel() -> None:
    upper = Polygon("upper", [(0, 0), (0, 1), (1, 1)])
    lower = Polygon("lower", [(0, 0), (1, 1), (1, 0)])
    for resolution in (7, 8):
        torch.testing.assert_close(
            upper.mask(resolution) + lower.mask(resolution), torch.ones(resolution, resolution)
        )


def test_even_odd_rule_leaves_the_middle_of_a_star_out() -> None:
    angles = torch.arange(5) * 2 * (2 * torch.pi / 5)
    star = torch.stack([0.5 - 0.45 * angles.cos(), 0.5 + 0.45 * angles.sin()], dim=1)
    mask = Polygon("star", star.tolist()).mask(65)
    assert mask[32, 32] == 0
    assert mask[8, 32] == 1


@pytest.fixture
def painted(tmp_path: Path) -> Path:
    """A 4 x 6 mask: the right half of the two middle rows."""
    pixels = np.zeros((4, 6), dtype=np.uint8)
    pixels[1:3, 3:] = 255
    path = tmp_path / "scar.png"
    Image.fromarray(pixels).save(path)
    return path


def test_mask_file_is_stretched_over_the_image(painted: Path) -> None:
    region = MaskFile(painted)
    mask = torch.zeros(8, 8)
    mask[2:6, 4:] = 1
    assert region.name == "scar"
    torch.testing.assert_close(region.mask(8), mask)


def test_mask_file_outline_encloses_what_is_painted(painted: Path) -> None:
    (outline,) = MaskFile(painted).outline()
    rows, columns = zip(*outline, strict=True)
    assert (min(rows), max(rows)) == pytest.approx((0.25, 0.75))
    assert (min(columns), max(columns)) == pytest.approx((0.5, 1))


def test_mask_files_that_cannot_serve(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.png"):
        MaskFile(tmp_path / "absent.png")
    (tmp_path / "text.png").write_text("<html>")
    with pytest.raises(UserError, match=r"text\.png"):
        MaskFile(tmp_path / "text.png")
    Image.new("L", (4, 4)).save(tmp_path / "black.png")
    with pytest.raises(UserError, match="no pixel"):
        MaskFile(tmp_path / "black.png")


def parse(images: Tensor) -> Tensor:
    """Part 1 where red, part 2 where green, as a parser of half the resolution."""
    red, green = images[:, 0, ::2, ::2] > 0, images[:, 1, ::2, ::2] > 0
    return (red + 2 * green).to(torch.uint8)


def images_of_parts() -> Tensor:
    """Three 8 x 8 images: red above, green below, nothing."""
    images = torch.full((3, 3, 8, 8), -1.0)
    images[0, 0, :4] = 1
    images[1, 1, 4:] = 1
    return images


def test_part_finds_its_pixels_in_each_image() -> None:
    region = Part("red", parse, [1])
    masks = region.mask(16, images_of_parts())
    assert region.per_image
    assert region.outline() is None
    assert masks.shape == (3, 16, 16)
    assert masks.sum((1, 2)).tolist() == [128, 0, 0]
    assert masks[0, :8].all()


def test_several_parts_and_unions_with_fixed_regions() -> None:
    both = Part("both", parse, [1, 2]).mask(8, images_of_parts())
    assert both.sum((1, 2)).tolist() == [32, 32, 0]
    region = Union("mixed", [Part("red", parse, [1]), Box("left", [0.5, 0.25], [1, 0.5])])
    assert region.per_image
    assert region.outline() is None
    assert region.mask(8, images_of_parts()).sum((1, 2)).tolist() == [48, 32, 32]


def test_part_without_images_or_parts() -> None:
    with pytest.raises(UserError, match="needs the images"):
        Part("red", parse, [1]).mask(8)
    with pytest.raises(UserError, match="names no part"):
        Part("red", parse, [])
