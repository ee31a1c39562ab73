"""How good an evaluator is on held-out renders, each number with a bootstrap interval."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

RESAMPLES = 500


@dataclass(frozen=True)
class Score:
    """A number with its 95 % interval (percentile bootstrap over ``n`` units)."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def batches(images: Tensor, size: int = 64) -> Iterator[Tensor]:
    """The images in their order, some at a time."""
    for start in range(0, len(images), size):
        yield images[start : start + size]


def bootstrap(statistic: Callable[[Tensor], Tensor], n: int, seed: int = 0) -> list[Score]:
    """Scores of a statistic of the units ``index`` (int64 ``[n]``) that gives a vector ``[k]``."""
    generator = torch.Generator().manual_seed(seed)
    values = statistic(torch.arange(n))
    draws = [statistic(torch.randint(n, (n,), generator=generator)) for _ in range(RESAMPLES)]
    limits = torch.quantile(torch.stack(draws).double(), torch.tensor([0.025, 0.975]).double(), 0)
    return [
        Score(float(value), float(low), float(high), n)
        for value, low, high in zip(values, limits[0], limits[1], strict=True)
    ]


def overlaps(predicted: Tensor, labels: Tensor, parts: int) -> tuple[Tensor, Tensor]:
    """Intersections and unions in pixels, int64 ``[n, parts]``, of label maps ``[n, H, W]``."""
    ids = torch.arange(parts)[None, :, None, None]
    first, second = predicted[:, None] == ids, labels[:, None] == ids
    return (first & second).sum((2, 3)), (first | second).sum((2, 3))


def intersection_over_union(predicted: Tensor, labels: Tensor, parts: int) -> Tensor:
    """IoU ``[parts]``, pixels pooled over the images; a part that is nowhere counts as 1."""
    return _ratio(*(counts.sum(0) for counts in overlaps(predicted, labels, parts)))


def iou_scores(predicted: Tensor, labels: Tensor, parts: int) -> list[Score]:
    """IoU of every part, then their mean; units are images."""
    shared, either = overlaps(predicted, labels, parts)

    def statistic(index: Tensor) -> Tensor:
        ratio = _ratio(shared[index].sum(0), either[index].sum(0))
        return torch.cat([ratio, ratio.mean(0, keepdim=True)])

    return bootstrap(statistic, len(labels))


def determination(predicted: Tensor, truth: Tensor) -> Tensor:
    """Coefficient of determination R2 ``[F]`` of predictions ``[n, F]``: 1 - residual / total."""
    predicted, truth = predicted.double(), truth.double()
    residual = (predicted - truth).square().sum(0)
    return 1 - residual / (truth - truth.mean(0)).square().sum(0)


def r2_scores(predicted: Tensor, truth: Tensor) -> list[Score]:
    """R2 of every factor; units are images."""
    return bootstrap(lambda index: determination(predicted[index], truth[index]), len(truth))


def area_under_curve(positive: Tensor, negative: Tensor) -> Tensor:
    """Probability that a positive exceeds a negative, ties half (Mann-Whitney), as a scalar."""
    ordered = negative.double().sort().values
    below = torch.searchsorted(ordered, positive.double(), right=False)
    upto = torch.searchsorted(ordered, positive.double(), right=True)
    return (below + upto).double().mean() / (2 * len(ordered))


def _ratio(shared: Tensor, either: Tensor) -> Tensor:
    return torch.where(either > 0, shared / either.clamp(min=1), torch.ones(()))
