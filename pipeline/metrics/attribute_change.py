"""How far an edit moves each attribute, in standard deviations of the data."""

from typing import Protocol

from torch import Tensor

from pipeline.metrics.base import Estimate, PerSampleMetric
from pipeline.metrics.intervals import mean_estimate

UNWANTED = 0.5  # standard deviations: so far an attribute that was not meant is seen to change


class AttributePredictor(Protocol):
    """Reads attributes off images."""

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes, in the order of the columns."""

    def standardised(self, images: Tensor) -> Tensor:
        """Attributes ``[n, len(names)]`` in standard deviations of the data."""


class AttributeChange(PerSampleMetric):
    """Mean change of every predicted attribute from the original to the edited image.

    Numbers: one per attribute, under its name, with a t interval.
    """

    def __init__(self, predictor: AttributePredictor) -> None:
        super().__init__("attribute_change", tuple(predictor.names))
        self.predictor = predictor

    def compute(self) -> dict[str, Estimate]:
        """Means over the images."""
        samples = self.per_sample()
        return {name: mean_estimate(samples[name]) for name in self.columns}

    def _measure(self, original: Tensor, edited: Tensor, mask: Tensor) -> Tensor:
        return self.predictor.standardised(edited) - self.predictor.standardised(original)
