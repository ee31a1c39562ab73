"""Beard, glasses and clothes."""

import torch

from pipeline.datasets.procfaces import colours
from pipeline.datasets.procfaces.canvas import Canvas, Traits
from pipeline.datasets.procfaces.head import Build
from pipeline.datasets.procfaces.pose import Frame
from pipeline.datasets.procfaces.shapes import (
    bump,
    coverage,
    ellipse,
    rounded_box,
    slopes,
    smooth_max,
    smoothstep,
)


def paint_beard(
    canvas: Canvas, frame: Frame, traits: Traits, shape: Build, outer: torch.Tensor
) -> None:
    """From a goatee to a full beard; it grows over the chin and a little beyond the jaw."""
    area = canvas.area("beard")
    a, b = frame.face(area)
    amount = traits["beard"]
    missing = 0.5 * smoothstep(0.35, 0.0, amount)
    cheek = 0.53 - (2.4 * a * a).clamp(max=0.6) * amount - b
    chin = smooth_max(cheek, a.abs() - 0.10 - 0.50 * amount, 0.08)
    lip = 0.5 * (shape.nose + shape.mouth) - 0.012 + 1.1 * a * a
    tash = (b - lip).abs() - 0.046 * (1.15 - (a / 0.23) ** 2)
    grown = torch.minimum(chin, torch.maximum(tash, a.abs() - 0.21)) + missing
    thick = 0.010 + 0.035 * amount
    rim = (outer[:, area[0], area[1]].clamp(min=0).sqrt() - 1) * shape.width - thick
    d = smooth_max(grown, rim, 0.03)
    alpha = coverage(d, 2.6 * canvas.soft)
    strand = torch.sin(75 * a + 4 * torch.sin(11 * b)) * torch.sin(30 * b + 19 * a.abs())
    height = (0.05 * smoothstep(0.03, -0.14, d)).add_(strand, alpha=0.004)
    height = height.add_((1.10 - outer[:, area[0], area[1]]).clamp_(min=0.02).sqrt_(), alpha=0.42)
    colour = shape.hair * (0.62 + 0.14 * strand)[:, None]
    near = coverage(d - 0.02, 0.08) * canvas.cover[:, area[0], area[1]]
    canvas.tint(area, (1 - 0.22 * near)[:, None])
    canvas.paint(area, "beard", alpha, colour, slopes(height, canvas.pixel), 0.06)


def paint_glasses(canvas: Canvas, frame: Frame, traits: Traits, shape: Build) -> None:
    """Two rims, round to rectangular, a bridge, temples and a faint reflection in the lenses."""
    area = canvas.area("glasses")
    a, b = frame.face(area)
    there = smoothstep(0.2, 0.8, traits["glasses"])
    face = canvas.cover[:, area[0], area[1]] * there
    form = traits["glasses_shape"]
    x = a - 0.05 * frame.yaw
    y = b - 0.012
    out = x.abs() - 0.115 - 0.5 * shape.eye
    lens = rounded_box(out, y, 0.158 + 0.036 * form, 0.172 - 0.058 * form, 0.157 - 0.117 * form)
    rim = lens.abs() - 0.027
    bridge = torch.maximum((y + 0.035 - 0.4 * x * x).abs() - 0.024, x.abs() - 0.08)
    temple = torch.maximum((y + 0.035).abs() - 0.024, 0.14 - out)
    d = torch.minimum(torch.minimum(rim, bridge), temple)
    u, _ = frame.head(area)
    d = torch.maximum(d, u.abs() - shape.width - 0.012)
    shadow = bump(((rim - 0.03).clamp(min=0) / 0.05) ** 2) * 0.20
    canvas.tint(area, (1 - shadow * face)[:, None])
    streak = bump(((out + 0.7 * y + 0.06) / 0.035) ** 2)
    glare = coverage(lens, canvas.soft) * (0.004 + 0.06 * streak)
    canvas.paint(area, None, glare * face, colours.plain(1.0, 1.0, 1.0))
    tube = -20.0 * lens.clamp(-0.03, 0.03)
    alpha = coverage(d, canvas.soft) * there
    colour = colours.frames(traits["glasses_color"])
    canvas.paint(area, "glasses", alpha, colour, (tube * out.sign() * 0.4, tube), 0.25)


def paint_clothes(canvas: Canvas, frame: Frame, traits: Traits) -> None:
    """Shoulders with a round neckline; they do not turn with the head."""
    area = canvas.area("body")
    x, y = (coordinate.expand(traits["yaw"].shape[0], -1, -1) for coordinate in frame.canvas(area))
    wide = 0.90 + 0.22 * traits["masculinity"]
    shoulder = 0.660 + 0.30 * (x / wide) ** 2 + 0.30 * ((x / wide) ** 2) ** 3 - y
    collar = 0.26 + 0.08 * traits["masculinity"]
    neckline = -ellipse(x, y - 0.63, collar, 0.165) * 0.165
    d = smooth_max(shoulder, neckline, 0.03)
    alpha = coverage(d, canvas.soft)
    folds = 0.012 * torch.sin(13 * x + 6 * y) + 0.02 * torch.sin(7 * x.abs() - 9 * y)
    height = folds + 0.14 * smoothstep(0.0, -0.22, d) - 0.35 * x * x
    seam = 1 - 0.32 * bump(((d + 0.045) / 0.02) ** 2)
    colour = colours.clothes(traits["clothes_hue"]) * seam[:, None]
    near = coverage(d - 0.03, 0.10) * canvas.cover[:, area[0], area[1]]
    canvas.tint(area, (1 - 0.35 * near)[:, None])
    canvas.paint(area, "clothes", alpha, colour, slopes(height, canvas.pixel), 0.04)
