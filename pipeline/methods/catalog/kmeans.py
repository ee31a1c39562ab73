"""Spherical k-means (Dhillon & Modha 2001), and the sample of vectors that it runs on."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from pipeline.errors import UserError

CHUNK = 1 << 16  # vectors compared with the centroids at once


@dataclass(frozen=True, eq=False)
class Clustering:
    """Directions that vectors gather around.

    Attributes:
        centroids: unit rows ``[k, c]``, the largest cluster first.
        similarity: mean cosine between a vector and its centroid, what was maximised.
        iterations: steps of the best restart.
    """

    centroids: Tensor
    similarity: float
    iterations: int


def spherical_kmeans(
    vectors: Tensor,
    count: int,
    random: torch.Generator,
    restarts: int = 3,
    iterations: int = 100,
    tolerance: float = 1e-5,
) -> Clustering:
    """Clusters by cosine: a centroid is the normalised sum of its members.

    scikit-learn's k-means keeps centroids as means, whose lengths differ, so that on unit vectors
    it does not go by the cosine; only its seeding is used, which on unit vectors is right.

    Args:
        vectors: ``[n, c]``; their lengths do not count, vectors of zeros are left out.
        count: clusters, k.
        random: of the seeding.
        restarts: seedings tried; the greatest similarity wins.
        iterations: at most, of each.
        tolerance: gain in mean similarity at which to stop.

    Raises:
        UserError: there are fewer vectors than clusters.
    """
    units = normalize(vectors[vectors.square().sum(dim=1) > 0], dim=1)
    if not 1 <= count <= len(units):
        raise UserError(
            f"clusters={count}: there are {len(units)} vectors to cluster; use from 1 to "
            f"{len(units)} clusters, or more samples."
        )
    found = [
        _refine(units, _seeds(units, count, random), iterations, tolerance) for _ in range(restarts)
    ]
    return max(found, key=lambda clustering: clustering.similarity)


def nearest(units: Tensor, centroids: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine to, and index of, the nearest centroid of every unit vector, ``[n]`` each."""
    best = [(chunk @ centroids.to(chunk).T).max(dim=1) for chunk in units.split(CHUNK)]
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best])


def _seeds(units: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Vectors far from each other (k-means++, Arthur & Vassilvitskii 2007)."""
    from sklearn.cluster import kmeans_plusplus  # half a second to import

    seed = int(torch.randint(2**31 - 1, (), generator=random))
    _, chosen = kmeans_plusplus(units.cpu().numpy(), count, random_state=seed)
    return units[torch.from_numpy(chosen).to(units.device)]


def _refine(units: Tensor, centroids: Tensor, iterations: int, tolerance: float) -> Clustering:
    """Members to the nearest centroids and centroids to their members, in turn."""
    cosines, members = nearest(units, centroids)
    done = 0
    for done in range(1, iterations + 1):  # noqa: B007
        before = float(cosines.double().mean())
        centroids = _centroids(units, members, cosines, len(centroids))
        cosines, members = nearest(units, centroids)
        if float(cosines.double().mean()) - before <= tolerance:
            break
    order = torch.bincount(members, minlength=len(centroids)).argsort(descending=True, stable=True)
    return Clustering(centroids[order], float(cosines.double().mean()), done)


def _centroids(units: Tensor, members: Tensor, cosines: Tensor, count: int) -> Tensor:
    """Normalised sums; an empty cluster begins anew at the vector that is worst off."""
    sums = torch.zeros(count, units.shape[1], dtype=torch.float64, device=units.device)
    for part, to in zip(units.split(CHUNK), members.split(CHUNK), strict=True):
        sums.index_add_(0, to, part.double())
    empty = (torch.bincount(members, minlength=count) == 0).nonzero()[:, 0]
    if len(empty):
        sums[empty] = units[cosines.argsort()[: len(empty)]].double()
    return normalize(sums, dim=1).to(units)


class Reservoir:
    """A uniform sample of all vectors seen, of bounded size.

    Every vector gets a random number and those with the smallest stay, which does not depend on
    how the vectors come in batches.

    Args:
        size: vectors kept.
        seed: of the numbers.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.random = size, torch.Generator().manual_seed(seed)
        self.seen = 0
        self._numbers = torch.empty(0, dtype=torch.float64)
        self._vectors: Tensor | None = None

    def update(self, features: Tensor) -> None:
        """Take in the pixels of features ``[n, c, h, w]``, as vectors ``[n * h * w, c]``."""
        rows = features.movedim(1, -1).flatten(0, -2)
        numbers = torch.rand(len(rows), generator=self.random, dtype=torch.float64)
        self.seen += len(rows)
        if self._vectors is None:
            self._vectors = rows[:0].cpu()
        bound = self._numbers.max() if len(self._numbers) >= self.size else torch.inf
        near = (numbers < bound).nonzero()[:, 0]
        kept = torch.cat([self._numbers, numbers[near]])
        vectors = torch.cat([self._vectors, rows[near.to(rows.device)].cpu()])
        smallest = kept.argsort()[: self.size]
        self._numbers, self._vectors = kept[smallest], vectors[smallest]

    def vectors(self) -> Tensor:
        """The sample ``[m, c]``, in an order that does not depend on the batches either."""
        if self._vectors is None:
            raise ValueError("no vectors have been seen")
        return self._vectors
