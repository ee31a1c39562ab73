"""Measuring the features and the perceptual distance: do they grow with what changed?"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.datasets.procfaces.factors import FACTORS, sample_factors
from pipeline.datasets.procfaces.render import render
from pipeline.evaluators.embedded import EmbeddedDistance, EmbeddedFeatures
from pipeline.evaluators.quality import Score, batches, bootstrap
from pipeline.evaluators.training import seeded


@dataclass(frozen=True)
class Comparison:
    """Mean distances between faces and changed versions of them.

    Attributes:
        change: what was changed.
        perceptual: mean of ``lpips_embedded``.
        features: mean Euclidean distance of the features.
    """

    change: str
    perceptual: Score
    features: Score


def compare(
    features: EmbeddedFeatures, distance: EmbeddedDistance, n: int, seed: int = 1_000_003
) -> list[Comparison]:
    """Distances on ``n`` fresh renders under changes from least to most."""
    images, changed = _pairs(n, seed)
    results = []
    for change, others in changed.items():
        pairs = list(zip(batches(images), batches(others), strict=True))
        perceptual = torch.cat([distance(a, b) for a, b in pairs])
        euclidean = torch.cat([(features(a) - features(b)).norm(dim=1) for a, b in pairs])
        both = torch.stack([perceptual, euclidean], 1)
        scores = bootstrap(lambda index, both=both: both[index].mean(0), n)  # type: ignore[misc]
        results.append(Comparison(change, *scores))
    return results


def _pairs(n: int, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
    generator = seeded("pairs", seed)
    factors, fresh = sample_factors(n, generator), sample_factors(n, generator)
    images = render(factors).images
    noise = 0.02 * torch.randn(images.shape, generator=generator)
    changed = {"noise of 0.02": images + noise}
    for group in ("expression", "scene", "identity"):
        chosen = torch.tensor([factor.group == group for factor in FACTORS])
        changed[f"{group} drawn anew"] = render(torch.where(chosen, fresh, factors)).images
    changed["all drawn anew"] = render(fresh).images
    return images, changed
