"""Leading directions from products, against the full solution and brute force."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pipeline.errors import UserError
from pipeline.methods.eigen import rayleigh_quotient, regularised
from pipeline.methods.gram import gram_matrices
from pipeline.methods.gram_products import GramProducts
from pipeline.methods.matrix_free import Leading, leading
from tests.methods.test_gram import OVERLAPPING, image_function, masks_of

POINT = torch.zeros(7, dtype=torch.float64)


class Dense:
    """Products with given matrices, counted, in a precision of choice."""

    def __init__(
        self, foreground: Tensor, background: Tensor, dtype: torch.dtype = torch.float64
    ) -> None:
        self.point = torch.zeros(len(foreground), dtype=dtype)
        self.matrices = foreground.to(dtype), background.to(dtype)
        self.count = 0

    def __call__(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        self.count += len(vectors)
        foreground, background = (vectors.to(m.dtype) @ m for m in self.matrices)
        return foreground.double(), background.double()


def decaying(seed: int, d: int, rank: int, decay: float) -> Tensor:
    """A positive semi-definite matrix whose eigenvalues fall geometrically from 1."""
    random = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(d, d, generator=random, dtype=torch.float64)).Q[:, :rank]
    return basis * decay ** torch.arange(rank, dtype=torch.float64) @ basis.T


def solved(products: Dense, count: int, seed: int = 0, **options: float) -> Leading:
    return leading(products, count, torch.Generator().manual_seed(seed), **options)  # type: ignore[arg-type]


def cosines(actual: Tensor, expected: Tensor) -> Tensor:
    return (actual * expected).sum(1).abs()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_finds_what_the_full_solution_finds(dtype: torch.dtype) -> None:
    """300 dimensions: directions to a cosine of 0.9999, eigenvalues to the trace's 1 %."""
    foreground, background = decaying(0, 300, 40, 0.8), decaying(1, 300, 300, 0.95)
    exact = regularised(foreground, background)
    products = Dense(foreground, background, dtype)
    found = solved(products, 5)
    assert found.products == products.count < 150
    assert (found.residuals <= 1e-3).all()
    assert cosines(found.directions, exact.directions[:5]).min() > 0.9999
    torch.testing.assert_close(found.eigenvalues, exact.eigenvalues[:5], rtol=0.01, atol=0)
    assert abs(found.trace - float(background.trace())) < 3 * found.trace_error


def test_is_exact_but_for_the_trace() -> None:
    """With the trace that was estimated, the full solution has the same eigenvalues to 1e-9."""
    foreground, background = decaying(0, 200, 40, 0.8), decaying(1, 200, 200, 0.9)
    found = solved(Dense(foreground, background), 4, tolerance=1e-6)
    tau = 1e-3 * found.trace / float(background.trace())
    exact = regularised(foreground, background, tau)
    torch.testing.assert_close(found.eigenvalues, exact.eigenvalues[:4], rtol=1e-9, atol=0)
    assert cosines(found.directions, exact.directions[:4]).min() > 1 - 1e-9
    ridge = 1e-3 * found.trace * torch.eye(200, dtype=torch.float64)
    quotients = rayleigh_quotient(found.directions, foreground, background + ridge)
    torch.testing.assert_close(quotients, found.eigenvalues)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), decay=st.floats(0.6, 0.98), tau=st.floats(1e-4, 0.1))
def test_residuals_bound_the_error(seed: int, decay: float, tau: float) -> None:
    """After a coarse search there is an exact eigenvalue no further away than they say."""
    foreground, background = decaying(seed, 120, 30, 0.7), decaying(seed + 1, 120, 120, decay)
    found = solved(Dense(foreground, background), 3, seed % 100, tau=tau, tolerance=0.3, sample=8)
    shift = tau * found.trace / float(background.trace())
    exact = regularised(foreground, background, shift).eigenvalues
    distance = (exact - found.eigenvalues[:, None]).abs().min(dim=1).values
    scale = found.eigenvalues.clamp(min=0.01 * float(found.eigenvalues[0]))
    assert (distance <= found.residuals * scale * (1 + 1e-6)).all()
    assert (found.residuals <= 0.3).all()


@pytest.mark.parametrize("sample", [16, 64, 120])
def test_the_trace_is_estimated_without_bias(sample: int) -> None:
    """Over 60 draws, to three standard errors; with all dimensions it is exact."""
    background = decaying(2, 120, 120, 0.97)
    true = float(background.trace())
    found = [solved(Dense(background, background), 1, s, sample=sample) for s in range(60)]
    errors = torch.tensor([f.trace - true for f in found], dtype=torch.float64)
    if sample == 120:
        assert errors.abs().max() < 1e-9 * true
        return
    assert abs(float(errors.mean())) < 3 * float(errors.std()) / math.sqrt(60)
    stated = sum(f.trace_error for f in found) / 60
    assert 0.5 < stated / float(errors.std()) < 4


def test_the_cost_hardly_depends_on_the_dimension() -> None:
    counts = []
    for d in (150, 600):
        products = Dense(decaying(0, d, 40, 0.8), decaying(1, d, 100, 0.9))
        solved(products, 4)
        counts.append(products.count)
    assert counts[1] < 1.2 * counts[0]
    few, many = (Dense(decaying(0, 300, 40, 0.8), decaying(1, 300, 100, 0.9)) for _ in range(2))
    solved(few, 1)
    solved(many, 8)
    assert few.count < many.count


def test_singular_backgrounds_and_regions_of_low_rank() -> None:
    """Beyond the region's rank, the quotients are zero."""
    foreground, background = decaying(3, 80, 2, 0.5), decaying(4, 80, 10, 0.7)
    found, exact = solved(Dense(foreground, background), 4), regularised(foreground, background)
    torch.testing.assert_close(found.eigenvalues[:2], exact.eigenvalues[:2], rtol=1e-4, atol=0)
    assert found.eigenvalues[2:].abs().max() < 1e-9 * found.eigenvalues[0]
    assert cosines(found.directions[:2], exact.directions[:2]).min() > 1 - 1e-6


def test_more_directions_than_dimensions_are_all_of_them() -> None:
    foreground, background = decaying(5, 6, 6, 0.5), decaying(6, 6, 6, 0.5)
    found, exact = solved(Dense(foreground, background), 9), regularised(foreground, background)
    torch.testing.assert_close(found.eigenvalues, exact.eigenvalues)
    torch.testing.assert_close(found.directions, exact.directions, rtol=0, atol=1e-7)
    assert found.products == 6


def test_the_seed_decides() -> None:
    products = Dense(decaying(0, 100, 40, 0.8), decaying(1, 100, 100, 0.9))
    first, same, other = (solved(products, 2, seed) for seed in (0, 0, 1))
    assert torch.equal(first.directions, same.directions)
    assert not torch.equal(first.directions, other.directions)


def test_what_has_no_solution() -> None:
    some, nothing = decaying(0, 20, 20, 0.8), torch.zeros(20, 20)
    with pytest.raises(UserError, match="some background"):
        solved(Dense(some, nothing), 2)
    with pytest.raises(UserError, match="tau=0 "):
        solved(Dense(some, some), 2, tau=0)
    with pytest.raises(ValueError, match="not finite"):
        solved(Dense(some, some * math.nan), 2)


def test_progress_rises_to_a_hundred() -> None:
    seen: list[tuple[int, int]] = []
    products = Dense(decaying(0, 100, 40, 0.8), decaying(1, 100, 100, 0.9))
    random = torch.Generator().manual_seed(0)
    leading(products, 2, random, progress=lambda *counts: seen.append(counts))
    assert seen[-1] == (100, 100)
    assert seen == sorted(seen)
    assert len(seen) > 3


@pytest.mark.parametrize("chunk", [1, 3, 8])
@pytest.mark.parametrize("max_bytes", [1, 2**20])
@pytest.mark.parametrize("per_image", [False, True])
def test_products_are_those_of_the_matrices(chunk: int, max_bytes: int, per_image: bool) -> None:
    functions = [image_function(0), image_function(1)]
    masks = OVERLAPPING if per_image else OVERLAPPING[0]
    products = GramProducts(functions, POINT, masks, chunk, max_bytes)
    grams = gram_matrices(functions, POINT, masks[:, None] if per_image else masks[None])
    vectors = torch.randn(5, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for _ in range(2):
        found = products(vectors)
        for part, inside in zip(found, (True, False), strict=True):
            torch.testing.assert_close(part, vectors @ grams.mean(inside=inside))
            assert 3 * products.pixels(inside) == grams.count(inside=inside)
    assert len(products._kept) == (0 if max_bytes == 1 else 2)


def test_float32_functions_are_multiplied_in_float32() -> None:
    seen: list[torch.dtype] = []
    exact = image_function(0)

    def function(x: Tensor) -> Tensor:
        seen.append(x.dtype)
        return exact(x.double()).to(x.dtype)

    mask = masks_of((slice(0, 3), slice(0, 4)))[0]
    found = GramProducts([function], POINT.float(), mask)(torch.eye(7, dtype=torch.float64))
    expected = GramProducts([exact], POINT, mask)(torch.eye(7, dtype=torch.float64))
    assert set(seen) == {torch.float32}
    assert found[0].dtype == torch.float64
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
