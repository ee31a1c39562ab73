"""Draws faces of the embedded domain: factors in, images and part labels out.

About 200 images per second on one core (64 px, drawn at 128 px, chunks of 8).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from pipeline.datasets.procfaces import colours
from pipeline.datasets.procfaces.accessories import paint_beard, paint_clothes, paint_glasses
from pipeline.datasets.procfaces.canvas import Canvas, Traits
from pipeline.datasets.procfaces.eyes import paint_brows, paint_eyes
from pipeline.datasets.procfaces.factors import NAMES
from pipeline.datasets.procfaces.hair import hair_mass, paint_back_hair, paint_front_hair
from pipeline.datasets.procfaces.head import build, outline, paint_ears, paint_neck, paint_skin
from pipeline.datasets.procfaces.mouth import paint_mouth, paint_nose
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.datasets.procfaces.pose import Frame, pose
from pipeline.datasets.procfaces.shading import shade
from pipeline.errors import UserError


@dataclass(frozen=True)
class Rendering:
    """Faces and what their pixels show.

    Attributes:
        images: ``[n, 3, size, size]`` float32 in [-1, 1], RGB.
        labels: ``[n, size, size]`` uint8, indices of `PARTS`.
    """

    images: Tensor
    labels: Tensor


def render(factors: Tensor, size: int = 64, supersample: int = 2, chunk: int = 16) -> Rendering:
    """Faces from their factors; deterministic, and the same whatever the chunk.

    Args:
        factors: ``[n, len(FACTORS)]``, e.g. from `sample_factors`.
        size: side of the images in pixels.
        supersample: pixels drawn per side of each image pixel, then averaged.
        chunk: faces drawn at a time; bounds the memory, 8 to 16 are fastest.

    Raises:
        UserError: if the factors have another number of columns.
    """
    if factors.ndim != 2 or factors.shape[1] != len(NAMES):
        raise UserError(
            f"Factors have shape {tuple(factors.shape)}; render needs [n, {len(NAMES)}]: "
            "take them from sample_factors(n, generator)."
        )
    n = factors.shape[0]
    images = torch.empty(n, 3, size, size)
    labels = torch.empty(n, size, size, dtype=torch.uint8)
    with torch.inference_mode():
        for start in range(0, n, chunk):
            part = slice(start, start + chunk)
            traits = _traits(factors[part].float())
            canvas = _draw(traits, min(chunk, n - start), size * supersample)
            images[part] = avg_pool2d(shade(canvas, traits), supersample).mul_(2).sub_(1)
            labels[part] = _majority(canvas.labels, supersample)
    return Rendering(images, labels)


def _traits(factors: Tensor) -> Traits:
    return {name: factors[:, index, None, None] for index, name in enumerate(NAMES)}


def _draw(traits: Traits, n: int, side: int) -> Canvas:
    """All surfaces, back to front."""
    canvas = Canvas(n, side)
    shape = build(traits)
    frame = pose(canvas, traits, shape.width)
    outer = outline(frame, traits, shape)
    mass = hair_mass(canvas, frame, traits, shape)
    _paint_background(canvas, frame, traits)
    paint_back_hair(canvas, mass, shape)
    paint_neck(canvas, frame, traits, shape, outer)
    paint_clothes(canvas, frame, traits)
    paint_ears(canvas, frame, traits, shape)
    paint_skin(canvas, frame, traits, shape, outer)
    paint_eyes(canvas, frame, traits, shape, outer)
    paint_brows(canvas, frame, traits, shape, outer)
    paint_beard(canvas, frame, traits, shape, outer)
    paint_nose(canvas, frame, traits, shape)
    paint_mouth(canvas, frame, traits, shape)
    paint_glasses(canvas, frame, traits, shape)
    paint_front_hair(canvas, frame, traits, shape, mass, outer)
    return canvas


def _paint_background(canvas: Canvas, frame: Frame, traits: Traits) -> None:
    """A backdrop that is lighter above and darkens towards the corners."""
    fall = 1.12 - 0.26 * frame.y - 0.24 * (frame.x**2 + 0.6 * frame.y**2)
    colour = colours.background(traits["background_hue"], traits["background_lightness"])
    torch.mul(colour, fall[:, None], out=canvas.albedo)


def _majority(labels: Tensor, factor: int) -> Tensor:
    """The most frequent part of each block of pixels; ties go to the later part of `PARTS`."""
    n, side, _ = labels.shape
    blocks = labels.reshape(n, side // factor, factor, side // factor, factor)
    best = torch.zeros(n, side // factor, side // factor, dtype=torch.uint8)
    most = torch.zeros_like(best)
    for part in range(len(PARTS)):
        count = (blocks == part).sum(dim=(2, 4), dtype=torch.uint8)
        won = (count >= most) & (count > 0)
        best.masked_fill_(won, part)
        most = torch.maximum(most, count)
    return best
