"""FFHQ's frame against squares worked out by hand, and there and back again."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from pipeline.inversion.alignment import align, frame_of


def landmarks(eyes: float, drop: float, centre: tuple[float, float] = (50.0, 40.0)) -> Tensor:
    """An upright face: distance of the eyes, distance from eyes to mouth, middle of the eyes."""
    x, y = centre
    return torch.tensor(
        [
            [x - eyes / 2, y],
            [x + eyes / 2, y],
            [x, y + drop / 2],
            [x - eyes / 4, y + drop],
            [x + eyes / 4, y + drop],
        ]
    )


def turned(points: Tensor, angle: float, scale: float, shift: tuple[float, float]) -> Tensor:
    turn = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]],
        dtype=points.dtype,
    )
    return scale * points @ turn.T + torch.tensor(shift, dtype=points.dtype)


def smooth(height: int, width: int, seed: int = 0) -> Tensor:
    coarse = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    return interpolate(coarse, (height, width), mode="bicubic", align_corners=True)[0].clamp(0, 1)


@pytest.mark.parametrize(
    ("eyes", "drop", "half"),
    [(10.0, 5.0, 20.0), (10.0, 20.0, 36.0)],  # 2 x eyes leads, 1.8 x eyes-to-mouth leads
)
def test_an_upright_face_has_an_upright_square(eyes: float, drop: float, half: float) -> None:
    middle = 40.0 + 0.1 * drop
    corners = [
        [50 - half, middle - half],
        [50 - half, middle + half],
        [50 + half, middle + half],
        [50 + half, middle - half],
    ]
    torch.testing.assert_close(
        frame_of(landmarks(eyes, drop)), torch.tensor(corners, dtype=torch.float64)
    )


def test_a_slanted_mouth_turns_the_square_halfway() -> None:
    # Eyes level and 8 apart, mouth 8 below and 8 to the left: the normal of the way to the mouth
    # is (8, 8), so that the axis is (16, 8); half the side is 1.8 * 8 * sqrt(2) = 20.36.
    points = torch.tensor([[0.0, 0.0], [8.0, 0.0], [0.0, 0.0], [-6.0, 8.0], [-2.0, 8.0]])
    frame = frame_of(points)
    right = (frame[3] - frame[0]) / 2
    assert right[1] / right[0] == pytest.approx(0.5)
    assert float(right.norm()) == pytest.approx(1.8 * 8 * math.sqrt(2))
    torch.testing.assert_close(frame.mean(0), torch.tensor([4.0 - 0.8, 0.8], dtype=torch.float64))


def test_the_square_moves_with_the_face() -> None:
    points = landmarks(12.0, 13.0).double()
    frame = turned(frame_of(points), 0.7, 1.9, (31.0, -5.0))
    torch.testing.assert_close(frame_of(turned(points, 0.7, 1.9, (31.0, -5.0))), frame)


def test_whole_pixels_come_through_unchanged() -> None:
    # Half the side is 16 about (63.5, 63.5): the corners are corners of pixels.
    drop = 16 / 1.8
    points = landmarks(4.0, drop, (63.5, 63.5 - 0.1 * drop))
    image = smooth(128, 128) * 2 - 1
    found = align(image, points, 32)
    torch.testing.assert_close(found, image[:, 48:80, 48:80], atol=0.02, rtol=0)
    assert float((found - image[:, 49:81, 48:80]).abs().max()) > 0.05  # a pixel off would show


def test_there_and_back_again() -> None:
    """A face turned, enlarged and moved is cut out as it was."""
    face = smooth(64, 64) * 2 - 1
    frame = torch.tensor([[0.0, 0.0], [0.0, 64.0], [64.0, 64.0], [64.0, 0.0]]) - 0.5
    drop, middle = 32 / 1.8, 31.5
    points = landmarks(8.0, drop, (middle, middle - 0.1 * drop))
    torch.testing.assert_close(frame_of(points), frame.double(), atol=1e-4, rtol=0)
    angle, scale, shift = 0.3, 1.5, (90.0, 50.0)
    canvas = _painted(face, 220, angle, scale, shift)
    found = align(canvas, turned(points, angle, scale, shift), 64)
    inner = slice(3, -3)
    difference = (found - face)[:, inner, inner].abs()
    assert float(difference.mean()) < 0.01
    assert float(difference.max()) < 0.08


def _painted(
    face: Tensor, size: int, angle: float, scale: float, shift: tuple[float, float]
) -> Tensor:
    """A canvas with the face turned, scaled and shifted onto it, pixel by pixel."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    places = torch.stack([columns, rows], -1).reshape(-1, 2).double()
    source = turned((places - torch.tensor(shift)) / scale, -angle, 1.0, (0.0, 0.0))
    grid = ((2 * source + 1) / face.shape[-1] - 1).reshape(1, size, size, 2).float()
    return torch.nn.functional.grid_sample(
        face[None], grid, align_corners=False, padding_mode="border"
    )[0]


def test_a_face_at_the_edge_is_continued_smoothly() -> None:
    """No black beyond the picture, and far outside its median colour."""
    image = 0.3 * smooth(80, 80) + 0.5  # all above 0.5
    found = align(image, landmarks(12.0, 12.0, (6.0, 6.0)), 48)
    assert float(found.min()) > 0.45
    for axis in (1, 2):
        assert float(found.diff(dim=axis).abs().max()) < 0.1
    far, inside = (part.std((1, 2)).mean() for part in (found[:, :6, :6], found[:, 24:, 24:]))
    assert float(inside) > 4 * float(far)


def test_a_large_photograph_is_not_aliased() -> None:
    """A fine chequerboard averages to grey instead of to a pattern."""
    board = (torch.arange(512)[:, None] + torch.arange(512)) % 2 * 2.0 - 1
    found = align(board.expand(3, -1, -1), landmarks(100.0, 100.0, (255.5, 245.5)), 32)
    assert float(found.abs().max()) < 0.05
