"""What a batch of faces is painted on: surface properties per pixel, lit only at the end.

Positions are in a plane of about [-1, 1] both ways, x to the right and y down. Parts are painted
back to front, each inside the window that it can reach, so that small parts cost little.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.datasets.procfaces.parts import PART_ID

Traits = Mapping[str, Tensor]
"""The value of every factor by name, each ``[n, 1, 1]``."""

Area = tuple[slice, slice]
"""Rows and columns of a window."""


@dataclass(frozen=True)
class Window:
    """A rectangle of the canvas."""

    top: float
    bottom: float
    left: float
    right: float


VIEW, VIEW_CENTRE = 0.93, 0.0
"""Half the side and the height of the middle of the part of the plane that the image shows."""

WINDOWS: dict[str, Window] = {
    "all": Window(-1.0, 1.0, -1.0, 1.0),
    "hair": Window(-1.0, 1.0, -0.95, 0.95),
    "head": Window(-0.98, 0.84, -0.78, 0.78),
    "body": Window(0.25, 1.0, -1.0, 1.0),
    "eyes": Window(-0.42, 0.24, -0.70, 0.70),
    "brows": Window(-0.62, 0.12, -0.74, 0.74),
    "glasses": Window(-0.46, 0.36, -0.78, 0.78),
    "nose": Window(-0.42, 0.50, -0.60, 0.60),
    "mouth": Window(0.02, 0.78, -0.60, 0.60),
    "beard": Window(-0.32, 0.90, -0.78, 0.78),
}
"""How far each group of parts reaches in any pose."""


class Canvas:
    """Surfaces of `n` faces: albedo, slope, gloss, cover (0 on the backdrop) and labels."""

    def __init__(self, n: int, side: int) -> None:
        """Allocates ``side`` x ``side`` pixels for `n` faces."""
        self.side = side
        self.pixel = 2 * VIEW / side
        self.soft = 1.6 * self.pixel
        self.albedo = torch.empty(n, 3, side, side)
        self.slope = torch.zeros(2, n, side, side)
        self.gloss = torch.zeros(n, side, side)
        self.cover = torch.zeros(n, side, side)
        self.labels = torch.zeros(n, side, side, dtype=torch.uint8)

    def area(self, name: str) -> Area:
        """Rows and columns of a window by its name."""
        w = WINDOWS[name]
        top, bottom = (self._index(edge - VIEW_CENTRE) for edge in (w.top, w.bottom))
        return slice(top, bottom), slice(self._index(w.left), self._index(w.right))

    def _index(self, position: float) -> int:
        """The pixel edge at a distance from the middle of the view, kept inside it."""
        return min(max(round((position + VIEW) / self.pixel), 0), self.side)

    def paint(
        self,
        area: Area,
        part: str | None,
        alpha: Tensor,
        colour: Tensor,
        slope: tuple[Tensor, Tensor] | None = None,
        gloss: float | None = None,
    ) -> None:
        """Lays a surface over what is there.

        Args:
            area: the window.
            part: name of the part, or None to leave the labels.
            alpha: opacity ``[n, h, w]`` in [0, 1].
            colour: albedo, broadcast to ``[n, 3, h, w]``.
            slope: height differences along x and y; None keeps those below.
            gloss: strength of the highlight; None keeps that below.
        """
        rows, columns = area
        albedo = self.albedo[:, :, rows, columns]
        albedo.add_((colour - albedo).mul_(alpha[:, None]))
        if slope is not None:
            firm = (2 * alpha).clamp_(max=1)  # else half-covered edges look flat and shine
            for below, new in zip(self.slope[:, :, rows, columns], slope, strict=True):
                below.lerp_(new, firm)
        if gloss is not None:
            shine = self.gloss[:, rows, columns]
            shine.add_((gloss - shine).mul_(alpha))
        if part is not None:
            self.cover[:, rows, columns].add_((1 - self.cover[:, rows, columns]).mul_(alpha))
            self.labels[:, rows, columns].masked_fill_(alpha > 0.5, PART_ID[part])

    def tint(self, area: Area, factor: Tensor) -> None:
        """Multiplies the albedo: shadows, creases, blush. `factor` is ``[n, 1 or 3, h, w]``."""
        self.albedo[:, :, area[0], area[1]].mul_(factor)

    def lean(self, area: Area, slope: tuple[Tensor, Tensor]) -> None:
        """Adds relief to the surface that is there."""
        for below, more in zip(self.slope[:, :, area[0], area[1]], slope, strict=True):
            below.add_(more)
