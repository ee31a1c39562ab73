"""Eyes and brows. Both sides are drawn at once, in coordinates that point away from the nose."""

import torch
from torch import Tensor

from pipeline.datasets.procfaces import colours
from pipeline.datasets.procfaces.canvas import Area, Canvas, Traits
from pipeline.datasets.procfaces.head import Build
from pipeline.datasets.procfaces.pose import Frame
from pipeline.datasets.procfaces.shapes import bump, coverage, smoothstep


def paint_eyes(canvas: Canvas, frame: Frame, traits: Traits, shape: Build, outer: Tensor) -> None:
    """Almond openings between two lids with white, iris, pupil and a highlight; lashes above."""
    area = canvas.area("eyes")
    a, b = frame.face(area)
    outward = a.abs() - shape.eye
    size = 0.76 + 0.56 * traits["eye_size"]
    half = 0.126 * size
    y = b + 0.07 * outward
    arc = 1 - (outward / half) ** 2
    opened = traits["eye_open"]
    low = 0.050 * size * arc
    high = 0.7 * low - 0.135 * size * arc * opened
    gap = torch.maximum(high - y, y - low)
    rim = 0.22 * (outer[:, area[0], area[1]] - 0.97)
    alpha = coverage(torch.maximum(gap, rim), canvas.soft)
    _ball(canvas, area, frame, traits, outward, y, y - high, alpha, half)
    _lids(canvas, area, (outward / half, y - high, y - low), opened, rim)


def _ball(
    canvas: Canvas,
    area: Area,
    frame: Frame,
    traits: Traits,
    outward: Tensor,
    y: Tensor,
    below_lid: Tensor,
    alpha: Tensor,
    half: Tensor,
) -> None:
    """The eyeball that shows between the lids."""
    side = torch.sign(frame.face(area)[0])
    slope = (-3.0 * outward * side, -3.0 * y)
    lid_shadow = 1 - 0.34 * smoothstep(0.05, 0.0, below_lid)
    white = colours.plain(0.97, 0.95, 0.93) * lid_shadow[:, None]
    canvas.paint(area, "eyes", alpha, white, slope, 0.30)
    x = outward * side - 0.50 * half * traits["gaze_x"]
    radius = 0.036 + 0.30 * half
    from_middle = (x * x + (y + 0.012) ** 2 + 1e-6).sqrt_() / radius
    disc = coverage((from_middle - 1) * 0.07, canvas.soft) * alpha
    ring = 1.25 - 0.85 * from_middle.clamp(max=1) ** 4
    colour = colours.iris(traits["eye_color"]) * (ring * lid_shadow)[:, None]
    canvas.paint(area, None, disc, colour)
    pupil = coverage((from_middle - 0.46) * 0.07, canvas.soft) * alpha
    canvas.paint(area, None, pupil, colours.plain(0.04, 0.03, 0.03))
    spot = ((x + 0.008 - 0.028 * traits["light_x"]) ** 2 + (y + 0.050) ** 2 + 1e-6).sqrt_()
    glint = coverage(spot - 0.017, 1.2 * canvas.soft) * alpha
    canvas.paint(area, None, glint, colours.plain(1.6, 1.6, 1.6))


def _lids(
    canvas: Canvas, area: Area, place: tuple[Tensor, Tensor, Tensor], opened: Tensor, rim: Tensor
) -> None:
    """The dark line of the lashes, the crease over it and a soft lower edge."""
    t, above, under = place
    thick = (0.018 + 0.007 * (1 - opened)) * (1.1 - 0.45 * t * t)
    ends = torch.maximum((t.abs() - 1.08) * 0.1, rim)
    lash = coverage(torch.maximum((above + 0.004).abs() - thick, ends), canvas.soft)
    canvas.paint(area, "eyes", lash, colours.plain(0.13, 0.09, 0.08), gloss=0.05)
    across = bump((t / 1.25) ** 2)
    crease = bump(((above + 0.060) / 0.030) ** 2) * across
    edge = bump((under / 0.022) ** 2) * across
    canvas.tint(area, (1 - 0.40 * crease - 0.22 * edge)[:, None])
    canvas.lean(area, (torch.zeros_like(above), 9.0 * (above + 0.035) * across * _lid(above)))


def _lid(above: Tensor) -> Tensor:
    """1 on the upper lid only, between lashes and crease."""
    return bump(((above + 0.035) / 0.035) ** 2)


def paint_brows(canvas: Canvas, frame: Frame, traits: Traits, shape: Build, outer: Tensor) -> None:
    """Tapered arches that rise, and tilt with a frown."""
    area = canvas.area("brows")
    a, b = frame.face(area)
    outward = a.abs() - shape.eye - 0.012
    t = outward / 0.165
    middle = -0.218 - 0.062 * traits["brow_raise"] + 0.040 * t * t
    middle = middle - 0.048 * t * traits["brow_tilt"]
    thick = 0.031 + 0.036 * traits["brow_thickness"]
    taper = (1 - 0.40 * smoothstep(-0.2, 1.0, t)) * (1.05 - t**4).clamp_(min=0)
    from_middle = b - middle
    d = torch.maximum(from_middle.abs() - thick * taper, (t.abs() - 1) * 0.165)
    d = torch.maximum(d, 0.22 * (outer[:, area[0], area[1]] - 0.97))
    alpha = coverage(d, 1.3 * canvas.soft)
    hairs = 1 + 0.10 * torch.sin(90 * outward - 55 * from_middle)
    colour = colours.brows(shape.hair, shape.skin) * hairs[:, None]
    canvas.paint(area, "brows", alpha, colour, gloss=0.03)
    canvas.lean(area, (torch.zeros_like(d), -14.0 * from_middle * alpha))
