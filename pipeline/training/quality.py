"""How good a generator of the embedded domain is: what its samples hold, against the data.

Parts, factors and features are read by the embedded evaluators off samples and data alike, so
that their own mistakes weigh on both sides. The data's numbers are taken as known; intervals (95 %)
are those of the samples.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from pipeline.datasets.procfaces.factors import FACTORS, NAMES, ONSETS
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.evaluators import shipped
from pipeline.evaluators.embedded import AttributeRegressor, EmbeddedFeatures, FaceParser
from pipeline.evaluators.quality import Score, bootstrap
from pipeline.generators.base import Generator
from pipeline.metrics.feature_statistics import FeatureStatistics, Moments
from pipeline.metrics.frechet import frechet_distance
from pipeline.metrics.intervals import jackknife_estimate

FOUND = ("skin", "eyes", "brows", "nose", "mouth")
RARE = ("glasses", "beard", "mouth_open", "bald")
FEWEST = 0.005  # quantile of a part's area in the data whose half still counts as found
GROUPS = 10  # of the jackknife
BATCH = 64

LEAST_FOUND, LEAST_SPREAD, LARGEST_RATIO, LARGEST_DISTANCE = 0.98, 0.70, 1.5, 10.0


@dataclass(frozen=True)
class Readings:
    """What the evaluators read off n images.

    Attributes:
        areas: pixels of each part, int64 ``[n, len(PARTS)]``.
        factors: values of the factors ``[n, len(FACTORS)]``.
        features: the features of ``fd_embedded`` ``[n, d]``.
    """

    areas: Tensor
    factors: Tensor
    features: Tensor

    def __len__(self) -> int:
        return len(self.areas)

    def __getitem__(self, part: slice) -> "Readings":
        return Readings(self.areas[part], self.factors[part], self.features[part])


@dataclass(frozen=True)
class Readers:
    """The evaluators that a generator is judged by."""

    parser: FaceParser
    regressor: AttributeRegressor
    features: EmbeddedFeatures

    @classmethod
    def load(cls, folder: Path = shipped.FOLDER) -> Self:
        """The shipped ones.

        Raises:
            UserError: one is missing or damaged.
        """
        parser, regressor = FaceParser.load(folder), AttributeRegressor.load(folder)
        return cls(parser, regressor, EmbeddedFeatures.load(folder))

    @torch.inference_mode()
    def read(self, batches: Iterable[Tensor]) -> Readings:
        """Read batches of images ``[n, 3, H, W]`` in [-1, 1]."""
        areas, factors, features = [], [], []
        for images in batches:
            labels = self.parser.parse(images)
            areas.append(torch.stack([(labels == i).sum((1, 2)) for i in range(len(PARTS))], 1))
            factors.append(self.regressor.predict(images))
            features.append(self.features(images))
        return Readings(torch.cat(areas), torch.cat(factors), torch.cat(features))


@dataclass(frozen=True)
class Bar:
    """A requirement and how it is met.

    Attributes:
        kind: ``found``, ``spread``, ``rate`` or ``distance``.
        name: the part, factor or distance.
        score: what was measured: a share for ``found``, else a ratio of samples to data.
        allowed: least and largest value.
        detail: the numbers behind a ratio.
    """

    kind: str
    name: str
    score: Score
    allowed: tuple[float, float]
    detail: str = ""

    @property
    def holds(self) -> bool:
        """Whether the value itself is allowed."""
        return self.allowed[0] <= self.score.value <= self.allowed[1]


@torch.inference_mode()
def sample_images(generator: Generator, n: int, seed: int) -> Iterator[Tensor]:
    """Batches of samples, clamped to [-1, 1]; n images in all."""
    codes = generator.sample(n, torch.Generator().manual_seed(seed))
    for start in range(0, n, BATCH):
        yield generator.render(codes[start : start + BATCH]).clamp(-1, 1).cpu()


def assess(samples: Readings, data: Readings, readable: Iterable[str]) -> tuple[Bar, ...]:
    """Hold samples against data.

    Args:
        samples: n readings.
        data: 2 n readings; the first half is the reference of the distance.
        readable: factors that the regressor reads well enough.
    """
    return (
        *_found(samples, data),
        *_spreads(samples, data, [NAMES.index(name) for name in readable]),
        *_rates(samples, data),
        _distance(samples, data),
    )


def least_areas(data: Readings) -> Tensor:
    """Pixels from which a part counts as found, ``[len(PARTS)]``.

    Half of the area that all but 0.5 % of the data have, in whole pixels, and at least one.
    """
    smallest = torch.quantile(data.areas.double(), FEWEST, dim=0)
    return (smallest / 2).ceil().clamp(min=1)


def _found(samples: Readings, data: Readings) -> Iterator[Bar]:
    least = least_areas(data)
    columns = [PARTS.index(part) for part in FOUND]
    there = (samples.areas >= least)[:, columns].double()
    scores = bootstrap(lambda index: there[index].mean(0), len(there))
    of_data = (data.areas >= least)[:, columns].double().mean(0)
    for i, part in enumerate(FOUND):
        detail = f"at least {least[columns[i]]:g} pixels; {of_data[i]:.1%} of the data"
        yield Bar("found", part, scores[i], (LEAST_FOUND, 1.0), detail)


def _spreads(samples: Readings, data: Readings, columns: list[int]) -> Iterator[Bar]:
    values, of_data = samples.factors[:, columns], data.factors[:, columns].std(0)
    scores = bootstrap(lambda index: values[index].std(0) / of_data, len(values))
    for i, column in enumerate(columns):
        detail = f"standard deviation {values[:, i].std():.3f}, of the data {of_data[i]:.3f}"
        yield Bar("spread", NAMES[column], scores[i], (LEAST_SPREAD, float("inf")), detail)


def _rates(samples: Readings, data: Readings) -> Iterator[Bar]:
    """Shares of images that have what many lack: half of its least value where it is there."""
    columns = [NAMES.index(name) for name in RARE]
    lows = [FACTORS[i].low + (FACTORS[i].high - FACTORS[i].low) * ONSETS[NAMES[i]][1] / 2
            for i in columns]  # fmt: skip
    thresholds = torch.tensor(lows)
    there = (samples.factors[:, columns] > thresholds).double()
    of_data = (data.factors[:, columns] > thresholds).double().mean(0)
    scores = bootstrap(lambda index: there[index].mean(0) / of_data, len(there))
    for i, name in enumerate(RARE):
        detail = f"{there[:, i].mean():.1%} of samples, {of_data[i]:.1%} of the data"
        yield Bar("rate", name, scores[i], (1 / LARGEST_RATIO, LARGEST_RATIO), detail)


def _distance(samples: Readings, data: Readings) -> Bar:
    """``fd_embedded`` of the samples over that of as many images of the data."""
    n = len(samples)
    reference = FeatureStatistics.of("fd_embedded", Moments.of(data.features[:n]))

    def distance(moments: Moments) -> float:
        return frechet_distance(
            reference.mean, reference.covariance, moments.mean, moments.covariance()
        )

    whole = Moments.of(samples.features)
    parts = [Moments.of(samples.features[group::GROUPS]) for group in range(GROUPS)]
    floor = distance(Moments.of(data.features[n : 2 * n]))
    replicates = [distance(whole - part) / floor for part in parts]
    estimate = jackknife_estimate(distance(whole) / floor, replicates, n)
    score = Score(estimate.value, *estimate.ci95, n)
    detail = f"{distance(whole):.3f}, between two halves of the data {floor:.3f}, each of {n}"
    return Bar("distance", "fd_embedded", score, (0.0, LARGEST_DISTANCE), detail)
