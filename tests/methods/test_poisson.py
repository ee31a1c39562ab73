"""Poisson blending against closed forms of the Poisson equation."""

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.methods.poisson import PoissonSystem, poisson_blend

MASK = torch.zeros(9, 8)
MASK[2:6, 3:8] = 1  # reaches the right border
MASK[7, 1] = 1  # and a pixel of its own


def pictures(seed: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(2, 3, 9, 8, generator=draw, dtype=torch.float64)


def laplacian(x: Tensor) -> Tensor:
    """Neighbours minus centre, over the neighbours that exist."""
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
    centre = padded[..., 1:-1, 1:-1]
    around = [padded[..., :-2, 1:-1], padded[..., 2:, 1:-1], padded[..., 1:-1, :-2]]
    return sum([*around, padded[..., 1:-1, 2:]], -4 * centre)


def test_a_source_that_differs_by_a_constant_disappears() -> None:
    target = pictures(0)
    torch.testing.assert_close(poisson_blend(target, target + 0.7, MASK), target)


def test_inside_it_has_the_laplacian_of_the_source_and_outside_it_is_the_target() -> None:
    target, source = pictures(0), pictures(1)
    blended = poisson_blend(target, source, MASK)
    inside = MASK.bool()
    torch.testing.assert_close(laplacian(blended)[..., inside], laplacian(source)[..., inside])
    assert torch.equal(blended[..., ~inside], target[..., ~inside])
    assert not torch.allclose(blended[..., inside], target[..., inside])


def test_a_flat_source_is_filled_in_smoothly() -> None:
    """Without gradients the equation is Laplace's, and a plane solves it."""
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(8.0), indexing="ij")
    plane = (0.1 * rows + 0.05 * columns).double().expand(1, 3, -1, -1)
    mask = torch.zeros(9, 8)
    mask[2:6, 2:6] = 1
    holed = torch.where(mask.bool(), 9.0, plane)
    torch.testing.assert_close(poisson_blend(holed, torch.zeros_like(holed), mask), plane)


def test_a_mask_per_picture_is_each_picture_with_its_mask() -> None:
    target, source = pictures(0), pictures(1)
    masks = torch.stack([MASK, MASK.flip(0)])
    blended = poisson_blend(target, source, masks)
    for i in range(2):
        expected = poisson_blend(target[i : i + 1], source[i : i + 1], masks[i])
        torch.testing.assert_close(blended[i : i + 1], expected)


def test_an_empty_mask_leaves_the_target() -> None:
    assert torch.equal(poisson_blend(pictures(0), pictures(1), torch.zeros(9, 8)), pictures(0))


def test_the_whole_picture_has_no_border_to_join_at() -> None:
    with pytest.raises(UserError, match="whole picture"):
        PoissonSystem(torch.ones(4, 4))
