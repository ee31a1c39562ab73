"""Which part of an image a style channel acts on (StyleSpace, Wu et al. 2021, Sec. 4).

Every image says of every channel which semantic class its gradient falls on. A channel whose
gradient falls on one class in most of the images that show it is local to that class.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, one_hot

DISCOUNT = 2.0


def majority(labels: Tensor, size: int, classes: int) -> Tensor:
    """The most frequent class in each cell of a grid; the lowest where two are.

    Args:
        labels: int64 ``[n, H, H]``.
        size: cells along each side.
        classes: number of classes.

    Returns:
        int64 ``[n, size, size]``.
    """
    shares = one_hot(labels, classes).movedim(-1, 1).float()
    return adaptive_avg_pool2d(shares, size).argmax(dim=1)


def overlaps(maps: Tensor, labels: Tensor, classes: int) -> Tensor:
    """How much of each class lies where a channel acts most.

    As many of the strongest cells of a map are taken as the class has cells.

    Args:
        maps: magnitudes of gradients ``[k, cells]``.
        labels: classes of the cells, int64 ``[cells]``; those from ``classes`` on count for none.
        classes: number of classes.

    Returns:
        Cells shared with each class over the cells of the class ``[k, classes]``, float64; 0 for
        classes that the image does not show, and for maps that are zero everywhere.
    """
    ranked = labels[maps.argsort(dim=1, descending=True, stable=True)]
    areas = torch.bincount(labels, minlength=classes)[:classes]
    shares = torch.zeros(len(maps), classes, dtype=torch.float64, device=maps.device)
    for index, area in enumerate(areas.tolist()):
        if area:
            shares[:, index] = (ranked[:, :area] == index).double().mean(dim=1)
    return shares * (maps.amax(dim=1) > 0)[:, None]


def votes(shares: Tensor, areas: Tensor, discount: float = DISCOUNT) -> Tensor:
    """The class that each map falls on: the greatest overlap over ``area ** discount``.

    Args:
        shares: overlaps over areas, as :func:`overlaps` gives them ``[k, classes]``.
        areas: cells of each class ``[classes]``.
        discount: how much large classes are held back (2 in the paper's code).

    Returns:
        bool ``[k, classes]``, at most one True in a row.
    """
    weights = areas.double().clamp(min=1) ** (1 - discount)
    scores = shares * weights
    winners = one_hot(scores.argmax(dim=1), shares.shape[1]).bool()
    return winners & (scores > 0)


@dataclass(frozen=True, eq=False)
class Localisation:
    """What the images said.

    Attributes:
        counts: images in which a channel falls on a class, int64 ``[k, classes]``.
        images: images that show each class, int64 ``[classes]``.
    """

    counts: Tensor
    images: Tensor

    @property
    def rates(self) -> Tensor:
        """Share of the images that show a class in which a channel falls on it ``[k, classes]``."""
        return self.counts.double() / self.images.clamp(min=1)

    def local(self, target: int, min_rate: float, margin: float) -> Tensor:
        """Channels local to a class: a rate above one bound, and above all others by another.

        Returns:
            bool ``[k]``.
        """
        rates = self.rates
        others = rates.clone()
        others[:, target] = 0
        own = rates[:, target]
        return (own > min_rate) & (own - others.amax(dim=1) > margin)
