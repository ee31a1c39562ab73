"""How different an edit makes the images look."""

from torch import Tensor

from pipeline.evaluators.base import PerceptualDistance
from pipeline.metrics.base import Estimate, PerSampleMetric
from pipeline.metrics.intervals import mean_estimate


class PerceptualChange(PerSampleMetric):
    """Mean perceptual distance of original and edited images (Zhang et al. 2018, LPIPS).

    One number under the distance's name (``lpips``, ``lpips_embedded``), 0 for equal images,
    lower is more alike, with a t interval.
    """

    def __init__(self, distance: PerceptualDistance) -> None:
        super().__init__(distance.name, (distance.name,))
        self.distance = distance

    def compute(self) -> dict[str, Estimate]:
        """The mean over images."""
        return {self.name: mean_estimate(self.per_sample()[self.name])}

    def _measure(self, original: Tensor, edited: Tensor, mask: Tensor) -> Tensor:
        return self.distance(original, edited)[:, None]
