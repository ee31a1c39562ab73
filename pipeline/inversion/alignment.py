"""Bringing a photographed face into the frame of FFHQ (Karras et al. 2019, appendix A).

The frame is an oriented square around eyes and mouth. Where it reaches beyond the photograph, the
photograph is mirrored at its edges and fades with the distance into a blur and then into its median
colour, so that no edge is seen. Points are (column, row) in pixels with pixel centres at whole
numbers, as in :mod:`pipeline.evaluators.alignment`.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from pipeline.evaluators.alignment import warp

EYES, MOUTH = (0, 1), (3, 4)  # among the five landmarks: eyes, nose, corners of the mouth
SUPERSAMPLING = 2
BORDER, MARGIN, BLUR = 0.1, 0.3, 0.02  # kept around the frame, mirrored, blurred: parts of its side
SLACK = 4  # pixels between frame and edge from which nothing has to be continued


def frame_of(landmarks: Tensor) -> Tensor:
    """The square that FFHQ cuts out around a face.

    It lies a tenth of the way from the eyes to the mouth below the eyes. Its horizontal axis is
    halfway between the line of the eyes and the normal of the line from eyes to mouth; half its
    side is the greater of 2 distances of the eyes and 1.8 distances from eyes to mouth.

    Args:
        landmarks: ``[5, 2]``, (column, row): eyes, nose, corners of the mouth, each pair left to
            right on the picture.

    Returns:
        Its corners ``[4, 2]``, float64: top left, bottom left, bottom right, top right.
    """
    points = landmarks.double()
    eyes, mouth = points[list(EYES)], points[list(MOUTH)]
    across, down = eyes[1] - eyes[0], mouth.mean(0) - eyes.mean(0)
    right = across - _quarter_turn(down)
    right = right / right.norm() * max(2.0 * across.norm(), 1.8 * down.norm())
    below, centre = _quarter_turn(right), eyes.mean(0) + 0.1 * down
    return centre + torch.stack([-right - below, -right + below, right + below, right - below])


def align(image: Tensor, landmarks: Tensor, size: int) -> Tensor:
    """The face of a picture in FFHQ's frame.

    Args:
        image: ``[3, H, W]`` in [-1, 1], RGB.
        landmarks: ``[5, 2]`` on it, see :func:`frame_of`.
        size: height and width of the result.

    Returns:
        ``[3, size, size]`` in [-1, 1].
    """
    image, frame = _shrunk(image, frame_of(landmarks), 2 * size)
    image, frame = _cropped(image, frame)
    image, frame = _padded(image, frame)
    fine = size * SUPERSAMPLING
    seen = warp(image[None], _onto_square(frame, fine)[None], fine)
    return avg_pool2d(seen, SUPERSAMPLING)[0].clamp(-1, 1)


def _quarter_turn(vector: Tensor) -> Tensor:
    """A vector turned from right to down."""
    return torch.stack([-vector[1], vector[0]])


def _onto_square(frame: Tensor, size: int) -> Tensor:
    """The matrix ``[2, 3]`` that maps the frame's corners onto those of ``size`` pixels."""
    top_left, bottom_left, _, top_right = frame
    axes = torch.stack([top_right - top_left, bottom_left - top_left])
    linear = size * axes / axes.square().sum(1, keepdim=True)
    # Corners are corners of pixels, half a pixel before the centre of the first one.
    shift = -(linear @ top_left) - 0.5
    return torch.cat([linear, shift[:, None]], dim=1)


def _side(frame: Tensor) -> float:
    return float((frame[3] - frame[0]).norm())


def _shrunk(image: Tensor, frame: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Picture and frame at a scale at which the frame is no longer than ``side``."""
    scale = side / _side(frame)
    if scale >= 1:
        return image, frame
    height, width = image.shape[-2:]
    shape = (max(1, round(height * scale)), max(1, round(width * scale)))
    smaller = interpolate(image[None], shape, mode="bilinear", antialias=True)[0]
    ratio = frame.new_tensor([shape[1] / width, shape[0] / height])
    return smaller, (frame + 0.5) * ratio - 0.5


def _cropped(image: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
    """What lies around the frame, with a border."""
    height, width = image.shape[-2:]
    low, high = _bounds(frame)
    left, top = (max(int(x), 0) for x in low)
    right, bottom = min(int(high[0]), width), min(int(high[1]), height)
    if right <= left or bottom <= top:  # the frame misses the picture: all of it is padding
        return image, frame
    return image[:, top:bottom, left:right], frame - frame.new_tensor([left, top])


def _bounds(frame: Tensor) -> tuple[Tensor, Tensor]:
    """Least and greatest (column, row) of the frame and its border, as whole pixels."""
    border = _border(frame)
    return frame.amin(0).floor() - border, frame.amax(0).ceil() + 1 + border


def _border(frame: Tensor) -> int:
    return max(round(_side(frame) * BORDER), 3)


def _padded(image: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
    """The picture continued beyond its edges as far as the frame needs, fading into one colour."""
    height, width = image.shape[-2:]
    low, high = _bounds(frame)
    short = [-low[1], high[1] - height, -low[0], high[0] - width]  # top, bottom, left, right
    if max(map(float, short)) <= _border(frame) - SLACK:
        return image, frame
    least = round(_side(frame) * MARGIN)
    top, bottom, left, right = (max(int(amount), least) for amount in short)
    pixels = np.pad(
        image.permute(1, 2, 0).double().numpy(), ((top, bottom), (left, right), (0, 0)), "reflect"
    )
    away = _distance(pixels.shape[0], top, bottom), _distance(pixels.shape[1], left, right)
    faded = _faded(pixels, np.maximum.outer(*away)[..., None], _side(frame) * BLUR)
    continued = torch.from_numpy(faded).permute(2, 0, 1).to(image.dtype)
    return continued, frame + frame.new_tensor([left, top])


def _distance(length: int, before: int, after: int) -> NDArray[np.float64]:
    """How far each pixel of a line lies beyond the picture: 1 at the outer ends, 0 at its edges.

    Negative within the picture, where it falls on at the same rate.
    """
    places = np.arange(length)
    ends = np.minimum(places / before, (length - 1 - places) / after)
    return np.asarray(1 - ends, dtype=np.float64)


def _faded(
    pixels: NDArray[np.float64], away: NDArray[np.float64], blur: float
) -> NDArray[np.float64]:
    """Pixels that turn blurred from a third before the edges on, and into their median outside."""
    blurred = gaussian_filter1d(gaussian_filter1d(pixels, blur, axis=0), blur, axis=1)
    soft = pixels + (blurred - pixels) * np.clip(3 * away + 1, 0, 1)
    median = np.median(soft, axis=(0, 1))
    return np.asarray(soft + (median - soft) * np.clip(away, 0, 1))
