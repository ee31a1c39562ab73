"""Metrics without the networks behind them: enough to merge what others measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from pipeline.domains.judges import Judges
from pipeline.measures import MeasureFactory
from pipeline.metrics.feature_statistics import FeatureStatistics


@dataclass(frozen=True)
class Absent:
    """Stands for a network that measured elsewhere.

    Attributes:
        name: the network's.
        dim: length of its features, where it makes any.
        names: what it predicts, where it does.
    """

    name: str
    dim: int = 0
    names: tuple[str, ...] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(f"{self.name} is known by name only and cannot look at images")

    standardised = __call__


def describe(factory: MeasureFactory) -> dict[str, Any]:
    """What :func:`described` needs to know of the metrics of a run, as JSON can hold it."""
    judges, features = factory.judges, factory.judges.features
    return {
        "mse": factory.mse,
        "ssim": factory.ssim,
        "further": {name: dict(options) for name, options in factory.further.items()},
        "features": {"name": features.name, "dim": features.dim} if features else None,
        "identity": judges.identity.name if judges.identity else None,
        "distance": judges.distance.name if judges.distance else None,
        "attributes": list(factory.predictor.names),
    }


def described(notes: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> MeasureFactory:
    """The factory that notes were taken of; it reads and merges states, and measures nothing.

    Args:
        notes: what :func:`describe` gave.
        tensors: ``reference/mean`` and ``reference/covariance``, where there is a reference set.
    """
    features = Absent(**notes["features"]) if notes["features"] else None
    identity, distance = (
        Absent(notes[kind]) if notes[kind] else None for kind in ("identity", "distance")
    )
    reference = None
    if features and "reference/mean" in tensors:
        mean, covariance = tensors["reference/mean"], tensors["reference/covariance"]
        reference = FeatureStatistics(features.name, None, mean, covariance)
    return MeasureFactory(
        Judges(features, identity, distance),
        reference,
        Absent("predictor", names=tuple(notes["attributes"])),
        notes["mse"],
        notes["ssim"],
        notes.get("further", {}),
    )
