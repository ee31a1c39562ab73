"""M_f and M_b of generators against the explicit Jacobian."""

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.methods.jacobian import jacobian
from pipeline.methods.region_grams import (
    Channels,
    RegionJacobian,
    RegionPass,
    averaged,
    layer_ranges,
    region_masks,
    require_background,
    working_resolution,
)
from pipeline.regions.box import Box
from pipeline.regions.part import Part
from tests.generic import WaveGenerator

WAVES = WaveGenerator()
CODES = WAVES.sample(3, torch.Generator().manual_seed(0))
MOUTH = Box("mouth", [0.7, 0.5], [0.25, 0.5])


def explicit(code: Tensor, channels: Channels, resolution: int) -> tuple[Tensor, Tensor]:
    """The matrices at one w, from the full Jacobian."""

    def image(w: Tensor) -> Tensor:
        pixels = torch.nn.functional.avg_pool2d(
            WAVES.render(Codes(Space.W, w[None])), 16 // resolution
        )[0]
        summed = pixels.sum(0, keepdim=True)
        return {"rgb": pixels, "sum": summed, "mean": summed / 3}[channels]

    J = jacobian(image, code)
    inside = MOUTH.mask(resolution).bool().expand(len(J), -1, -1)
    parts = J[inside], J[~inside]
    return parts[0].T @ parts[0] / len(parts[0]), parts[1].T @ parts[1] / len(parts[1])


@pytest.mark.parametrize("channels", Channels)
@pytest.mark.parametrize("resolution", [16, 8])
def test_equal_the_explicit_matrices(channels: Channels, resolution: int) -> None:
    how = RegionJacobian(Space.W, None, channels, resolution, chunk=4, max_bytes=2**20)
    start, coordinates = how.start(WAVES, CODES[:1])
    grams = how.grams(WAVES, start, coordinates, [MOUTH])
    found = RegionPass(grams, ("mouth",), 0.0).matrices()
    expected = explicit(WAVES.convert(CODES, Space.W).values[0], channels, resolution)
    torch.testing.assert_close(found, expected)


def test_masks_of_each_image() -> None:
    fixed = MOUTH.mask(16)
    part = Part("mouth", lambda images: fixed.expand(len(images), -1, -1).to(torch.uint8), [1])
    singles = [CODES[i : i + 1] for i in range(3)]
    torch.testing.assert_close(region_masks(WAVES, singles, MOUTH, 16), fixed[None])
    assert torch.equal(region_masks(WAVES, singles, part, 16), fixed.expand(3, -1, -1))


def test_averages_over_areas() -> None:
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(averaged(images, 2), torch.nn.functional.avg_pool2d(images, 4))
    assert averaged(images, 8) is images


def test_the_working_resolution_divides_the_generators() -> None:
    assert working_resolution(WAVES, None, "size") == 16
    assert working_resolution(WAVES, 4, "size") == 4
    for wanted in (0, 5, 32):
        with pytest.raises(UserError, match=f"size={wanted} must divide .* 16"):
            working_resolution(WAVES, wanted, "size")


def test_layers_of_the_edits_are_those_looked_at_unless_given() -> None:
    assert layer_ranges(Space.W, None, None) == (None, None)
    assert layer_ranges(Space.W, [1, 3], None) == ((1, 3), (1, 3))
    assert layer_ranges(Space.W, [1, 3], [0, 4]) == ((1, 3), (0, 4))
    assert layer_ranges(Space.W_PLUS, [1, 3], [1, 2]) == ((1, 3), (1, 2))
    with pytest.raises(UserError, match="must lie within"):
        layer_ranges(Space.W_PLUS, [1, 3], [0, 2])
    with pytest.raises(UserError, match="space=z has none"):
        layer_ranges(Space.Z, [1, 3], None)


def test_a_region_must_leave_a_background() -> None:
    require_background(MOUTH, 16)
    with pytest.raises(UserError, match="no background to preserve"):
        require_background(Box("all", [0.5, 0.5], [1, 1]), 16)
