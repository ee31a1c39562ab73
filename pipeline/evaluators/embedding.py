"""Perceptual distances as squared lengths: d(a, b) = ||f(a) - f(b)||^2.

Each f is the channel-normalised activations of all levels (Zhang et al. 2018, Eq. 1), times the
square root of what Eq. 1 weights their squares by.
"""

import math
from typing import Any

import torch
from torch import Tensor

from pipeline.evaluators.base import fingerprint_of
from pipeline.evaluators.embedded import EmbeddedDistance
from pipeline.evaluators.lpips import LPIPS
from pipeline.evaluators.networks import unit


class EmbeddedFeatureVectors:
    """The vectors f of ``lpips_embedded``."""

    def __init__(self, distance: EmbeddedDistance) -> None:
        self.name, self.fingerprint = distance.name, fingerprint_of(distance)
        self._distance = distance

    def __call__(self, images: Tensor) -> Tensor:
        """``[n, f]`` of images ``[n, 3, H, W]`` in [-1, 1]."""
        levels = self._distance.trunk(self._distance.prepare(images)).levels
        return torch.cat([_flat(unit(x), 1 / len(levels)) for x in levels], dim=1)


class LPIPSFeatureVectors:
    """The vectors f of LPIPS.

    Where all channels of a position are zero, so is f, and its derivative; the package's own
    normalisation has none there (its epsilon is outside of the root).
    """

    def __init__(self, distance: LPIPS) -> None:
        self.name, self.fingerprint = distance.name, fingerprint_of(distance)
        self._distance = distance

    def __call__(self, images: Tensor) -> Tensor:
        """``[n, f]`` of images ``[n, 3, H, W]`` in [-1, 1]."""
        network: Any = self._distance.network
        scaled = network.scaling_layer(images.to(next(self._distance.parameters())))
        levels = network.net(scaled)
        heads = [head.model[-1].weight.flatten().clamp(min=0).sqrt() for head in network.lins]
        rows = [
            _flat(unit(x) * head[:, None, None], 1.0) for x, head in zip(levels, heads, strict=True)
        ]
        return torch.cat(rows, dim=1)


FeatureVectors = EmbeddedFeatureVectors | LPIPSFeatureVectors


def feature_vectors(distance: EmbeddedDistance | LPIPS) -> FeatureVectors:
    """The vectors f of a distance."""
    if isinstance(distance, EmbeddedDistance):
        return EmbeddedFeatureVectors(distance)
    return LPIPSFeatureVectors(distance)


def _flat(activations: Tensor, weight: float) -> Tensor:
    """Activations ``[n, c, h, w]`` as ``[n, c h w]``, so that squares add up to means over h, w."""
    pixels = activations.shape[2] * activations.shape[3]
    return activations.flatten(1) * math.sqrt(weight / pixels)
