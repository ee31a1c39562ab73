"""StyleGAN2 as a generator: configuration, the chain of spaces, derivatives."""

import re

import pytest
import torch
from torch import Tensor
from torch.func import jacrev, jvp, vmap

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config, channels_for
from tests.generators.networks import small_network

# torch compiles its forward-mode rules on first use, by its own deprecated function.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is")

NETWORK = small_network()


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


Z = Codes(Space.Z, draw(3, 5))


def truncated(psi: float, cutoff: int | None) -> StyleGAN2:
    network = StyleGAN2(NETWORK.config, psi, cutoff).double().requires_grad_(False)
    network.load_state_dict(NETWORK.state_dict())
    return network


@pytest.mark.parametrize(
    ("resolution", "channels"),
    [(0, (4, 4)), (4, (4,)), (24, (4, 4, 4)), (16, (4, 4)), (16, (4, 4, 0)), (8, (4, 4, 4))],
)
def test_wrong_sizes_are_refused(resolution: int, channels: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=f"resolution={resolution} must be a power of two"):
        StyleGAN2Config(resolution, channels)


@pytest.mark.parametrize("cutoff", [-1, 7])
def test_a_cutoff_beyond_the_layers_is_refused(cutoff: int) -> None:
    with pytest.raises(UserError, match=rf"truncation_cutoff={cutoff} must lie in 0\.\.6"):
        StyleGAN2(NETWORK.config, 0.7, cutoff)


def test_channels_of_the_official_configurations() -> None:
    config_f = (512, 512, 512, 512, 512, 256, 128, 64, 32)
    assert channels_for(1024, 32768) == config_f
    assert channels_for(256, 16384) == (512, 512, 512, 512, 256, 128, 64)
    assert channels_for(8, 64, 12) == (12, 8)


@pytest.mark.parametrize("n", [1, 3])
def test_shapes_down_the_chain(n: int) -> None:
    shapes = {Space.Z: (5,), Space.W: (6,), Space.W_PLUS: (6, 6), Space.S: (49,)}
    for space, shape in shapes.items():
        assert NETWORK.convert(Z[:n], space).values.shape == (n, *shape)
    assert NETWORK.render(Z[:n]).shape == (n, 3, 16, 16)


@pytest.mark.parametrize("space", [Space.W, Space.W_PLUS, Space.S])
def test_every_space_renders_the_same_image(space: Space) -> None:
    torch.testing.assert_close(NETWORK.render(NETWORK.convert(Z, space)), NETWORK.render(Z))


def test_a_batch_renders_as_its_samples_do() -> None:
    together = NETWORK.render(Z)
    for i in range(3):
        torch.testing.assert_close(NETWORK.render(Z[i : i + 1]), together[i : i + 1])


def test_there_is_no_way_back() -> None:
    w = NETWORK.convert(Z, Space.W)
    for codes, space in ((w, Space.Z), (w, Space.ACTIVATIONS), (Z, Space.PARAMETERS)):
        with pytest.raises(UserError, match=f"codes of '{codes.space}' into '{space}'.*z -> w"):
            NETWORK.convert(codes, space)


@pytest.mark.parametrize(
    ("space", "shape"), [(Space.Z, (6,)), (Space.W, (7,)), (Space.W_PLUS, (8, 6)), (Space.S, (48,))]
)
def test_codes_of_another_network_are_refused(space: Space, shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=rf"codes of '{re.escape(space)}'.*these are \[{shape[0]}"):
        NETWORK.render(Codes(space, draw(2, *shape)))


@pytest.mark.parametrize("cutoff", [None, 0, 2, 6])
def test_truncation_up_to_the_cutoff(cutoff: int | None) -> None:
    network = truncated(0.6, cutoff)
    w = NETWORK.convert(Z, Space.W).values
    near = network.mapping.w_avg + 0.6 * (w - network.mapping.w_avg)
    ws = network.convert(Z, Space.W_PLUS).values
    changed = 6 if cutoff is None else cutoff
    for i in range(6):
        torch.testing.assert_close(ws[:, i], near if i < changed else w)
    torch.testing.assert_close(network.render(Z), network.render(Codes(Space.W_PLUS, ws)))


def test_a_cutoff_leaves_no_single_w() -> None:
    with pytest.raises(UserError, match="use the space 'w\\+', or truncation_cutoff=null"):
        truncated(0.6, 2).convert(Z, Space.W)


def test_samples_follow_from_the_generator_alone() -> None:
    first, second = (NETWORK.sample(4, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first.values, second.values)
    assert (first.space, first.labels, first.values.shape) == (Space.Z, None, (4, 5))
    assert not torch.equal(first.values, NETWORK.sample(4, torch.Generator()).values)


def test_class_conditional_network() -> None:
    network = small_network(num_classes=3, dtype=torch.float32)
    codes = network.sample(50, torch.Generator().manual_seed(0))
    assert codes.labels is not None
    assert set(codes.labels.tolist()) == {0, 1, 2}
    w = network.convert(codes[:2], Space.W)
    assert torch.equal(w.labels, codes.labels[:2])  # type: ignore[arg-type]
    torch.testing.assert_close(network.render(w), network.render(codes[:2]))
    other = Codes(Space.Z, codes.values[:2], (codes.labels[:2] + 1) % 3)
    assert not torch.allclose(network.render(other), network.render(w))
    with pytest.raises(UserError, match="its codes need labels"):
        network.render(Codes(Space.Z, codes.values))


def from_space(space: Space) -> tuple[Tensor, Tensor]:
    """A code of the space and a direction in it."""
    point = NETWORK.convert(Z[:1], space).values[0].clone()  # w+ is an expanded view
    return point, draw(*point.shape, seed=5)


@pytest.mark.parametrize("space", [Space.Z, Space.W, Space.W_PLUS, Space.S])
def test_forward_derivatives_against_differences_and_reverse_mode(space: Space) -> None:
    point, direction = from_space(space)

    def image(values: Tensor) -> Tensor:
        return NETWORK.render(Codes(space, values[None]))[0]

    _, forward = jvp(image, (point,), (direction,))
    step = 1e-6
    numeric = (image(point + step * direction) - image(point - step * direction)) / (2 * step)
    torch.testing.assert_close(forward, numeric, rtol=1e-5, atol=1e-5)
    rows = jacrev(image)(point).flatten(3)
    torch.testing.assert_close(forward, rows @ direction.flatten(), rtol=1e-9, atol=1e-9)


def test_forward_derivatives_in_batches() -> None:
    """``vmap`` of ``jvp`` over directions is each alone."""
    point, _ = from_space(Space.W)
    directions = draw(4, 6, seed=6)

    def column(direction: Tensor) -> Tensor:
        def image(w: Tensor) -> Tensor:
            return NETWORK.render(Codes(Space.W, w[None]))[0]

        return jvp(image, (point,), (direction,))[1]

    together = vmap(column)(directions)
    torch.testing.assert_close(together, torch.stack([column(d) for d in directions]))


def test_forward_derivatives_with_respect_to_a_weight_shift() -> None:
    w = NETWORK.convert(Z[:1], Space.W)
    direction = draw(*NETWORK.synthesis.get_submodule("b8.conv0").weight.shape, seed=8)

    def image(strength: Tensor) -> Tensor:
        return NETWORK.render(w, shifts={"b8.conv0": strength * direction})[0]

    start, step = torch.zeros((), dtype=torch.float64), 1e-6
    _, forward = jvp(image, (start,), (torch.ones_like(start),))
    numeric = (image(start + step) - image(start - step)) / (2 * step)
    torch.testing.assert_close(forward, numeric, rtol=1e-5, atol=1e-5)
