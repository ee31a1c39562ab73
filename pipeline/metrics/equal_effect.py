"""Distances to the data of two edits, compared where both have changed an attribute equally.

The more an edit does, the further images move away from the data; so what counts is the distance at
an equal effect (NaviGAN, Cherepkov et al. 2021, Sec. 4.2, calibrates magnitudes by eye for that).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.metrics.base import Estimate
from pipeline.metrics.intervals import jackknife_estimate

LEVELS = 4
REACHED = 0.95  # share of the smaller of the greatest effects that levels go up to
LEAST = 0.25  # standard deviations: with less of an effect there is nothing to compare


@dataclass(frozen=True, eq=False)
class Course:
    """An edit over its strength; the first point is the unedited images.

    Attributes:
        strengths: ``[k]``, 0 at first.
        effects: mean change of the attribute ``[k]``, in standard deviations, 0 at first.
        distances: Fréchet distances ``[k]``.
        replicates: the same without each group of samples ``[k, g]``.
        n: samples behind each.
    """

    strengths: Tensor
    effects: Tensor
    distances: Tensor
    replicates: Tensor
    n: int

    def side(self, sense: int) -> Tensor:
        """Indices of the points that raise the attribute (1) or lower it (-1), from nothing on.

        Of points with the same effect the weaker edit counts: those are left out that do no more
        than a smaller strength does, since an effect that is past its greatest has other costs.
        """
        found, most = [0], 0.0
        for index in self.strengths.abs().argsort(stable=True).tolist():
            if float(sense * self.effects[index]) > most:
                found.append(index)
                most = float(sense * self.effects[index])
        return torch.tensor(found)

    def reach(self, sense: int) -> float:
        """The greatest effect in a sense."""
        return float((sense * self.effects).max())

    def at(self, levels: Sequence[float], sense: int) -> tuple[Tensor, Tensor]:
        """Distances ``[m]`` and replicates ``[m, g]`` at effects of a size, interpolated."""
        rows = self.side(sense)
        places = (sense * self.effects[rows]).numpy()
        table = torch.cat([self.distances[:, None], self.replicates], 1)[rows].numpy()
        columns = [np.interp(levels, places, column) for column in table.T]
        found = torch.from_numpy(np.stack(columns, axis=1))
        return found[:, 0], found[:, 1:]


def common_levels(first: float, second: float) -> tuple[float, ...]:
    """Equal steps of an effect that two edits reach; none where one of them does next to nothing.

    Args:
        first: the greatest effect of one.
        second: of the other.
    """
    most = REACHED * min(first, second)
    return tuple(most * (i + 1) / LEVELS for i in range(LEVELS)) if most >= LEAST else ()


def excess(
    first: Course, second: Course, levels: Sequence[float], senses: tuple[int, int] = (1, 1)
) -> Estimate:
    """By how much the distance of one exceeds that of another, averaged over equal effects.

    Both saw the same samples, of which the jackknife leaves out the same: the interval is that of
    the difference.

    Args:
        first: an edit.
        second: another of the same samples, or the same edit.
        levels: sizes of the effect.
        senses: which way each changes the attribute.

    Raises:
        ValueError: their samples fall into different groups.
    """
    if first.n != second.n or first.replicates.shape[1] != second.replicates.shape[1]:
        raise ValueError("distances of different samples are no pairs")
    (mine, my_others), (theirs, their_others) = (
        course.at(levels, sense) for course, sense in zip((first, second), senses, strict=True)
    )
    replicates: list[float] = (my_others - their_others).mean(0).tolist()
    value = float((mine - theirs).mean())
    return jackknife_estimate(value, replicates, first.n, least=-torch.inf)
