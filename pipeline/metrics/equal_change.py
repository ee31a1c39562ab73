"""Two ways of editing compared where they change the region equally.

Any edit changes less elsewhere when it changes less altogether. So what counts is the error outside
at an equal error inside (Collins et al. 2020, Figure 7b and c), with an interval on the difference.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.metrics.base import Estimate

RESAMPLES = 2000
REACHED = 0.9  # share of the smallest greatest change that levels go up to: resamples reach it too


@dataclass(frozen=True)
class Sweep:
    """Errors of the same samples, edited with one method at several strengths.

    Attributes:
        inside: error inside the region ``[n, k]``, float64; NaN for a sample without the region.
        outside: error outside it, likewise.
    """

    inside: Tensor
    outside: Tensor

    def means(self) -> tuple[Tensor, Tensor]:
        """Mean error inside and outside at every strength, ``[k]`` each."""
        known = self.known()
        return self.inside[known].mean(0), self.outside[known].mean(0)

    def known(self) -> Tensor:
        """Which samples have both errors, bool ``[n]``."""
        return (self.inside.isfinite() & self.outside.isfinite()).all(1)


@dataclass(frozen=True)
class Comparison:
    """Error outside of one method over that of another, where both err equally inside.

    Attributes:
        levels: errors inside.
        ratios: the ratio at each; below 1 the first method is the more local.
        overall: their geometric mean.
    """

    levels: tuple[float, ...]
    ratios: tuple[Estimate, ...]
    overall: Estimate


def common_levels(sweeps: Sequence[Sweep], count: int = 5) -> tuple[float, ...]:
    """Errors inside, in equal steps, that all methods reach.

    Raises:
        UserError: one of them changes nothing inside, at any strength.
    """
    least = min(float(sweep.means()[0].max()) for sweep in sweeps)
    if not least > 0:
        raise UserError(
            "A method changes nothing inside the region at any strength, so there is no equal "
            "change to compare at: give greater strengths."
        )
    return tuple(REACHED * least * (i + 1) / count for i in range(count))


def compare(
    first: Sweep, second: Sweep, levels: Sequence[float], resamples: int = RESAMPLES, seed: int = 0
) -> Comparison:
    """Ratio of the errors outside at equal errors inside, with paired bootstrap intervals.

    Mean errors are interpolated linearly between strengths, in the order of the error inside, and
    from zero error inside and outside. Samples are resampled in pairs (Efron & Tibshirani 1993,
    chapter 13), so an interval holds what the two methods differ by on the same samples.

    Args:
        first: the method that is expected to change less outside.
        second: the other, on the same samples.
        levels: errors inside to compare at.
        resamples: how many times the samples are drawn again.
        seed: of the drawing.

    Raises:
        ValueError: the numbers of samples differ.
    """
    if len(first.inside) != len(second.inside):
        raise ValueError(f"{len(first.inside)} and {len(second.inside)} samples are no pairs")
    known = first.known() & second.known()
    pairs = [_errors(sweep, known) for sweep in (first, second)]
    n = int(known.sum())
    drawn = ((weights, weights) for weights in _weights(n, resamples, seed))
    return _comparison(pairs, levels, drawn, n)


def compare_apart(
    first: Sweep, second: Sweep, levels: Sequence[float], resamples: int = RESAMPLES, seed: int = 0
) -> Comparison:
    """The same of two generators, each of which has samples of its own and no pairs with the other.

    The samples of either are resampled by themselves.

    Args:
        first: the generator that is expected to change less outside.
        second: the other.
        levels: see :func:`compare`.
        resamples: likewise.
        seed: likewise.
    """
    pairs = [_errors(sweep, sweep.known()) for sweep in (first, second)]
    counts = [pair.shape[1] for pair in pairs]
    # As many at a time for both, so that draws of one meet draws of the other.
    most = max(counts)
    both = [_weights(n, resamples, seed + i, most) for i, n in enumerate(counts)]
    return _comparison(pairs, levels, zip(*both, strict=True), min(counts))


def _errors(sweep: Sweep, known: Tensor) -> Tensor:
    """Errors inside and outside of the samples that have both, float64 ``[2, n, k]``."""
    return torch.stack([sweep.inside[known], sweep.outside[known]]).double()


def _comparison(
    pairs: Sequence[Tensor],
    levels: Sequence[float],
    drawn: Iterable[tuple[Tensor, ...]],
    n: int,
) -> Comparison:
    """From the errors of both, and how often their samples are drawn, to ratios."""
    at = torch.tensor(list(levels), dtype=torch.float64)
    ones = [torch.ones(1, pair.shape[1], dtype=torch.float64) for pair in pairs]
    whole = _log_ratios(ones, pairs, at)[0]
    again = torch.cat([_log_ratios(weights, pairs, at) for weights in drawn])
    each = [_interval(whole[i], again[:, i], n) for i in range(len(at))]
    return Comparison(tuple(levels), tuple(each), _interval(whole.mean(), again.mean(1), n))


def interpolate(x: Tensor, y: Tensor, at: Tensor) -> Tensor:
    """Piecewise linear curves through (0, 0) and points, each curve with points of its own.

    Args:
        x: ``[b, k]``, in any order; beyond the greatest its y grows in proportion.
        y: ``[b, k]``.
        at: ``[m]``, not negative.

    Returns:
        ``[b, m]``.
    """
    x, order = torch.cat([x.new_zeros(len(x), 1), x], 1).sort(dim=1, stable=True)
    y = torch.cat([y.new_zeros(len(y), 1), y], 1).gather(1, order)
    places = at.expand(len(x), -1).contiguous()
    right = torch.searchsorted(x.contiguous(), places).clamp(1, x.shape[1] - 1)
    x0, x1, y0, y1 = (v.gather(1, i) for v in (x, y) for i in (right - 1, right))
    rise = torch.where(x1 > x0, (y1 - y0) / (x1 - x0), 0.0)
    beyond = y[:, -1:] * places / x[:, -1:]
    return torch.where(places > x[:, -1:], beyond, y0 + rise * (places - x0))


def _log_ratios(weights: Sequence[Tensor], pairs: Sequence[Tensor], at: Tensor) -> Tensor:
    """Log ratios ``[b, m]`` of weighted means, with weights ``[b, n]`` of both."""
    outside = []
    for drawn, (inner, outer) in zip(weights, pairs, strict=True):
        total = drawn.sum(1, keepdim=True)
        outside.append(interpolate(drawn @ inner / total, drawn @ outer / total, at))
    return outside[0].log() - outside[1].log()


def _weights(n: int, resamples: int, seed: int, widest: int = 0) -> Iterator[Tensor]:
    """How often every sample is drawn, ``[b, n]``, in blocks of at most 8 MB.

    Blocks are as long as those of ``widest`` samples where that is more.
    """
    generator = torch.Generator().manual_seed(seed)
    most = max(1, 1_000_000 // max(1, n, widest))
    for start in range(0, resamples, most):
        drawn = torch.randint(max(1, n), (min(most, resamples - start), n), generator=generator)
        counts = torch.zeros(drawn.shape, dtype=torch.float64)
        yield counts.scatter_add_(1, drawn, torch.ones_like(counts))


def _interval(log_value: Tensor, drawn: Tensor, n: int) -> Estimate:
    ends = drawn.exp().quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return Estimate(float(log_value.exp()), (ends[0], ends[1]), n)
