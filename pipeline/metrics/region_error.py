"""Change of each sample inside and outside the region, and nothing else: cheap at many settings."""

from torch import Tensor, stack

from pipeline.metrics.base import Estimate, PerSampleMetric
from pipeline.metrics.intervals import mean_estimate
from pipeline.metrics.masked_mse import region_means


class RegionError(PerSampleMetric):
    """In- and Out-MSE of every sample (Collins et al. 2020, Figure 7b and c).

    Squared error per pixel and channel on RGB in [0, 1], as :class:`MaskedMSE` has it, without
    CIELAB and without maps. Numbers: ``mse_in`` and ``mse_out``, with t intervals; an image
    without the region has no ``mse_in``.
    """

    def __init__(self) -> None:
        super().__init__("region_error", ("mse_in", "mse_out"))

    def compute(self) -> dict[str, Estimate]:
        """The means over the images."""
        samples = self.per_sample()
        return {name: mean_estimate(samples[name]) for name in self.columns}

    def _measure(self, original: Tensor, edited: Tensor, mask: Tensor) -> Tensor:
        errors = (original - edited).square().mean(1).double() / 4  # from [-1, 1] to [0, 1]
        return stack(region_means(errors, mask.double()), 1)
