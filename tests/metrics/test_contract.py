"""What every metric promises; a new one joins by a line in ``CASES``."""

import math
from collections.abc import Callable, Sequence
from itertools import permutations

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from pipeline.errors import UserError
from pipeline.evaluators.base import Identities
from pipeline.metrics.base import Estimate, Metric
from pipeline.metrics.colour import Lab
from pipeline.metrics.feature_statistics import FeatureStatistics, Moments
from pipeline.metrics.frechet import FrechetDistance
from pipeline.metrics.identity import IdentitySimilarity
from pipeline.metrics.masked_mse import MaskedMSE
from pipeline.metrics.perceptual import PerceptualChange
from pipeline.metrics.region_error import RegionError
from pipeline.metrics.ssim import SSIM

N = 5
SPLITS = ((5,), (1, 4), (4, 1), (2, 3), (2, 2, 1), (1, 1, 1, 1, 1))
Numbers = dict[str, Estimate]


class Features:
    name, dim = "fd_test", 4

    def __call__(self, images: Tensor) -> Tensor:
        return torch.cat([images.mean((2, 3)), images.std((1, 2, 3))[:, None]], 1)


class Embedder:
    name = "id_test"

    def __call__(self, images: Tensor) -> Identities:
        vectors = torch.nn.functional.normalize(images.mean(3).flatten(1))
        return Identities(vectors, images[:, 0, 0, 0] > -0.9)


class Distance:
    name = "lpips_test"

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        return (a - b).abs().mean((1, 2, 3))


REFERENCE = FeatureStatistics.of("fd_test", Moments.of(torch.randn(9, 4)))
CASES: dict[str, Callable[[], Metric]] = {
    "mse": MaskedMSE,
    "mse_reference": lambda: MaskedMSE(Lab.REFERENCE),
    "region_error": RegionError,
    "ssim": SSIM,
    "ssim_gaussian": lambda: SSIM("gaussian"),
    "fd": lambda: FrechetDistance(Features(), REFERENCE, groups=3),
    "fd_unedited": lambda: FrechetDistance(Features(), groups=3),
    "id": lambda: IdentitySimilarity(Embedder()),
    "lpips": lambda: PerceptualChange(Distance()),
}
ARGUMENTS = {
    "mse_reference": (Lab.REFERENCE,),
    "ssim_gaussian": ("gaussian",),
    "fd": (Features(), REFERENCE, 3),
    "fd_unedited": (Features(), None, 3),
    "id": (Embedder(),),
    "lpips": (Distance(),),
}
every_metric = pytest.mark.parametrize("case", CASES)


@pytest.fixture
def samples() -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(5)
    original = torch.rand(N, 3, 16, 13, generator=draw) * 2 - 1
    noise = torch.randn(N, 3, 16, 13, generator=draw) * torch.linspace(0.1, 0.5, N).view(
        -1, 1, 1, 1
    )
    original[3, 0, 0, 0] = -1.0  # the embedder above finds no face here
    masks = (torch.rand(N, 16, 13, generator=draw) > 0.7).float()
    return original, (original + noise).clamp(-1, 1), masks


def feed(metric: Metric, samples: Sequence[Tensor], index: Sequence[int]) -> Metric:
    numbers = torch.tensor(index, dtype=torch.int64)
    original, edited, masks = (s[numbers] for s in samples)
    metric.update(original, edited, masks, numbers + 100)
    return metric


def same(a: Numbers, b: Numbers, tolerance: float = 1e-6) -> bool:
    def numbers(results: Numbers) -> list[float]:
        return [x for e in results.values() for x in (e.value, *e.ci95, e.n)]

    close = pytest.approx(numbers(b), rel=tolerance, abs=tolerance * 1e-2, nan_ok=True)
    return a.keys() == b.keys() and numbers(a) == close


@every_metric
def test_batch_sizes_do_not_matter(case: str, samples: Sequence[Tensor]) -> None:
    whole = feed(CASES[case](), samples, range(N)).compute()
    for split in SPLITS:
        metric, start = CASES[case](), 0
        for size in split:
            feed(metric, samples, range(start, start + size))
            start += size
        assert same(metric.compute(), whole)


@every_metric
def test_merged_shards_are_the_single_run(case: str, samples: Sequence[Tensor]) -> None:
    whole = feed(CASES[case](), samples, range(N)).compute()
    for chosen in range(2**N):
        shares = [[i for i in range(N) if bool(chosen >> i & 1) == side] for side in (True, False)]
        merged, other = (feed(CASES[case](), samples, share) for share in shares)
        merged.merge(other)
        assert same(merged.compute(), whole)
        assert len(merged) == N


@every_metric
def test_order_does_not_matter(case: str, samples: Sequence[Tensor]) -> None:
    results = []
    for order in list(permutations(range(N)))[::17]:
        metric = CASES[case]()
        for i in order:
            feed(metric, samples, [i])
        results.append(metric.compute())
    exact = not case.startswith("fd")  # sums of outer products are rounded
    assert all(same(r, results[0], 0.0 if exact else 1e-9) for r in results)


@every_metric
def test_state_survives_a_file(case: str, samples: Sequence[Tensor]) -> None:
    metric = feed(CASES[case](), samples, [4, 0, 2])
    stored = load(save(metric.state()))
    again = type(metric).from_state(stored, *ARGUMENTS.get(case, ()))
    assert same(again.compute(), metric.compute(), 0.0)
    assert same(
        feed(again, samples, [1, 3]).compute(), feed(metric, samples, [1, 3]).compute(), 1e-12
    )


@every_metric
def test_a_sample_counts_once(case: str, samples: Sequence[Tensor]) -> None:
    metric = feed(CASES[case](), samples, [0, 1, 2])
    before = metric.compute()
    with pytest.raises(UserError, match="sample 101 came twice"):
        feed(metric, samples, [3, 1])
    with pytest.raises(UserError, match="sample 104 came twice"):
        feed(metric, samples, [4, 4])
    with pytest.raises(UserError, match="sample 102 came twice"):
        metric.merge(feed(CASES[case](), samples, [2, 3]))
    assert same(metric.compute(), before, 0.0)
    assert len(metric) == 3


@every_metric
def test_images_are_clamped(case: str, samples: Sequence[Tensor]) -> None:
    original, edited, masks = samples
    beyond = [original * 1.5, edited * 1.5, masks]
    clamped = [(original * 1.5).clamp(-1, 1), (edited * 1.5).clamp(-1, 1), masks]
    one, other = (feed(CASES[case](), s, range(N)).compute() for s in (beyond, clamped))
    assert same(one, other, 0.0)


@every_metric
def test_broken_images_are_refused_not_left_out(case: str, samples: Sequence[Tensor]) -> None:
    original, edited, masks = (s.clone() for s in samples)
    edited[2, 1, 3, 3] = math.nan
    metric = CASES[case]()
    with pytest.raises(UserError, match="edited image of sample 102 holds NaN"):
        feed(metric, (original, edited, masks), range(N))
    assert len(metric) == 0


@every_metric
def test_one_mask_serves_all(case: str, samples: Sequence[Tensor]) -> None:
    original, edited, masks = samples
    one, each = CASES[case](), CASES[case]()
    one.update(original, edited, masks[0].bool(), torch.arange(N))
    each.update(original, edited, masks[:1].expand(N, -1, -1), torch.arange(N))
    assert same(one.compute(), each.compute(), 0.0)


@every_metric
def test_nothing_seen_is_nan_and_zero(case: str, samples: Sequence[Tensor]) -> None:
    for metric in (CASES[case](), feed(CASES[case](), samples, [])):
        for estimate in metric.compute().values():
            assert math.isnan(estimate.value) and estimate.n == 0


@every_metric
def test_numbers_are_sound(case: str, samples: Sequence[Tensor]) -> None:
    metric = feed(CASES[case](), samples, range(N))
    results = metric.compute()
    assert metric.name in results or case in ("mse", "mse_reference", "region_error")
    for estimate in results.values():
        low, high = estimate.ci95
        assert low <= estimate.value <= high
        assert estimate.n in (N - 1, N)  # one pair has no face


@every_metric
def test_only_its_like_is_merged(case: str) -> None:
    for other in CASES:
        if other != case:
            with pytest.raises(UserError, match="Cannot merge"):
                CASES[case]().merge(CASES[other]())


@every_metric
def test_another_state_is_refused(case: str) -> None:
    state = CASES["ssim" if case == "mse" else "mse"]().state()
    with pytest.raises(UserError, match="Stored results are of"):
        type(CASES[case]()).from_state(state, *ARGUMENTS.get(case, ()))


@pytest.mark.parametrize(
    ("original", "edited", "mask", "index"),
    [
        ((2, 3, 8, 8), (2, 3, 8, 9), (8, 8), torch.arange(2)),
        ((2, 1, 8, 8), (2, 1, 8, 8), (8, 8), torch.arange(2)),
        ((2, 3, 8, 8), (2, 3, 8, 8), (8, 7), torch.arange(2)),
        ((2, 3, 8, 8), (2, 3, 8, 8), (3, 8, 8), torch.arange(2)),
        ((2, 3, 8, 8), (2, 3, 8, 8), (8, 8), torch.arange(3)),
        ((2, 3, 8, 8), (2, 3, 8, 8), (8, 8), torch.arange(2.0)),
        ((3, 8, 8), (3, 8, 8), (8, 8), torch.arange(3)),
    ],
)
def test_shapes_must_fit(
    original: tuple[int, ...], edited: tuple[int, ...], mask: tuple[int, ...], index: Tensor
) -> None:
    with pytest.raises(ValueError, match="must both be"):
        SSIM().update(torch.zeros(original), torch.zeros(edited), torch.zeros(mask), index)


def test_per_sample_numbers_follow_the_index(samples: Sequence[Tensor]) -> None:
    metric = SSIM()
    for i in (3, 0, 4, 1, 2):
        feed(metric, samples, [i])
    one_by_one = [feed(SSIM(), samples, [i]).compute()["ssim"].value for i in range(N)]
    assert metric.per_sample()["index"].tolist() == [100, 101, 102, 103, 104]
    assert metric.per_sample()["ssim"].tolist() == one_by_one
