"""95 % intervals: Student's t for means, bootstrap for ratios, jackknife for distances."""

import math

import torch
from scipy.special import stdtrit
from torch import Tensor

from pipeline.metrics.base import Estimate

NAN = float("nan")
BOOTSTRAP_RESAMPLES = 2000


def mean_estimate(values: Tensor) -> Estimate:
    """Mean of the values that are not NaN, with Student's t interval.

    Sums are correctly rounded (``math.fsum``), so the answer does not depend on any order.

    Args:
        values: ``[n]``, one per sample; samples are taken as independent.
    """
    known = values[~values.isnan()].tolist()
    n = len(known)
    if n == 0:
        return Estimate(NAN, (NAN, NAN), 0)
    mean = math.fsum(known) / n
    if n == 1 or not math.isfinite(mean):
        return Estimate(mean, (NAN, NAN), n)
    variance = math.fsum((x - mean) ** 2 for x in known) / (n - 1)
    half = float(stdtrit(n - 1, 0.975)) * math.sqrt(variance / n)
    return Estimate(mean, (mean - half, mean + half), n)


def ratio_estimate(numerator: Tensor, denominator: Tensor, seed: int = 0) -> Estimate:
    """Ratio of two means over the samples that have both, with a percentile bootstrap interval.

    Samples are resampled in pairs (Efron & Tibshirani 1993, chapter 13), with a fixed seed.

    Args:
        numerator: ``[n]``, sorted by sample; NaN where undefined.
        denominator: ``[n]``, likewise. A mean of 0 gives an infinite ratio (NaN for 0 / 0).
        seed: of the resampling.
    """
    both = ~(numerator.isnan() | denominator.isnan())
    pairs = torch.stack([numerator[both], denominator[both]])
    n = pairs.shape[1]
    if n == 0:
        return Estimate(NAN, (NAN, NAN), 0)
    above, below = (torch.tensor(math.fsum(row.tolist()), dtype=torch.float64) for row in pairs)
    value = (above / below).item()
    return Estimate(value, _bootstrap_ratio(pairs, seed) if n > 1 else (NAN, NAN), n)


def _bootstrap_ratio(pairs: Tensor, seed: int) -> tuple[float, float]:
    n = pairs.shape[1]
    generator = torch.Generator().manual_seed(seed)
    chunk = max(1, 4_000_000 // n)  # resamples at once: at most 64 MB of gathered pairs
    ratios = []
    for start in range(0, BOOTSTRAP_RESAMPLES, chunk):
        count = min(chunk, BOOTSTRAP_RESAMPLES - start)
        above, below = pairs[:, torch.randint(n, (count, n), generator=generator)].sum(-1)
        ratios.append(above / below)
    ordered = torch.cat(ratios).sort().values
    if ordered[-1].isnan():
        return NAN, NAN
    tail = int(0.025 * BOOTSTRAP_RESAMPLES)
    return ordered[tail].item(), ordered[-1 - tail].item()


def jackknife_estimate(
    value: float, replicates: list[float], n: int, least: float = 0.0
) -> Estimate:
    """An estimate with the interval of a delete-a-group jackknife (Kott 2001).

    It covers the noise of sampling at this n, not the bias that a distance between finite samples
    has.

    Args:
        value: the estimate from all samples.
        replicates: the estimate without each of the (about equally large) groups.
        n: number of samples.
        least: what the interval ends at: 0, as a distance does.
    """
    groups = len(replicates)
    if groups < 2 or not all(map(math.isfinite, replicates)):
        return Estimate(value, (NAN, NAN), n)
    mean = math.fsum(replicates) / groups
    spread = math.fsum((x - mean) ** 2 for x in replicates)
    half = float(stdtrit(groups - 1, 0.975)) * math.sqrt(spread * (groups - 1) / groups)
    return Estimate(value, (max(least, value - half), value + half), n)


def fraction_estimate(count: int, n: int) -> Estimate:
    """A fraction ``count / n`` with Wilson's score interval (Wilson 1927)."""
    if n == 0:
        return Estimate(NAN, (NAN, NAN), 0)
    z2 = 1.959963984540054**2
    p = count / n
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return Estimate(p, (max(0.0, centre - half), min(1.0, centre + half)), n)
