"""Light on the painted surfaces: wrapped Lambert, a soft highlight, occlusion and a rim."""

from torch import Tensor

from pipeline.datasets.procfaces.canvas import Canvas, Traits

_WRAP = (0.30, 0.18, 0.12)
"""Light creeps around an edge, red furthest: a cheap stand-in for scattering under the skin."""
_AMBIENT = (0.33, 0.31, 0.32)


def shade(canvas: Canvas, traits: Traits) -> Tensor:
    """Lit display colours ``[n, 3, side, side]`` in [0, 1]; the canvas' albedo is used up."""
    dx, dy = canvas.slope
    facing = (dx * dx + dy * dy).add_(1).rsqrt_()
    side = 0.75 * traits["light_x"]
    norm = (side * side + 0.45**2 + 0.85**2).rsqrt()
    along = (0.85 - side * dx + 0.45 * dy).mul_(facing) * norm
    half = (1 + 0.85 * norm, side * norm, -0.45 * norm)
    half_norm = (half[0] ** 2 + half[1] ** 2 + half[2] ** 2).rsqrt()
    shine = (half[0] - half[1] * dx - half[2] * dy).mul_(facing * half_norm).clamp_(min=0)
    for _ in range(4):
        shine = shine * shine
    level = 0.58 + 0.70 * traits["light_level"]
    shine = shine.mul_(canvas.gloss).mul_(canvas.cover).mul_(level)
    open_sky = (0.62 + 0.38 * facing).mul_(1 + 0.12 * dy.clamp(-1, 1))
    rim = (1 - facing) ** 2 * 0.06
    out = canvas.albedo
    for channel, (wrap, ambient) in enumerate(zip(_WRAP, _AMBIENT, strict=True)):
        light = (along + wrap).clamp_(min=0).mul_(0.92 / (1 + wrap)).add_(open_sky, alpha=ambient)
        light = light.add_(rim).mul_(level).sub_(1).mul_(canvas.cover).add_(1)
        out[:, channel].mul_(light).add_(shine)
    return out.div_(out * 0.30 + 0.80).clamp_(0, 1).sqrt_()
