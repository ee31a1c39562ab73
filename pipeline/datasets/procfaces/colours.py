"""Colours as continuous palettes. Everything is mixed and lit in linear light, `gamma` 2."""

import torch
from torch import Tensor

_SKIN = (
    (0.96, 0.79, 0.69), (0.92, 0.71, 0.57), (0.82, 0.60, 0.46),
    (0.67, 0.46, 0.33), (0.52, 0.34, 0.24), (0.40, 0.26, 0.19),
)  # fmt: skip
_HAIR = (
    (0.09, 0.07, 0.07), (0.25, 0.15, 0.09), (0.37, 0.21, 0.11),
    (0.62, 0.29, 0.13), (0.80, 0.56, 0.28), (0.94, 0.80, 0.50),
)  # fmt: skip
_EYES = (
    (0.26, 0.13, 0.06), (0.52, 0.30, 0.10), (0.45, 0.52, 0.18),
    (0.20, 0.58, 0.42), (0.20, 0.48, 0.84), (0.42, 0.66, 0.94),
)  # fmt: skip
_FRAMES = (
    (0.07, 0.07, 0.09), (0.36, 0.18, 0.10), (0.72, 0.12, 0.14),
    (0.90, 0.68, 0.26), (0.25, 0.60, 0.42), (0.20, 0.38, 0.80),
)  # fmt: skip
_SCENE = (
    (0.85, 0.42, 0.40), (0.86, 0.66, 0.38), (0.56, 0.72, 0.42),
    (0.34, 0.70, 0.68), (0.40, 0.56, 0.84), (0.66, 0.48, 0.80),
)  # fmt: skip
_CLOTHES = (
    (0.62, 0.14, 0.16), (0.78, 0.52, 0.16), (0.22, 0.48, 0.26),
    (0.16, 0.46, 0.54), (0.18, 0.26, 0.58), (0.46, 0.20, 0.50),
)  # fmt: skip


def _palette(stops: tuple[tuple[float, float, float], ...], at: Tensor) -> Tensor:
    """Piecewise linear through the stops, in linear light: ``[n, 1, 1]`` to ``[n, 3, 1, 1]``."""
    table = torch.tensor(stops) ** 2
    place = at.reshape(-1, 1).clamp(0, 1) * (len(stops) - 1)
    lower = place.floor().clamp(max=len(stops) - 2)
    index = lower.long().squeeze(1)
    mixed = torch.lerp(table[index], table[index + 1], place - lower)
    return mixed[:, :, None, None]


def plain(red: float, green: float, blue: float) -> Tensor:
    """One colour for all faces, from display values: ``[1, 3, 1, 1]`` in linear light."""
    return (torch.tensor([red, green, blue]) ** 2).reshape(1, 3, 1, 1)


def luminance(colour: Tensor) -> Tensor:
    """Relative luminance (Rec. 709 weights) of linear colours ``[n, 3, 1, 1]``."""
    weights = torch.tensor([0.2126, 0.7152, 0.0722]).reshape(1, 3, 1, 1)
    return (colour * weights).sum(dim=1, keepdim=True)


def skin(tone: Tensor) -> Tensor:
    """Skin from fair to deep."""
    return _palette(_SKIN, tone)


def hair(hue: Tensor, grey: Tensor) -> Tensor:
    """Hair from black over brown and red to blond, greying towards silver."""
    colour = _palette(_HAIR, hue)
    silver = plain(0.78, 0.78, 0.80) * (0.45 + 0.55 * hue[:, None])
    share = grey[:, None]
    dull = torch.lerp(colour, luminance(colour), 0.95 * share * (2 - share))
    return torch.lerp(dull, silver, 0.95 * share)


def brows(hair_colour: Tensor, skin_colour: Tensor) -> Tensor:
    """The hair's colour, darkened where it must be to stand out from the skin."""
    limit = 0.28 * luminance(skin_colour)
    return hair_colour * (limit / luminance(hair_colour)).clamp(max=0.8)


def iris(at: Tensor) -> Tensor:
    """Brown, hazel, green, blue."""
    return _palette(_EYES, at)


def frames(at: Tensor) -> Tensor:
    """Spectacle frames: black, brown, red, gold, green, blue."""
    return _palette(_FRAMES, at)


def background(hue: Tensor, lightness: Tensor) -> Tensor:
    """Backdrops, from a dark to a light version of each hue."""
    colour = _palette(_SCENE, hue)
    level = lightness[:, None]
    return torch.lerp(colour * (0.18 + 0.9 * level), colour.sqrt(), 0.5 * level * level)


def clothes(hue: Tensor) -> Tensor:
    """Garments from red over green and blue to violet."""
    return _palette(_CLOTHES, hue)


def lips(skin_colour: Tensor, lipstick: Tensor) -> Tensor:
    """Natural lips are redder skin; lipstick goes from there to a saturated red."""
    natural = skin_colour * torch.tensor([0.80, 0.48, 0.48]).reshape(1, 3, 1, 1)
    return torch.lerp(natural, plain(0.78, 0.06, 0.20), 0.92 * lipstick[:, None])
