"""Whether an edit leaves the person the same."""

import torch
from torch import Tensor

from pipeline.evaluators.base import IdentityEmbedder
from pipeline.metrics.base import Estimate, PerSampleMetric
from pipeline.metrics.intervals import fraction_estimate, mean_estimate


class IdentitySimilarity(PerSampleMetric):
    """Cosine of the identities of original and edited images (Deng et al. 2019, ArcFace).

    Numbers: the embedder's name (``id``, ``id_embedded``), the mean over the pairs with a face in
    both images, in [-1, 1], higher is more alike, with a t interval; and the same name followed by
    ``_undetected``, the fraction of pairs left out because a face was missing, with Wilson's
    interval and all pairs as its n.
    """

    def __init__(self, embedder: IdentityEmbedder) -> None:
        super().__init__(embedder.name, (embedder.name,))
        self.embedder = embedder

    def compute(self) -> dict[str, Estimate]:
        """The mean over pairs, and the fraction of pairs it could not count."""
        cosines = self.per_sample()[self.name]
        undetected = int(cosines.isnan().sum())
        return {
            self.name: mean_estimate(cosines),
            f"{self.name}_undetected": fraction_estimate(undetected, len(cosines)),
        }

    def _measure(self, original: Tensor, edited: Tensor, mask: Tensor) -> Tensor:
        before, after = self.embedder(original), self.embedder(edited)
        cosines = (before.vectors.double() * after.vectors.double()).sum(1).clamp(-1, 1)
        return torch.where(before.valid & after.valid, cosines, torch.nan)[:, None]
