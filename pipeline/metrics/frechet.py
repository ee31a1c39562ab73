"""Fréchet distance between the features of edited images and those of a reference set."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.evaluators.base import FeatureExtractor
from pipeline.metrics.base import Estimate, Metric
from pipeline.metrics.feature_statistics import FeatureStatistics, Moments, StreamingMoments
from pipeline.metrics.intervals import jackknife_estimate


def covariance_factor(covariance: Tensor) -> Tensor:
    """F ``[d, rank]`` with F F' equal to a covariance ``[d, d]``; rounding is no rank."""
    values, vectors = torch.linalg.eigh(covariance)
    kept = values > _floor(values)
    factor: Tensor = vectors[:, kept] * values[kept].sqrt()
    return factor


def frechet_distance(
    mean_a: Tensor,
    covariance_a: Tensor,
    mean_b: Tensor,
    covariance_b: Tensor,
    factor_a: Tensor | None = None,
) -> float:
    """Fréchet distance of two Gaussians (Dowson & Landau 1982; FID: Heusel et al. 2017, eq. 6).

    |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)). The trace of the root is taken from the
    eigenvalues of F' C_b F with F F' = C_a: a symmetric problem, real for singular covariances
    too, and much faster than a matrix square root.

    Args:
        mean_a: ``[d]``, float64.
        covariance_a: ``[d, d]``, symmetric.
        mean_b: likewise.
        covariance_b: likewise.
        factor_a: :func:`covariance_factor` of ``covariance_a``, where it is used again and again.
    """
    factor = covariance_factor(covariance_a) if factor_a is None else factor_a
    values = torch.linalg.eigvalsh(factor.T @ covariance_b @ factor)
    root = values[values > _floor(values)].sqrt().sum()
    distance = (mean_a - mean_b).square().sum() + covariance_a.trace() + covariance_b.trace()
    return max(0.0, float(distance - 2 * root))


def _floor(eigenvalues: Tensor) -> Tensor:
    """What an eigenvalue must exceed to be more than the rounding of a zero.

    Singular covariances of up to 2048 dimensions show zeros as up to 3 eps; their many square
    roots would add up, and so would those of true eigenvalues if the floor were much higher.
    """
    largest = eigenvalues.max().clamp(min=0) if len(eigenvalues) else eigenvalues.sum()
    return 10 * torch.finfo(eigenvalues.dtype).eps * largest


class FrechetDistance(Metric):
    """Fréchet distance of the edited images' features, with a delete-a-group jackknife interval.

    Samples fall into groups by index, whose moments are kept apart; leaving each out in turn gives
    the interval without any features held. The interval is for this n: the distance itself falls
    as n grows, so compare equal n only. A given reference is taken as known exactly.

    One number, under the extractor's name (``fid``, ``fd_embedded``) for a given reference set,
    with ``_unedited`` after it where the unedited images of the same samples are the reference.

    Args:
        extractor: what makes the features.
        reference: statistics of the reference set; None for the unedited images.
        groups: how many groups the samples fall into.

    Raises:
        UserError: the reference is of another network's features.
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        reference: FeatureStatistics | None = None,
        groups: int = 10,
    ) -> None:
        _check_reference(extractor, reference)
        name = extractor.name if reference else f"{extractor.name}_unedited"
        against = reference.fingerprint if reference else "unedited"
        super().__init__(name, f"dim={extractor.dim}, groups={groups}, reference={against}")
        self.extractor, self.reference = extractor, reference
        sides = ("edited",) if reference else ("edited", "original")
        self._groups = {s: [StreamingMoments(extractor.dim) for _ in range(groups)] for s in sides}

    def compute(self) -> dict[str, Estimate]:
        """The distance of all samples, and its interval."""
        value, replicates = self.replicates()
        return {self.name: jackknife_estimate(value, list(replicates.values()), len(self))}

    def minus(self, other: "FrechetDistance") -> Estimate:
        """By how much it exceeds another, of the same samples edited otherwise, or not at all.

        The jackknife leaves out the same samples of both, so what they share cancels: the interval
        is that of the difference, and much narrower than those of the two distances.

        Raises:
            UserError: the other has other settings or saw other samples.
        """
        if other.signature != self.signature or other._seen != self._seen:
            raise UserError(
                f"{self.name}: distances can be compared where settings and samples are the same."
            )
        (mine, my_replicates), (theirs, their_replicates) = self.replicates(), other.replicates()
        differences = [my_replicates[g] - their_replicates[g] for g in my_replicates]
        return jackknife_estimate(mine - theirs, differences, len(self), least=-math.inf)

    def replicates(self) -> tuple[float, dict[int, float]]:
        """The distance of all samples, and without each group that has any.

        Distances of the same samples edited otherwise leave out the same groups, so that any
        difference of such numbers has a jackknife interval of its own, across jobs too.
        """
        parts = {side: [g.moments() for g in gs] for side, gs in self._groups.items()}
        whole = {side: _total(moments) for side, moments in parts.items()}
        factor = covariance_factor(self.reference.covariance) if self.reference else None
        replicates = {
            g: self._distance({s: whole[s] - parts[s][g] for s in parts}, factor)
            for g, group in enumerate(parts["edited"])
            if group.n
        }
        return self._distance(whole, factor), replicates

    def _distance(self, moments: Mapping[str, Moments], factor: Tensor | None) -> float:
        edited = moments["edited"]
        if edited.n < 2:
            return math.nan
        other = self.reference or FeatureStatistics.of(self.extractor.name, moments["original"])
        return frechet_distance(
            other.mean, other.covariance, edited.mean, edited.covariance(), factor
        )

    def _add(self, original: Tensor, edited: Tensor, mask: Tensor, index: Tensor) -> None:
        images = {"edited": edited, "original": original}
        for side, groups in self._groups.items():
            features = self.extractor(images[side]).cpu()
            for g, group in enumerate(groups):
                rows = features[index % len(groups) == g]
                if len(rows):
                    group.update(rows)

    def _merge(self, other: Any) -> None:
        for side, groups in self._groups.items():
            for mine, theirs in zip(groups, other._groups[side], strict=True):
                mine.merge(theirs)

    def _state(self) -> dict[str, Tensor]:
        return {
            f"{side}.{g}.{key}": value
            for side, groups in self._groups.items()
            for g, group in enumerate(groups)
            for key, value in group.state().items()
        }

    def _load(self, state: Mapping[str, Tensor]) -> None:
        for side, groups in self._groups.items():
            for g in range(len(groups)):
                keys = ("n", "mean", "scatter")
                stored = {key: state[f"{side}.{g}.{key}"] for key in keys}
                groups[g] = StreamingMoments.from_state(stored)


def _total(moments: Sequence[Moments]) -> Moments:
    total = moments[0]
    for part in moments[1:]:
        total = total + part
    return total


def _check_reference(extractor: FeatureExtractor, reference: FeatureStatistics | None) -> None:
    if reference is None:
        return
    if reference.extractor != extractor.name or len(reference.mean) != extractor.dim:
        raise UserError(
            f"The reference statistics are of {reference.extractor} features of length "
            f"{len(reference.mean)}, but the metric's are {extractor.name} of length "
            f"{extractor.dim}: take the reference set with the same network."
        )
