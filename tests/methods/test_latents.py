"""Steps in the spaces of a small StyleGAN-like generator."""

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.methods.latents import Coordinates, as_layer_range, resolve_layers, shift
from tests.generic import WaveGenerator

GENERATOR = WaveGenerator()
CODES = GENERATOR.sample(2, torch.Generator().manual_seed(0))
W = GENERATOR.convert(CODES, Space.W)


def test_a_step_in_w_moves_the_layers_of_its_range() -> None:
    step = torch.ones(1, 6, dtype=torch.float64)
    moved = shift(GENERATOR, CODES, step, Space.W, (1, 3))
    difference = moved.values - GENERATOR.convert(CODES, Space.W_PLUS).values
    assert moved.space == Space.W_PLUS
    assert difference[:, 0].abs().max() == difference[:, 3].abs().max() == 0
    torch.testing.assert_close(difference[:, 1:3], torch.ones(2, 2, 6, dtype=torch.float64))


def test_a_step_in_all_layers_of_w_is_one_in_w() -> None:
    step = torch.randn(2, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    moved = shift(GENERATOR, W, step, Space.W)
    expected = GENERATOR.render(Codes(Space.W, W.values + step))
    torch.testing.assert_close(GENERATOR.render(moved), expected)


def test_a_step_in_z_goes_through_the_mapping() -> None:
    step = torch.full((1, 6), 0.1, dtype=torch.float64)
    moved = shift(GENERATOR, CODES, step, Space.Z)
    torch.testing.assert_close(moved.values, CODES.values + 0.1)


def test_a_step_above_the_codes_is_refused() -> None:
    with pytest.raises(UserError, match="no way from w to z"):
        shift(GENERATOR, W, torch.zeros(1, 6), Space.Z)


@pytest.mark.parametrize(
    ("space", "layers", "size", "shape"),
    [
        (Space.Z, None, 6, (6,)),
        (Space.W, None, 6, (6,)),
        (Space.W, (1, 3), 6, (6,)),
        (Space.W_PLUS, None, 24, (4, 6)),
        (Space.W_PLUS, (1, 3), 12, (4, 6)),
    ],
)
def test_coordinates_of_every_space(
    space: Space, layers: tuple[int, int] | None, size: int, shape: tuple[int, ...]
) -> None:
    coordinates = Coordinates.of(GENERATOR, CODES, space, layers)
    flat = torch.arange(1.0, size + 1, dtype=torch.float64)
    step = coordinates.step(flat)
    assert len(coordinates) == size
    assert step.shape == shape
    torch.testing.assert_close(step[step != 0], flat)
    assert coordinates.step(flat.expand(2, 3, -1)).shape == (2, 3, *shape)


def test_coordinates_of_some_layers_leave_the_others() -> None:
    step = Coordinates.of(GENERATOR, W, Space.W_PLUS, (1, 3)).step(torch.ones(12))
    assert step[[0, 3]].abs().sum() == 0
    assert (step[1:3] == 1).all()


@pytest.mark.parametrize("layers", [[3, 3], [4, 2], [-1, 2], [1], [1, 2, 3]])
def test_no_layer_range(layers: list[int]) -> None:
    with pytest.raises(UserError, match="half-open range"):
        as_layer_range(layers)


def test_layers_beyond_the_generator() -> None:
    assert as_layer_range([1, 4]) == (1, 4)
    assert resolve_layers(None, 4) == (0, 4)
    with pytest.raises(UserError, match="4 w\\+ layers"):
        resolve_layers((3, 5), 4)
