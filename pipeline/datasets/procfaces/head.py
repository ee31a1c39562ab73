"""The head: its outline, its relief, skin, ears, neck, and the marks of age."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.datasets.procfaces import colours
from pipeline.datasets.procfaces.canvas import Canvas, Traits
from pipeline.datasets.procfaces.pose import Frame
from pipeline.datasets.procfaces.shapes import (
    bump,
    coverage,
    ellipse,
    slopes,
    smoothstep,
    squircle,
)

TOP, CHIN = 0.71, 0.72
"""Half heights of the skull and of the lower face."""


@dataclass(frozen=True)
class Build:
    """Measures that several parts share, each ``[n, 1, 1]``.

    Attributes:
        width: half width of the head.
        eye: distance of an eye from the middle.
        nose: height of the nose's base on the face.
        mouth: height of the mouth on the face.
        skin: linear colour ``[n, 3, 1, 1]``.
        hair: linear colour ``[n, 3, 1, 1]``.
    """

    width: Tensor
    eye: Tensor
    nose: Tensor
    mouth: Tensor
    skin: Tensor
    hair: Tensor


def build(traits: Traits) -> Build:
    """The shared measures of the faces."""
    return Build(
        width=0.420 + 0.110 * traits["face_width"] + 0.015 * traits["masculinity"],
        eye=0.172 + 0.068 * traits["eye_spacing"] + 0.050 * traits["face_width"],
        nose=0.155 + 0.100 * traits["nose_length"],
        mouth=0.370 + 0.092 * traits["mouth_height"],
        skin=colours.skin(traits["skin_tone"]),
        hair=colours.hair(traits["hair_hue"], traits["hair_grey"]),
    )


def outline(frame: Frame, traits: Traits, shape: Build) -> Tensor:
    """1 on the outline of the head, less inside; a narrowing squircle, on the whole canvas."""
    turned = smoothstep(0.0, 0.75, frame.v) * (0.30 * frame.yaw)
    jaw = 0.60 + 0.29 * traits["jaw_width"] + 0.10 * traits["masculinity"]
    narrow = 1 - (1 - jaw) * smoothstep(-0.05, 0.62, frame.v)
    across = ((frame.u - turned) / (shape.width * narrow)) ** 2
    chin = CHIN + 0.25 * frame.pitch
    up = frame.v * torch.where(frame.v < 0, torch.full_like(chin, 1 / TOP), 1 / chin)
    square = 0.10 + 0.55 * traits["masculinity"]
    return squircle(across, up * up, torch.where(frame.v < 0, torch.full_like(square, 0.2), square))


def paint_neck(canvas: Canvas, frame: Frame, traits: Traits, shape: Build, outer: Tensor) -> None:
    """A column from under the chin, in the shadow of the head."""
    area = canvas.area("body")
    x, y = frame.canvas(area)
    u, _ = frame.head(area)
    half = 0.180 + 0.110 * traits["masculinity"] + 0.03 * traits["face_width"]
    sway = torch.lerp(u, x.expand_as(u), smoothstep(0.4, 0.9, y))
    flare = half * (1 + 0.5 * smoothstep(0.60, 1.0, y))
    inside = (1 - (sway / flare) ** 2).clamp(min=-1)
    alpha = coverage(-inside * 0.5 * half, canvas.soft)
    slope_x = -0.9 * sway / flare * (0.4 + 0.9 * (sway / flare) ** 2)
    canvas.paint(area, "neck", alpha, shape.skin, (slope_x, torch.zeros_like(slope_x)), 0.03)
    near = outer[:, area[0], area[1]]
    shadow = (smoothstep(2.1, 0.9, near) * alpha)[:, None]
    canvas.tint(area, 1 - shadow * torch.tensor([0.55, 0.66, 0.70]).reshape(1, 3, 1, 1))


def paint_ears(canvas: Canvas, frame: Frame, traits: Traits, shape: Build) -> None:
    """Two shells at the sides, behind the cheeks."""
    area = canvas.area("head")
    u, v = frame.head(area)
    size = 0.65 + 0.85 * traits["ear_size"]
    side = u + 0.05 * frame.yaw
    x = side.abs() - shape.width - 0.022 * size
    y = v - 0.05 - 0.10 * frame.pitch
    d = ellipse(x - 0.15 * y, y, 0.075 * size, 0.135 * size)
    alpha = coverage(d * 0.085, canvas.soft)
    hollow = bump((d + 0.45) ** 2 * 7) * 0.30
    slope = 2.2 * d.clamp(-1, 1) * side.sign()
    colour = shape.skin * torch.tensor([1.0, 0.88, 0.86]).reshape(1, 3, 1, 1)
    canvas.paint(area, "ears", alpha, colour, (-slope, -0.5 * y), 0.08)
    canvas.tint(area, (1 - hollow * alpha)[:, None])


def paint_skin(canvas: Canvas, frame: Frame, traits: Traits, shape: Build, outer: Tensor) -> None:
    """The face: an egg with sockets, cheekbones, a chin, blush and the shading of age."""
    area = canvas.area("head")
    inside = outer[:, area[0], area[1]]
    a, b = frame.face(area)
    side = a.abs()
    eyes = ((side - shape.eye) / 0.21) ** 2 + ((b - 0.01) / 0.14) ** 2
    cheek = bump(((side - 0.25) / 0.24) ** 2 + ((b - 0.22) / 0.22) ** 2)
    socket = bump(eyes)
    height = (1.16 - inside).clamp_(min=0.02).sqrt_().mul_(0.46)
    height.add_(socket, alpha=-0.045).add_(cheek, alpha=0.035)
    height.add_(bump((a / 0.20) ** 2 + ((b - 0.62) / 0.12) ** 2), alpha=0.030)
    ridge = bump((a / 0.42) ** 2 + ((b + 0.17) / 0.10) ** 2)
    height.add_(ridge * (0.02 + 0.03 * traits["masculinity"]))
    distance = (inside.clamp(min=0).sqrt() - 1) * shape.width
    alpha = coverage(distance, canvas.soft)
    canvas.paint(area, "skin", alpha, shape.skin, slopes(height, canvas.pixel), 0.12)
    red = 1 + (0.10 * cheek)[:, None] * torch.tensor([0.2, -1.6, -1.3]).reshape(1, 3, 1, 1)
    canvas.tint(area, red * (1 - (0.16 * socket * alpha)[:, None]))
    _age(canvas, frame, traits, shape)


def _age(canvas: Canvas, frame: Frame, traits: Traits, shape: Build) -> None:
    """Lines on the forehead, beside the eyes and around the mouth; bags under the eyes."""
    area = canvas.area("head")
    a, b = frame.face(area)
    side = a.abs()
    forehead = (0.5 + 0.5 * torch.sin(b * 75 + 9 * a * a)) ** 2
    forehead = forehead * bump((a / 0.34) ** 2 + ((b + 0.42) / 0.13) ** 2)
    fold = side - 0.115 - 0.45 * (b - shape.nose)
    fold = bump((fold / 0.032) ** 2) * bump(((b - 0.32) / 0.16) ** 2)
    bag = b - 0.105 + 0.9 * (side - shape.eye) ** 2
    bag = bump((bag / 0.030) ** 2) * bump(((side - shape.eye) / 0.14) ** 2)
    feet = (0.5 + 0.5 * torch.sin(b * 95)) * bump(
        ((side - shape.eye - 0.175) / 0.06) ** 2 + (b / 0.10) ** 2
    )
    lines = 0.52 * forehead + 0.72 * fold + 0.60 * bag + 0.45 * feet
    canvas.tint(area, (1 - smoothstep(0.05, 1.0, traits["age"]) * lines)[:, None])
