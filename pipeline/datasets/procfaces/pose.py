"""From the canvas to the head: roll turns the plane, yaw and pitch turn a sphere under it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.datasets.procfaces.canvas import VIEW, VIEW_CENTRE, Area, Canvas, Traits

MAX_YAW, MAX_PITCH, MAX_ROLL = 0.30, 0.20, 0.16
"""Radians at factor 1."""
CENTRE = -0.08
"""Height of the middle of the head on the canvas."""
_PIVOT = 0.6
_DEPTH = 0.60


@dataclass(frozen=True)
class Frame:
    """Coordinates of every pixel, each ``[n, side, side]``, and the turn of the head.

    Attributes:
        x: canvas, to the right.
        y: canvas, down.
        u: head plane after roll, to the right.
        v: head plane after roll, down, 0 at the eyes.
        a: on the face, 0 in its middle; differs from `u` by yaw.
        b: on the face, down, 0 at the eyes; differs from `v` by pitch.
        yaw: sine of the yaw ``[n, 1, 1]``, positive to the right.
        pitch: sine of the pitch ``[n, 1, 1]``, positive downwards.
    """

    x: Tensor
    y: Tensor
    u: Tensor
    v: Tensor
    a: Tensor
    b: Tensor
    yaw: Tensor
    pitch: Tensor

    def face(self, area: Area) -> tuple[Tensor, Tensor]:
        """Face coordinates in a window."""
        return self.a[:, area[0], area[1]], self.b[:, area[0], area[1]]

    def head(self, area: Area) -> tuple[Tensor, Tensor]:
        """Head-plane coordinates in a window."""
        return self.u[:, area[0], area[1]], self.v[:, area[0], area[1]]

    def canvas(self, area: Area) -> tuple[Tensor, Tensor]:
        """Canvas coordinates in a window, ``[1, h, w]``."""
        return self.x[:, area[0], area[1]], self.y[:, area[0], area[1]]


def pose(canvas: Canvas, traits: Traits, width: Tensor) -> Frame:
    """The coordinates of all pixels for heads of a half width, turned by yaw, pitch and roll."""
    line = (torch.arange(canvas.side) + 0.5) * canvas.pixel - VIEW
    x = line[None, None, :].expand(1, canvas.side, -1)
    y = line[None, :, None].expand(1, -1, canvas.side) + VIEW_CENTRE
    roll, yaw, pitch = (
        traits[name] * most
        for name, most in (("roll", MAX_ROLL), ("yaw", MAX_YAW), ("pitch", MAX_PITCH))
    )
    cos, sin = roll.cos(), roll.sin()
    u = x * cos + (y - _PIVOT) * sin
    v = (y - _PIVOT) * cos - x * sin + (_PIVOT - CENTRE)
    near = 1 - (u / (width + 0.07)) ** 2 - 0.9 * v * v
    depth = near.clamp_(min=0.04).sqrt_().mul_(_DEPTH)
    a = u * yaw.cos() - depth * yaw.sin()
    b = v * pitch.cos() - depth * pitch.sin()
    return Frame(x, y, u, v, a, b, yaw.sin(), pitch.sin())
