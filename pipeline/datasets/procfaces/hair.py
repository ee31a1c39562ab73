"""Hair: one mass around the head, painted behind the neck and again in front of the face."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.datasets.procfaces.canvas import Canvas, Traits
from pipeline.datasets.procfaces.head import TOP, Build
from pipeline.datasets.procfaces.pose import Frame
from pipeline.datasets.procfaces.shapes import coverage, slopes, smooth_max, smoothstep, squircle


@dataclass(frozen=True)
class Mass:
    """The hair before it is cut out for the face, in the window "hair".

    Attributes:
        distance: to the outer outline, negative inside.
        height: relief with strands.
        strands: light and dark of single strands, about [-1, 1].
    """

    distance: Tensor
    height: Tensor
    strands: Tensor


def hair_mass(canvas: Canvas, frame: Frame, traits: Traits, shape: Build) -> Mass:
    """Outline, relief and strands from length, volume, wave and parting."""
    area = canvas.area("hair")
    u, v = frame.head(area)
    u = u + 0.10 * frame.yaw
    wave, length, volume = traits["hair_wave"], traits["hair_length"], traits["hair_volume"]
    bend = torch.sin(15 * v + 5 * u.abs()) * wave
    widest = shape.width + 0.055 + 0.135 * volume
    fall = smoothstep(-0.1, 0.9, v) * (0.30 * length * (0.35 + volume))
    across = (u / (widest * (1 + fall))) ** 2
    crown = TOP + 0.065 + 0.095 * volume
    up = (v + 0.10).clamp(max=0) / (crown - 0.10)
    shell = squircle(across, up * up, 0.12)
    side = (shell - 1) * 0.5 * widest + 0.026 * bend * smoothstep(-0.75, -0.2, v)
    end = v - (0.02 + 1.10 * length)
    strands, relief = _strands(u, v, traits, wave)
    end = end + 0.030 * strands + 0.35 * across.clamp(max=1.5) * 0.20
    distance = smooth_max(side, end, 0.10) + 0.9 * traits["bald"]
    height = (1.15 - shell).clamp_(min=0.02).sqrt_().mul_(0.46).add_(relief)
    return Mass(distance, height.add_(0.020 * bend), strands)


def _strands(u: Tensor, v: Tensor, traits: Traits, wave: Tensor) -> tuple[Tensor, Tensor]:
    """Strands that fan out from the parting: their light and dark, and their relief."""
    spread = 0.40 + (v + TOP).clamp(0, 0.7)
    fan = (u - 0.16 * traits["hair_parting"]) / spread
    phase = fan * 36 + 3.0 * wave * torch.sin(15 * v + 4 * fan)
    phase = phase + 1.3 * torch.sin(0.37 * phase + 0.8)
    coarse, fine = torch.sin(phase), torch.sin(2.6 * phase + 1.0)
    strands = 0.6 * coarse + 0.4 * fine
    return strands, 0.011 * coarse + 0.004 * fine


def paint_back_hair(canvas: Canvas, mass: Mass, shape: Build) -> None:
    """The hair behind neck and ears, darker."""
    area = canvas.area("hair")
    colour = shape.hair * (0.50 + 0.12 * mass.strands)[:, None]
    alpha = coverage(mass.distance, canvas.soft)
    canvas.paint(area, "hair", alpha, colour, slopes(mass.height, canvas.pixel), 0.05)


def paint_front_hair(
    canvas: Canvas, frame: Frame, traits: Traits, shape: Build, mass: Mass, outer: Tensor
) -> None:
    """The hair around the face, with a soft shadow on the forehead."""
    area = canvas.area("hair")
    opening = _opening(canvas, frame, traits, shape, mass, outer)
    near = smoothstep(-0.15, 0.0, opening) * coverage(mass.distance, 0.2)
    near = near * canvas.cover[:, area[0], area[1]]
    canvas.tint(area, (1 - 0.42 * near)[:, None])
    alpha = coverage(torch.maximum(mass.distance, -opening), 1.3 * canvas.soft)
    lip = smoothstep(-0.01, 0.12, opening).mul_(0.060)
    slope = slopes(mass.height + lip, canvas.pixel)
    rooted = 0.80 + 0.20 * smoothstep(0.0, 0.10, opening)
    colour = shape.hair * ((1.0 + 0.26 * mass.strands) * rooted)[:, None]
    canvas.paint(area, "hair", alpha, colour, slope, 0.12)


def _opening(
    canvas: Canvas, frame: Frame, traits: Traits, shape: Build, mass: Mass, outer: Tensor
) -> Tensor:
    """Distance to the outline of the face between the hair: negative on the face."""
    area = canvas.area("hair")
    a, b = frame.face(area)
    bangs, parting = traits["bangs"], traits["hair_parting"]
    free = 1 - bangs
    half = shape.width * (0.93 + 0.10 * smoothstep(0.05, 0.55, b)) - 0.02
    line = 0.555 - 0.185 * bangs
    line = line + free * (0.42 * parting * a).clamp(-0.12, 0.12) + 0.014 * bangs * mass.strands
    start = 0.15
    up = (b - start).clamp(max=0) / (line + start)
    x = a - 0.05 * free * parting
    hole = (squircle((x / half) ** 2, up * up, 0.35 + 0.4 * bangs) - 1) * 0.5 * half
    _, v = frame.head(area)
    edge = (outer[:, area[0], area[1]].clamp(min=0).sqrt() - 1) * shape.width + 0.015
    return torch.maximum(hole, edge - smoothstep(0.10, 0.50, v))
