"""All metrics of a run at one strength, as one thing that updates, merges and is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.utils import get_class
from torch import Tensor

from pipeline.domains.judges import NOBODY, Judges
from pipeline.errors import UserError
from pipeline.evaluators.base import fingerprint_of
from pipeline.metrics.attribute_change import AttributeChange, AttributePredictor
from pipeline.metrics.base import Estimate, Metric
from pipeline.metrics.feature_statistics import FeatureStatistics
from pipeline.metrics.frechet import FrechetDistance
from pipeline.metrics.identity import IdentitySimilarity
from pipeline.metrics.masked_mse import MaskedMSE
from pipeline.metrics.perceptual import PerceptualChange
from pipeline.metrics.ssim import SSIM

Recipe = tuple[str, type[Metric], tuple[Any, ...], Mapping[str, Any]]


@dataclass
class Measures:
    """The metrics of one strength by name.

    Attributes:
        metrics: quality and locality of the edit.
        attributes: what the edit does to every attribute.
    """

    metrics: dict[str, Metric]
    attributes: AttributeChange

    def update(self, original: Tensor, edited: Tensor, mask: Tensor, index: Tensor) -> None:
        """Take in one batch of pairs; see :meth:`Metric.update`."""
        for metric in self.all():
            metric.update(original, edited, mask, index)

    def all(self) -> list[Metric]:
        """Every metric, the attributes last."""
        return [*self.metrics.values(), self.attributes]

    def merge(self, other: "Measures") -> None:
        """Take in other samples of the same strength."""
        for mine, theirs in zip(self.all(), other.all(), strict=True):
            mine.merge(theirs)

    def compute(self) -> dict[str, Estimate]:
        """Every number but the attributes'."""
        return {k: v for metric in self.metrics.values() for k, v in metric.compute().items()}

    def state(self) -> dict[str, Tensor]:
        """All states side by side."""
        return {f"{m.name}/{k}": v for m in self.all() for k, v in m.state().items()}


@dataclass(frozen=True)
class MeasureFactory:
    """Makes the metrics of a run, empty or from a state.

    Attributes:
        judges: the evaluators.
        reference: statistics of the data; None where no Fréchet distance is asked for.
        predictor: reads the attributes.
        mse: whether to measure it; likewise ``ssim``.
        further: metrics of a user's own by name: ``_target_``, a class, and what it is made with.
    """

    judges: Judges
    reference: FeatureStatistics | None
    predictor: AttributePredictor
    mse: bool = True
    ssim: bool = True
    further: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """What the numbers depend on: the metrics and the networks behind them."""
        judges = [self.judges.features, self.judges.identity, self.judges.distance, self.predictor]
        return {
            "signatures": [metric.signature for metric in self.new().all()],
            "judges": [fingerprint_of(judge) for judge in judges if judge is not None],
        }

    def locality(self) -> "MeasureFactory":
        """What directions are compared by: squared errors and attributes alone."""
        return MeasureFactory(NOBODY, None, self.predictor, ssim=False)

    def new(self) -> Measures:
        """Metrics that have seen nothing.

        Raises:
            UserError: one of the user's own is called something else than it is configured as.
        """
        metrics = {name: cls(*args, **options) for name, cls, args, options in self._recipes()}
        for name in self.further:
            if (own := metrics[name].name) != name:
                raise UserError(
                    f"metric.further.{name}: its class calls it '{own}'; use one name for both."
                )
        return Measures(metrics, AttributeChange(self.predictor))

    def from_state(self, state: Mapping[str, Tensor]) -> Measures:
        """Metrics as :meth:`Measures.state` wrote them."""
        return Measures(
            {
                name: cls.from_state(_under(name, state), *args, **options)
                for name, cls, args, options in self._recipes()
            },
            AttributeChange.from_state(_under("attribute_change", state), self.predictor),
        )

    def _recipes(self) -> list[Recipe]:
        """Name, class and constructor arguments of every metric."""
        judges, recipes = self.judges, list[Recipe]()
        if self.mse:
            recipes.append(("mse", MaskedMSE, (), {}))
        if judges.features is not None:
            arguments = (judges.features, self.reference)
            recipes.append((judges.features.name, FrechetDistance, arguments, {}))
        if self.ssim:
            recipes.append(("ssim", SSIM, (), {}))
        if judges.identity is not None:
            recipes.append((judges.identity.name, IdentitySimilarity, (judges.identity,), {}))
        if judges.distance is not None:
            recipes.append((judges.distance.name, PerceptualChange, (judges.distance,), {}))
        return [*recipes, *(_own(name, options) for name, options in self.further.items())]


def _own(name: str, settings: Mapping[str, Any]) -> Recipe:
    """The recipe of a metric of the user's own."""
    options = dict(settings)
    return name, get_class(str(options.pop("_target_"))), (), options


def _under(name: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    prefix = f"{name}/"
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
