"""Fréchet distance against closed forms, recorded exact values and pytorch-fid."""

import warnings
from collections.abc import Callable

import pytest
import scipy
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.metrics.feature_statistics import FeatureStatistics, Moments
from pipeline.metrics.frechet import FrechetDistance, covariance_factor, frechet_distance
from tests.conftest import Oracle


class FirstPixel:
    """Features that are the first ``dim / 3`` pixels of the first row."""

    def __init__(self, dim: int, name: str = "fd_test") -> None:
        self.dim, self.name = dim, name

    def __call__(self, images: Tensor) -> Tensor:
        return images[:, :, 0].flatten(1)[:, : self.dim]


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=draw, dtype=torch.float64)


def distance(a: Moments, b: Moments) -> float:
    return frechet_distance(a.mean, a.covariance(), b.mean, b.covariance())


def test_commuting_covariances_have_a_closed_form() -> None:
    basis, _ = torch.linalg.qr(normal(6, 6))
    a, b = torch.tensor([4.0, 1, 9, 0, 0, 2]), torch.tensor([1.0, 1, 4, 0, 5, 0])
    shift = torch.tensor([0, 0, 0, 3.0, 0, 0], dtype=torch.float64)
    result = frechet_distance(torch.zeros(6), basis * a @ basis.T, shift, basis * b @ basis.T)
    expected = 9 + (a.sqrt() - b.sqrt()).square().sum().item()
    assert result == pytest.approx(expected, rel=1e-7)


def test_is_a_distance() -> None:
    a, b = Moments.of(normal(9, 12)), Moments.of(normal(30, 12, 1) * 2 + 1)
    assert distance(a, a) == pytest.approx(0, abs=1e-12)
    assert distance(a, b) == pytest.approx(distance(b, a), rel=1e-12)
    assert distance(a, b) > 1


def test_the_factor_gives_the_covariance_back() -> None:
    covariance = Moments.of(normal(5, 12)).covariance()
    factor = covariance_factor(covariance)
    assert factor.shape == (12, 4)
    assert (factor @ factor.T - covariance).abs().max() < 1e-14


@pytest.mark.parametrize("case", ["metric_fid_small", "metric_fid_a"])
def test_equals_the_exact_values(case: str, oracle: Oracle) -> None:
    tensors, meta = oracle(case)
    for name, recorded in meta["results"].items():
        if name == "features_2048":
            continue
        keys = ("mu1", "sigma1", "mu2", "sigma2")
        result = frechet_distance(*(tensors[f"in.{name}.{key}"] for key in keys))
        assert result == pytest.approx(recorded["exact"], rel=1e-9, abs=1e-10), name


def test_equals_the_exact_value_with_fewer_samples_than_dimensions(oracle: Oracle) -> None:
    tensors, meta = oracle("metric_fid_a")
    a, b = (Moments.of(tensors[f"in.features_2048.{k}"]) for k in "ab")
    assert distance(a, b) == pytest.approx(meta["results"]["features_2048"]["exact"], rel=1e-9)


@pytest.mark.skipif(
    tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 18),
    reason="pytorch-fid calls scipy.linalg.sqrtm in a way that scipy 1.18 removed",
)
@pytest.mark.parametrize(("n", "d"), [(400, 64), (50, 64)])
def test_equals_pytorch_fid(n: int, d: int) -> None:
    from pytorch_fid.fid_score import calculate_frechet_distance

    a, b = Moments.of(normal(n, d).relu()), Moments.of(normal(n + 9, d, 1).relu() * 1.2)
    arrays = [x.numpy() for m in (a, b) for x in (m.mean, m.covariance())]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        expected = calculate_frechet_distance(*arrays)
    assert distance(a, b) == pytest.approx(expected, abs=1e-3)


def as_images(features: Tensor) -> Tensor:
    return features.float().view(len(features), 3, 1, -1).clamp(-1, 1)


def update(metric: FrechetDistance, original: Tensor, edited: Tensor) -> FrechetDistance:
    n, _, h, w = edited.shape
    metric.update(original, edited, torch.ones(h, w), torch.arange(n))
    return metric


def test_metric_is_the_distance_of_its_features() -> None:
    a, b = normal(70, 6) / 9, normal(41, 6, 1) / 5
    reference = FeatureStatistics.of("fd_test", Moments.of(as_images(a).flatten(1)))
    metric = update(FrechetDistance(FirstPixel(6), reference), as_images(b), as_images(b))
    moments = Moments.of(as_images(b).flatten(1))
    expected = frechet_distance(
        reference.mean, reference.covariance, moments.mean, moments.covariance()
    )
    estimate = metric.compute()["fd_test"]
    assert estimate.value == pytest.approx(expected, rel=1e-12)
    assert estimate.n == 41


def test_without_a_reference_the_unedited_images_are_it() -> None:
    a, b = normal(40, 6) / 9, normal(40, 6, 1) / 5
    metric = update(FrechetDistance(FirstPixel(6)), as_images(a), as_images(b))
    expected = distance(*(Moments.of(as_images(x).flatten(1)) for x in (a, b)))
    assert metric.compute()["fd_test_unedited"].value == pytest.approx(expected, rel=1e-12)
    unchanged = update(FrechetDistance(FirstPixel(6)), as_images(a), as_images(a)).compute()
    assert unchanged["fd_test_unedited"].value == pytest.approx(0, abs=1e-12)


def test_interval_has_the_width_of_the_noise() -> None:
    reference = FeatureStatistics("fd_test", None, torch.zeros(6), torch.eye(6).double() / 50)
    results = []
    for seed in range(40):
        images = as_images(normal(200, 6, seed + 10) / 6)
        metric = update(FrechetDistance(FirstPixel(6), reference), images, images)
        results.append(metric.compute()["fd_test"])
    values = torch.tensor([r.value for r in results])
    widths = torch.tensor([r.ci95[1] - r.ci95[0] for r in results])
    assert 0.7 < widths.mean() / (2 * 2.262 * values.std()) < 1.4  # t with 9 degrees of freedom
    held = sum(r.ci95[0] <= values.mean() <= r.ci95[1] for r in results)
    assert held >= 34


@pytest.mark.parametrize("build", [lambda: FirstPixel(6, "fid"), lambda: FirstPixel(9)])
def test_a_reference_of_another_network_is_refused(build: Callable[[], FirstPixel]) -> None:
    reference = FeatureStatistics.of("fd_test", Moments.of(normal(9, 6)))
    with pytest.raises(UserError, match="same network"):
        FrechetDistance(build(), reference)


def test_another_reference_is_another_metric() -> None:
    one, other = (FeatureStatistics.of("fd_test", Moments.of(normal(9, 6, s))) for s in (0, 1))
    with pytest.raises(UserError, match="Cannot merge"):
        FrechetDistance(FirstPixel(6), one).merge(FrechetDistance(FirstPixel(6), other))


def pictures(features: Tensor) -> Tensor:
    """Images ``[n, 3, 2, 1]`` whose first row holds the features ``[n, 3]``."""
    return torch.stack([features, torch.zeros_like(features)], 2)[..., None]


def measured(features: Tensor) -> FrechetDistance:
    statistics = FeatureStatistics.of("fd_test", Moments.of(normal(50, 3, 7) * 0.1))
    metric = FrechetDistance(FirstPixel(3), statistics, groups=5)
    images = pictures(features)
    metric.update(images, images, torch.ones(2, 1), torch.arange(len(images)))
    return metric


def test_a_difference_of_distances_is_narrower_than_the_distances() -> None:
    features = (normal(40, 3) * 0.1).clamp(-0.5, 0.5)
    before, after = measured(features), measured(features * 1.05)
    change = after.minus(before)
    old, new = (m.compute()["fd_test"] for m in (before, after))
    assert change.value == pytest.approx(new.value - old.value, abs=1e-12)
    assert change.n == 40
    assert change.ci95[0] < change.value < change.ci95[1]
    assert change.ci95[1] - change.ci95[0] < 0.7 * (new.ci95[1] - new.ci95[0])
    nothing = before.minus(before)
    assert (nothing.value, nothing.ci95) == (0, (0, 0))
    assert before.minus(after).ci95[0] == pytest.approx(-change.ci95[1])


def test_distances_of_other_samples_are_not_compared() -> None:
    with pytest.raises(UserError, match="samples are the same"):
        measured(normal(40, 3) * 0.1).minus(measured(normal(39, 3) * 0.1))
