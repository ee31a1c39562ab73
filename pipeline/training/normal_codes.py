"""Codes of rendered faces: their factors made normal, so that a prior can be sampled instead.

Within each class, every factor is replaced by its normal score (the normal quantile of its rank,
ties in random order), and the scores are whitened: given the class, codes are about standard
normal and hold all that a render was drawn from. Factors of a layer are mixed by a fixed rotation,
so that no direction of z is a factor by construction.
"""

import torch
from torch import Tensor

from pipeline.datasets.procfaces.factors import FACTORS, NAMES
from pipeline.errors import UserError

LAYERS: tuple[tuple[str, ...], ...] = (
    (
        *("yaw", "pitch", "roll", "face_width", "jaw_width", "masculinity", "hair_length"),
        *("hair_volume", "hair_parting", "bald", "bangs", "beard"),
    ),
    (
        *("age", "eye_size", "eye_spacing", "nose_length", "nose_width", "mouth_width"),
        *("mouth_height", "mouth_open", "smile", "ear_size", "glasses", "hair_wave"),
    ),
    (
        *("eye_open", "gaze_x", "brow_raise", "brow_tilt", "brow_thickness", "lip_fullness"),
        *("glasses_shape", "light_x", "light_level", "skin_tone", "hair_grey", "lipstick"),
    ),
    (
        *("hair_hue", "background_hue", "background_lightness", "clothes_hue", "eye_color"),
        "glasses_color",
    ),
)
"""Factors by the chunk of z that shows them, coarse to fine; the rest of z is noise."""


def normal_scores(values: Tensor, generator: torch.Generator) -> Tensor:
    """Normal quantiles of the ranks of each column of ``[n, k]``, ties in random order."""
    shuffled = torch.randperm(len(values), generator=generator)
    ranks = values[shuffled].argsort(dim=0, stable=True).argsort(dim=0).double()
    scores = torch.empty_like(ranks)
    scores[shuffled] = torch.special.ndtri((ranks + 0.5) / len(values))
    return scores


def whitened(scores: Tensor, least: float = 1e-2) -> Tensor:
    """Columns ``[n, k]`` without correlations, each as close to its own as can be (ZCA).

    Args:
        scores: of unit variance.
        least: least eigenvalue of their covariance that counts.
    """
    values, vectors = torch.linalg.eigh(scores.T @ scores / len(scores))
    white: Tensor = scores @ (vectors * values.clamp(min=least).rsqrt()) @ vectors.T
    return white


class NormalCodes:
    """Codes of the faces of a folder.

    Args:
        factors: of all faces ``[n, len(FACTORS)]``.
        labels: their classes ``[n]``.
        chunk: length of a chunk of z, at least that of the longest of ``LAYERS``.
        chunks: how many, at least as many as ``LAYERS``.

    Raises:
        UserError: a chunk is too short, or there are too few.
    """

    def __init__(self, factors: Tensor, labels: Tensor, chunk: int, chunks: int) -> None:
        if chunk < max(map(len, LAYERS)) or chunks < len(LAYERS):
            raise UserError(
                f"z has {chunks} chunks of {chunk}; the factors take {len(LAYERS)} of "
                f"{max(map(len, LAYERS))} at least."
            )
        random = torch.Generator().manual_seed(0)
        self.scores = torch.zeros(factors.shape, dtype=torch.float64)
        for label in labels.unique():
            members = labels == label
            self.scores[members] = whitened(normal_scores(factors[members], random))
        self.places = torch.empty(len(FACTORS), dtype=torch.int64)
        for i, names in enumerate(LAYERS):
            for j, name in enumerate(names):
                self.places[NAMES.index(name)] = i * chunk + j
        turns = [_rotation(chunk, random) for _ in range(chunks)]
        self.rotation = torch.block_diag(*turns)

    def draw(self, index: Tensor) -> Tensor:
        """Codes ``[n, chunk * chunks]`` of the faces ``index``; what is noise is drawn anew."""
        z = torch.randn(len(index), len(self.rotation), dtype=torch.float64)
        z[:, self.places] = self.scores[index]
        turned: Tensor = z @ self.rotation
        return turned.float()


def _rotation(size: int, generator: torch.Generator) -> Tensor:
    gauss = torch.randn(size, size, generator=generator, dtype=torch.float64)
    rotation: Tensor = torch.linalg.qr(gauss).Q
    return rotation
