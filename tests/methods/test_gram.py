"""Gram matrices by regions against the explicit Jacobian, and the bound on their memory."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pipeline.methods import gram
from pipeline.methods.gram import Grams, gram_matrices
from pipeline.methods.jacobian import jacobian

D, SIDE = 7, 6
POINT = torch.zeros(D, dtype=torch.float64)


def image_function(seed: int) -> Callable[[Tensor], Tensor]:
    """A smooth image ``[3, 6, 6]`` of a latent ``[7]``."""
    random = torch.Generator().manual_seed(seed)
    weights = torch.randn(3 * SIDE * SIDE, D, generator=random, dtype=torch.float64)
    return lambda x: torch.sin(weights @ x + weights[:, 0]).reshape(3, SIDE, SIDE)


def masks_of(*boxes: tuple[slice, slice]) -> Tensor:
    """One mask per box."""
    masks = torch.zeros(len(boxes), SIDE, SIDE)
    for mask, box in zip(masks, boxes, strict=True):
        mask[box] = 1
    return masks


OVERLAPPING = masks_of((slice(0, 3), slice(0, 4)), (slice(2, 5), slice(1, 6)))


def explicit(functions: list[Callable[[Tensor], Tensor]], masks: Tensor) -> tuple[Tensor, int]:
    """``J' diag(m) J`` and the number of rows, over all images, the plain way."""
    total, rows = torch.zeros(D, D, dtype=torch.float64), 0
    for function, mask in zip(functions, masks.expand(len(functions), -1, -1), strict=True):
        J = jacobian(function, POINT).flatten(0, 2)
        m = mask.double().expand(3, -1, -1).flatten()
        total += J.T @ (m[:, None] * J)
        rows += int(m.sum())
    return total, rows


@pytest.mark.parametrize("chunk", [1, 3, 6, 7, 8])
@pytest.mark.parametrize("max_bytes", [1, 2 * 864, 5 * 864, 2**20])  # 864 bytes are a column
def test_equals_the_explicit_matrices(chunk: int, max_bytes: int) -> None:
    functions = [image_function(0), image_function(1)]
    grams = gram_matrices(functions, POINT, OVERLAPPING, chunk, max_bytes)
    for k, mask in enumerate(OVERLAPPING):
        for inside, part in ((True, mask), (False, 1 - mask)):
            total, rows = explicit(functions, part[None])
            assert grams.count(k, inside) == rows
            torch.testing.assert_close(grams.mean(k, inside), total / rows, rtol=1e-12, atol=1e-14)


def test_masks_of_each_image() -> None:
    functions = [image_function(0), image_function(1)]
    swapped = torch.stack([OVERLAPPING, OVERLAPPING.flip(0)])
    grams = gram_matrices(functions, POINT, swapped)
    total, rows = explicit(functions, swapped[:, 0])
    torch.testing.assert_close(grams.mean(0), total / rows)


def test_a_background_that_almost_nothing_moves_keeps_its_precision() -> None:
    """All minus the foreground would leave nothing of it."""
    scale = torch.ones(3, SIDE, SIDE, dtype=torch.float64)
    scale[:, 3:] = 1e-9
    function = image_function(0)
    upper = masks_of((slice(0, 3), slice(0, 6)))
    grams = gram_matrices([lambda x: function(x) * scale], POINT, upper)
    background = grams.mean(inside=False)
    exact = gram_matrices([function], POINT, upper).mean(inside=False) * 1e-18
    torch.testing.assert_close(background, exact, rtol=1e-10, atol=0)
    foreground, whole = grams.sums[1], grams.sums[0] + grams.sums[1]
    difference = (whole - foreground) / grams.count(inside=False)
    assert (difference - exact).norm() > exact.norm() / 2


def test_empty_parts_are_counted_and_refused() -> None:
    grams = gram_matrices([image_function(0)], POINT, torch.ones(1, SIDE, SIDE))
    assert grams.count(inside=False) == 0
    with pytest.raises(ValueError, match="no pixel outside of region 0"):
        grams.mean(inside=False)


def test_images_must_fit_the_masks() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        gram_matrices([image_function(0)], POINT, torch.ones(1, 4, 4))


@pytest.mark.parametrize("max_bytes", [1, 2**20])
def test_progress_counts_columns(max_bytes: int) -> None:
    seen: list[tuple[int, int]] = []
    functions = [image_function(0), image_function(1)]
    gram_matrices(
        functions, POINT, OVERLAPPING, 2, max_bytes, progress=lambda *counts: seen.append(counts)
    )
    assert seen == [(done, 14) for done in (2, 4, 6, 7, 9, 11, 13, 14)]


def test_regions_share_one_pass_and_equal_separate_ones() -> None:
    """Each column is computed once for all regions, each row multiplied once."""
    calls = 0

    def counted(x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return image_function(0)(x)

    together = gram_matrices([counted], POINT, OVERLAPPING)
    assert calls == 2  # the image and the recording of its derivative
    assert sum(together.rows.values()) == 3 * SIDE * SIDE
    for k, mask in enumerate(OVERLAPPING):
        alone = gram_matrices([image_function(0)], POINT, mask[None])
        for inside in (True, False):
            torch.testing.assert_close(
                together.mean(k, inside), alone.mean(0, inside), rtol=1e-13, atol=1e-15
            )


def test_as_many_regions_as_patterns_can_name() -> None:
    masks = torch.zeros(60, SIDE, SIDE)
    masks[range(36), torch.arange(36) // SIDE, torch.arange(36) % SIDE] = 1
    grams = gram_matrices([image_function(0)], POINT, masks)
    assert [grams.count(k) for k in (0, 35, 59)] == [3, 3, 0]
    with pytest.raises(ValueError, match="61 regions at once"):
        gram_matrices([image_function(0)], POINT, torch.zeros(61, SIDE, SIDE))


class LargestTensor(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the bytes of the largest tensor that any operation returns."""

    largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            size = result.untyped_storage().nbytes()
            self.largest = max(self.largest, size)
        return result


def largest_tensor(max_bytes: int) -> tuple[int, Grams]:
    """Of a Gram computation of a 32 x 32 image with 64 latent dimensions, in float32."""
    d, side, random = 64, 32, torch.Generator().manual_seed(0)
    base, rows = torch.randn(2, 3, side, d, generator=random).unbind()
    masks = torch.zeros(1, side, side)
    masks[:, :8] = 1

    def function(x: Tensor) -> Tensor:
        return torch.sin(base @ x)[:, :, None] * torch.cos(rows @ x)[:, None, :]

    with LargestTensor() as watch:  # type: ignore[no-untyped-call]
        grams = gram_matrices([function], torch.full((d,), 0.1), masks, 4, max_bytes)
    return watch.largest, grams


def test_never_holds_more_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the Jacobian nor a float64 copy of it, and the result does not change."""
    monkeypatch.setattr(gram, "_BAND", 64 * 256)
    everything = 64 * 3 * 32 * 32 * 4
    bounded, grams = largest_tensor(max_bytes=everything - 1)
    free, reference = largest_tensor(max_bytes=everything)
    assert free == everything
    assert bounded == 64 * 256 * 8  # a band
    torch.testing.assert_close(grams.mean(), reference.mean(), rtol=0, atol=0)
