"""Nose and mouth."""

import torch
from torch import Tensor

from pipeline.datasets.procfaces import colours
from pipeline.datasets.procfaces.canvas import Area, Canvas, Traits
from pipeline.datasets.procfaces.head import Build
from pipeline.datasets.procfaces.pose import Frame
from pipeline.datasets.procfaces.shapes import bump, coverage, slopes, smooth_max, smoothstep


def paint_nose(canvas: Canvas, frame: Frame, traits: Traits, shape: Build) -> None:
    """A ridge that widens to the wings and stands off the face, so that yaw moves its tip."""
    area = canvas.area("nose")
    a, b = frame.face(area)
    down = ((b + 0.10) / (shape.nose + 0.10)).clamp(0, 1)
    x = a - 0.17 * frame.yaw * down
    wide = 0.090 + 0.095 * traits["nose_width"]
    half = 0.050 + (wide - 0.050) * down**3
    across = (x / half) ** 2
    base = b - shape.nose - 0.022 * (1 - 2.2 * across.clamp(max=1) * (1 - across.clamp(max=1)))
    side = (across.clamp(max=9) - 1) * 0.5 * half
    d = smooth_max(side, base, 0.03)
    alpha = coverage(smooth_max(d, 0.01 - b, 0.03), canvas.soft)
    warm = shape.skin * torch.tensor([1.0, 0.80, 0.76]).reshape(1, 3, 1, 1)
    canvas.paint(area, "nose", alpha, warm, gloss=0.26)
    canvas.lean(area, slopes(_nose_relief(x, b, base, half, wide, down, shape), canvas.pixel))
    holes = bump(((x.abs() - 0.46 * wide) / (0.36 * wide)) ** 2 + ((base + 0.004) / 0.026) ** 2)
    beside = bump((d / 0.045) ** 2) * down * down
    cast = bump((x / (1.1 * wide)) ** 2 + ((base - 0.035) / 0.045) ** 2) * (1 - alpha)
    canvas.tint(area, (1 - 0.85 * holes).mul_(1 - 0.20 * beside).mul_(1 - 0.30 * cast)[:, None])


def _nose_relief(
    x: Tensor, b: Tensor, base: Tensor, half: Tensor, wide: Tensor, down: Tensor, shape: Build
) -> Tensor:
    """Height of the nose over the face: ridge, ball of the tip and wings."""
    ridge = bump((x / (1.7 * half)) ** 2) * (0.045 + 0.055 * down * down)
    ball = bump((x / (0.75 * wide)) ** 2 + ((b - shape.nose + 0.045) / 0.085) ** 2)
    wing = bump(((x.abs() - 0.72 * wide) / (0.42 * wide)) ** 2 + ((base + 0.045) / 0.06) ** 2)
    fade = smoothstep(0.045, -0.03, base) * smoothstep(-0.12, 0.0, b)
    return (ridge + 0.045 * ball + 0.022 * wing).mul_(fade)


def paint_mouth(canvas: Canvas, frame: Frame, traits: Traits, shape: Build) -> None:
    """Two lips around a gap; the corners rise with a smile, the lower lip drops to open."""
    area = canvas.area("mouth")
    a, b = frame.face(area)
    x = a - 0.04 * frame.yaw
    smile, opened = traits["smile"], traits["mouth_open"]
    wide = (0.122 + 0.108 * traits["mouth_width"]) * (1 + 0.08 * smile.clamp(min=0))
    t2 = ((x / wide) ** 2).clamp(max=1.6)
    middle = shape.mouth - 0.110 * smile * (t2 - 0.42)
    gap = (1 - t2 * t2) * 0.150 * opened
    top, bottom = middle - 0.22 * gap, middle + 0.78 * gap
    thin = 1 - 0.10 * traits["age"]
    upper = (0.027 + 0.050 * traits["lip_fullness"]) * thin
    lower = (0.035 + 0.066 * traits["lip_fullness"]) * thin
    edge = 1 - t2
    bow = 0.75 + 0.35 * bump(((t2.sqrt() - 0.3) / 0.35) ** 2)
    above = b - top + upper * edge * bow
    beneath = b - bottom - lower * edge
    alpha = coverage(torch.maximum(-above, beneath), canvas.soft)
    _lips(canvas, area, traits, shape, alpha, (b - top, upper), (b - bottom, lower))
    inside = torch.maximum(top - b, b - bottom) - 0.009 * smoothstep(1.25, 0.8, t2)
    hollow = coverage(torch.maximum(inside, (t2 - 1.05) * 0.1), canvas.soft) * alpha
    _interior(canvas, area, hollow, b - top, bottom - b, gap)
    under = bump((x / (0.8 * wide)) ** 2 + ((beneath - 0.035) / 0.045) ** 2) * (1 - alpha)
    canvas.tint(area, (1 - 0.24 * under)[:, None])


def _lips(
    canvas: Canvas,
    area: Area,
    traits: Traits,
    shape: Build,
    alpha: Tensor,
    upper: tuple[Tensor, Tensor],
    lower: tuple[Tensor, Tensor],
) -> None:
    """The red of the lips: the upper one turned down, the lower one round and lit from above."""
    colour = colours.lips(shape.skin, traits["lipstick"])
    is_lower = smoothstep(-0.012, 0.012, lower[0])
    along = (lower[0] / lower[1]).clamp(0, 1)
    slope_y = torch.lerp(torch.full_like(along, -0.75), 1.3 - 2.9 * along, is_lower)
    rows, columns = area
    slope_x = canvas.slope[0, :, rows, columns]
    canvas.paint(area, "mouth", alpha, colour, (slope_x, slope_y), 0.34)


def _interior(
    canvas: Canvas, area: Area, hollow: Tensor, under_top: Tensor, over_bottom: Tensor, gap: Tensor
) -> None:
    """Dark behind the lips, a row of teeth under the upper one, the tongue over the lower one."""
    canvas.paint(area, None, hollow, colours.plain(0.25, 0.05, 0.06), gloss=0.0)
    tongue = smoothstep(0.055, 0.03, over_bottom) * smoothstep(0.07, 0.12, gap) * hollow
    canvas.paint(area, None, 0.8 * tongue, colours.plain(0.68, 0.25, 0.27), gloss=0.2)
    row = coverage(under_top - 0.012 - 0.42 * gap.clamp(max=0.1), canvas.soft)
    teeth = row * smoothstep(0.014, 0.040, gap) * hollow
    flat = torch.zeros_like(teeth)
    canvas.paint(area, None, teeth, colours.plain(0.96, 0.94, 0.90), (flat, flat + 0.3), 0.2)
