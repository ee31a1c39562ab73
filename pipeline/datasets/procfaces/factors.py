"""The factors that a face of the embedded domain is drawn from, and how they occur together.

Every factor has a standard normal latent. A latent is a weighted sum of the latents of its
parents (`LINKS`) and its own noise, scaled to unit variance: a small Gaussian copula in causal
order. The normal distribution function turns it into a rank, and the rank into a value: spread
over the factor's range, or, for what many faces lack (`ONSETS`), the lowest value below a
threshold and the upper part of the range above it. Parents of one factor are independent of each
other, which keeps the variances at one.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Group = Literal["identity", "expression", "scene"]
Kind = Literal["geometry", "colour", "presence"]


@dataclass(frozen=True)
class Factor:
    """One number that a face is drawn from.

    Attributes:
        name: identifier, e.g. ``"mouth_open"``.
        parts: where in the image it shows: names of `PARTS`, or ``"face"`` (the whole face),
            ``"pose"`` (everything moves) or ``"light"`` (everything is shaded anew).
        group: whether it is who the person is, what the face does, or the scene.
        low: smallest value.
        high: largest value.
        kind: whether it moves shapes, changes colours, or says whether something is there.
        label: short text for figures.
    """

    name: str
    parts: tuple[str, ...]
    group: Group
    low: float
    high: float
    kind: Kind
    label: str

    @property
    def part(self) -> str:
        """The part in which the factor shows most."""
        return self.parts[0]


def _factor(
    name: str, parts: str, group: Group, kind: Kind, label: str, low: float = 0.0
) -> Factor:
    return Factor(name, tuple(parts.split()), group, low, 1.0, kind, label)


FACTORS: tuple[Factor, ...] = (
    _factor("masculinity", "face", "identity", "geometry", "masculinity"),
    _factor("age", "face", "identity", "geometry", "age"),
    _factor("face_width", "face", "identity", "geometry", "face width"),
    _factor("jaw_width", "skin beard", "identity", "geometry", "jaw width"),
    _factor("skin_tone", "skin nose ears neck", "identity", "colour", "skin tone"),
    _factor("hair_hue", "hair brows beard", "identity", "colour", "hair hue"),
    _factor("hair_grey", "hair brows beard", "identity", "colour", "grey hair"),
    _factor("hair_length", "hair", "identity", "geometry", "hair length"),
    _factor("hair_volume", "hair", "identity", "geometry", "hair volume"),
    _factor("hair_wave", "hair", "identity", "geometry", "hair wave"),
    _factor("hair_parting", "hair", "identity", "geometry", "parting", -1.0),
    _factor("bangs", "hair", "identity", "presence", "bangs"),
    _factor("bald", "hair", "identity", "presence", "bald"),
    _factor("brow_thickness", "brows", "identity", "geometry", "brow thickness"),
    _factor("eye_size", "eyes", "identity", "geometry", "eye size"),
    _factor("eye_spacing", "eyes brows", "identity", "geometry", "eye spacing"),
    _factor("eye_color", "eyes", "identity", "colour", "eye colour"),
    _factor("nose_length", "nose", "identity", "geometry", "nose length"),
    _factor("nose_width", "nose", "identity", "geometry", "nose width"),
    _factor("mouth_width", "mouth", "identity", "geometry", "mouth width"),
    _factor("mouth_height", "mouth", "identity", "geometry", "mouth height"),
    _factor("lip_fullness", "mouth", "identity", "geometry", "lip fullness"),
    _factor("ear_size", "ears", "identity", "geometry", "ear size"),
    _factor("beard", "beard", "identity", "presence", "beard"),
    _factor("glasses", "glasses", "identity", "presence", "glasses"),
    _factor("glasses_shape", "glasses", "identity", "geometry", "frame shape"),
    _factor("glasses_color", "glasses", "identity", "colour", "frame colour"),
    _factor("mouth_open", "mouth", "expression", "geometry", "mouth open"),
    _factor("smile", "mouth", "expression", "geometry", "smile", -1.0),
    _factor("eye_open", "eyes", "expression", "geometry", "eyes open"),
    _factor("gaze_x", "eyes", "expression", "geometry", "gaze", -1.0),
    _factor("brow_raise", "brows", "expression", "geometry", "brow raise", -1.0),
    _factor("brow_tilt", "brows", "expression", "geometry", "frown", -1.0),
    _factor("lipstick", "mouth", "expression", "colour", "lipstick"),
    _factor("yaw", "pose", "scene", "geometry", "yaw", -1.0),
    _factor("pitch", "pose", "scene", "geometry", "pitch", -1.0),
    _factor("roll", "pose", "scene", "geometry", "roll", -1.0),
    _factor("light_x", "light", "scene", "colour", "light side", -1.0),
    _factor("light_level", "light", "scene", "colour", "light level"),
    _factor("background_hue", "background", "scene", "colour", "background hue"),
    _factor("background_lightness", "background", "scene", "colour", "background light"),
    _factor("clothes_hue", "clothes", "scene", "colour", "clothes hue"),
)

NAMES: tuple[str, ...] = tuple(factor.name for factor in FACTORS)

LINKS: dict[str, dict[str, float]] = {
    "jaw_width": {"masculinity": 0.4},
    "face_width": {"age": 0.2},
    "hair_grey": {"age": 0.85},
    "hair_length": {"masculinity": -0.65, "age": -0.2},
    "hair_volume": {"masculinity": -0.2, "age": -0.2},
    "bangs": {"masculinity": -0.3},
    "bald": {"masculinity": 0.6, "age": 0.5},
    "brow_thickness": {"masculinity": 0.45},
    "eye_size": {"masculinity": -0.3},
    "nose_length": {"age": 0.3},
    "nose_width": {"masculinity": 0.3, "skin_tone": 0.3},
    "hair_hue": {"skin_tone": -0.6},
    "eye_color": {"hair_hue": 0.4},
    "lip_fullness": {"age": -0.3, "masculinity": -0.3},
    "ear_size": {"age": 0.3},
    "beard": {"masculinity": 0.8},
    "glasses": {"age": 0.5},
    "lipstick": {"masculinity": -0.85},
    "smile": {"mouth_open": 0.35},
    "eye_open": {"smile": -0.25, "age": -0.15},
    "brow_raise": {"eye_open": 0.4},
}
"""Weights of the parents' latents in a factor's latent; parents may stand anywhere in `FACTORS`."""

ONSETS: dict[str, tuple[float, float]] = {
    "hair_grey": (0.35, 0.35),
    "bangs": (0.38, 0.75),
    "bald": (0.10, 0.95),
    "beard": (0.28, 0.40),
    "glasses": (0.30, 0.95),
    "lipstick": (0.38, 0.45),
    "mouth_open": (0.40, 0.25),
}
"""Share of the faces that have it, and the least value (of 1) where they do."""

SKEWS: dict[str, float] = {
    "eye_open": 0.4,
    "age": 1.2,
    "skin_tone": 1.2,
    "hair_hue": 1.3,
    "smile": 0.65,
}
"""Powers of the rank: below 1 high values are the rule (few eyes are closed)."""

_SPREAD = 0.9
"""Latents are narrowed by this before they become ranks: mild extremes, still wide marginals."""

SPREADS: dict[str, float] = {"gaze_x": 0.6, "brow_tilt": 0.6, "yaw": 0.8, "pitch": 0.7, "roll": 0.7}
"""Stronger narrowing, where extremes are rarer in life."""


def sample_factors(n: int, generator: torch.Generator) -> Tensor:
    """Faces of a plausible population.

    Args:
        n: number of faces.
        generator: source of randomness; the same state gives the same faces.

    Returns:
        ``[n, len(FACTORS)]`` float32, columns in the order of `FACTORS`, each in its range.
    """
    noise = torch.randn(n, len(FACTORS), generator=generator, dtype=torch.float64)
    latents: dict[str, Tensor] = {}
    for name in NAMES:
        _latent(name, noise, latents)
    columns = [_value(factor, latents[factor.name]) for factor in FACTORS]
    return torch.stack(columns, dim=1).float()


def _latent(name: str, noise: Tensor, done: dict[str, Tensor]) -> Tensor:
    """The unit-variance latent of a factor, after those of its parents (filled into `done`)."""
    if name not in done:
        links = LINKS.get(name, {})
        own = math.sqrt(1 - sum(weight**2 for weight in links.values()))
        total = own * noise[:, NAMES.index(name)]
        for parent, weight in links.items():
            total = total + weight * _latent(parent, noise, done)
        done[name] = total
    return done[name]


def _value(factor: Factor, latent: Tensor) -> Tensor:
    """A factor's value from its latent: rank, then the share of the range (see the module)."""
    if factor.name in ONSETS:
        rate, least = ONSETS[factor.name]
        above = (torch.special.ndtr(latent) - (1 - rate)) / rate
        share = torch.where(above > 0, least + (1 - least) * above, 0.0)
    else:
        spread = SPREADS.get(factor.name, _SPREAD)
        share = torch.special.ndtr(spread * latent) ** SKEWS.get(factor.name, 1.0)
    return factor.low + (factor.high - factor.low) * share
