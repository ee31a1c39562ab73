"""Metrics of a user's own among those of a run."""

import pytest
import torch
from torch import Tensor

from pipeline.absent import describe, described
from pipeline.domains.base import NoPredictor
from pipeline.domains.judges import NOBODY
from pipeline.errors import UserError
from pipeline.measures import MeasureFactory
from pipeline.metrics.base import Estimate, PerSampleMetric
from pipeline.metrics.intervals import mean_estimate


class Brighter(PerSampleMetric):
    """How much brighter images become, times a factor."""

    def __init__(self, factor: float = 1.0, name: str = "brighter") -> None:
        super().__init__(name, (name,), f"factor={factor}")
        self.factor = factor

    def compute(self) -> dict[str, Estimate]:
        return {self.name: mean_estimate(self.per_sample()[self.name])}

    def _measure(self, original: Tensor, edited: Tensor, mask: Tensor) -> Tensor:
        return self.factor * (edited - original).flatten(1).mean(1, keepdim=True)


def factory(**options: object) -> MeasureFactory:
    own = {"brighter": {"_target_": f"{__name__}.Brighter", **options}}
    return MeasureFactory(NOBODY, None, NoPredictor(), mse=False, ssim=False, further=own)


def test_it_is_measured_stored_and_merged() -> None:
    made = factory(factor=2.0)
    first, second = made.new(), made.new()
    dark, bright = torch.zeros(3, 3, 4, 4), torch.full((3, 3, 4, 4), 0.25)
    for number, measures in enumerate((first, second)):
        measures.update(dark, bright, torch.ones(4, 4), torch.arange(3) + 3 * number)
    again = described(describe(made), {}).from_state(first.state())
    again.merge(made.from_state(second.state()))
    found = again.compute()["brighter"]
    assert (found.value, found.n) == (pytest.approx(0.5), 6)
    assert made.settings()["signatures"] != factory(factor=3.0).settings()["signatures"]
    assert not made.locality().further


def test_one_name_for_both() -> None:
    with pytest.raises(UserError, match="calls it 'other'"):
        factory(name="other").new()
