"""Rounding, and what regions refuse."""

import pytest
import torch

from pipeline.errors import UserError
from pipeline.regions.box import Box
from pipeline.regions.named import named_box
from pipeline.regions.polygon import Polygon
from pipeline.regions.region import nearest_pixels, pixel_range
from pipeline.regions.union import Union


@pytest.mark.parametrize(
    ("low", "high", "resolution", "expected"),
    [
        (0.0, 1.0, 7, (0, 7)),
        (0.25, 0.75, 8, (2, 6)),
        (0.5 / 8, 1.5 / 8, 8, (0, 1)),  # a centre on the lower border is in, on the upper one out
        (0.51 / 8, 1.51 / 8, 8, (1, 2)),
        (0.3, 0.3001, 8, (2, 2)),
        ((0.1 + 0.2) - 0.2, 0.3, 5, (0, 1)),  # rounding of the fractions does not matter
    ],
)
def test_pixel_range_takes_centres_half_open(
    low: float, high: float, resolution: int, expected: tuple[int, int]
) -> None:
    assert pixel_range(low, high, resolution) == expected


def test_nearest_pixels_by_hand() -> None:
    assert nearest_pixels(4, 4).tolist() == [0, 1, 2, 3]
    assert nearest_pixels(2, 4).tolist() == [0, 0, 1, 1]
    assert nearest_pixels(6, 3).tolist() == [1, 3, 5]
    assert nearest_pixels(3, 1).tolist() == [1]


@pytest.mark.parametrize(
    ("centre", "size", "said"),
    [
        ([0.9, 0.5], [0.4, 0.2], "row 1.1"),
        ([0.5, 0.1], [0.2, 0.4], "column -0.1"),
        ([0.5, 0.5], [0.0, 0.2], r"size=\[0.0, 0.2\]"),
        ([184, 127], [30, 70], "fractions"),
    ],
)
def test_box_beyond_the_image_or_empty(centre: list[float], size: list[float], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Box("mouth", centre, size)


def test_box_between_two_pixel_centres() -> None:
    box = Box("tooth", [0.5, 0.5], [0.01, 0.01])
    with pytest.raises(UserError, match="region=tooth covers the centre of no pixel at 8 x 8"):
        box.mask(8)
    assert box.mask(129).sum() == 1


@pytest.mark.parametrize("name", ["mouth", "left_eye", "eyebrow"])
def test_reference_boxes_at_their_own_resolution(name: str) -> None:
    expected = {
        "mouth": (slice(169, 199), slice(92, 162)),
        "left_eye": (slice(110, 130), slice(76, 114)),
        "eyebrow": (slice(98, 113), slice(67, 185)),
    }
    mask = torch.zeros(256, 256)
    mask[expected[name]] = 1
    torch.testing.assert_close(named_box(name).mask(256), mask)


def test_a_box_covers_the_same_share_at_every_resolution() -> None:
    shares = [float(named_box("mouth").mask(r).mean()) for r in (64, 256, 1024)]
    assert shares[1] == shares[2] == pytest.approx(30 * 70 / 256**2)
    assert shares[0] == pytest.approx(shares[1], rel=0.1)


def test_boxes_may_span_the_image() -> None:
    assert named_box("left_side", "biggan").mask(64).sum() == 64 * 32


def test_unknown_names() -> None:
    with pytest.raises(UserError, match="Did you mean region=mouth"):
        named_box("mout")
    with pytest.raises(UserError, match="Did you mean dataset=ffhq"):
        named_box("mouth", "fhq")


def test_union_is_the_larger_mask() -> None:
    left, top = Box("left", [0.5, 0.25], [1, 0.5]), Box("top", [0.25, 0.5], [0.5, 1])
    union = Union("both", [left, top])
    mask = union.mask(8)
    assert mask.sum() == 48
    assert mask[4:, 4:].sum() == 0
    assert not union.per_image
    assert union.outline() == left.outline() + top.outline()


def test_union_of_nothing() -> None:
    with pytest.raises(UserError, match="union of no regions"):
        Union("nothing", [])


def test_polygon_beyond_the_image_or_too_few_vertices() -> None:
    with pytest.raises(UserError, match="row 1.2"):
        Polygon("face", [(0, 0), (1.2, 0.5), (0, 1)])
    with pytest.raises(UserError, match="three vertices"):
        Polygon("face", [(0, 0), (1, 1)])
