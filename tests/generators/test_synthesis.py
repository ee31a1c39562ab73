"""The synthesis network: the order of its w vectors, clamp, noise, hooks and weight shifts."""

import copy
import math

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.synthesis import SynthesisLayer, ToRGB
from tests.generators.networks import small_network

NETWORK = small_network()
LAYERS = ["b4.conv1", "b4.torgb", "b8.conv0", "b8.conv1", "b8.torgb"]
LAYERS += ["b16.conv0", "b16.conv1", "b16.torgb"]


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def codes(n: int = 2, seed: int = 0) -> Codes:
    return Codes(Space.W_PLUS, draw(n, 6, 6, seed=seed))


def test_layers_and_widths() -> None:
    widths = [s.stop - s.start for s in NETWORK.style_slices.values()]
    assert list(NETWORK.style_slices) == LAYERS
    assert widths == [7, 7, 7, 6, 6, 6, 5, 5]
    assert NETWORK.config.code_shapes[Space.S] == (sum(widths),)


@pytest.mark.parametrize("index", range(6))
def test_which_layers_read_which_w(index: int) -> None:
    """Two per block, but for the first; to-RGB reads what the next block's conv0 reads."""
    readers = {0: {0}, 1: {1, 2}, 2: {3}, 3: {4, 5}, 4: {6}, 5: {7}}[index]
    before = NETWORK.synthesis.styles(codes().values)
    moved = codes().values.clone()
    moved[:, index] += 1
    changed = (NETWORK.synthesis.styles(moved) != before).any(dim=0)
    parts = [bool(changed[part].any()) for part in NETWORK.style_slices.values()]
    assert {i for i, part in enumerate(parts) if part} == readers


def test_the_noise_is_added_before_the_bias() -> None:
    """Without kernels, a layer's output is its noise and bias through the activation."""
    layer = SynthesisLayer(3, 2, 4, w_dim=5, clamp=None).double().requires_grad_(False)
    layer.weight.zero_()
    layer.bias.copy_(torch.tensor([0.5, -0.25]))
    layer.noise_strength.fill_(0.7)
    x, styles = draw(2, 3, 4, 4), draw(2, 3, seed=1)
    plain = layer.bias[:, None, None].expand(2, 2, 4, 4)

    def activated(y: Tensor) -> Tensor:
        return torch.where(y > 0, y, 0.2 * y) * math.sqrt(2)

    torch.testing.assert_close(layer(x, styles, "none", None), activated(plain))
    constant = activated(plain + 0.7 * layer.noise_const)
    torch.testing.assert_close(layer(x, styles, "const", None), constant)


def test_random_noise_is_new_every_time_and_one_map_for_all_channels() -> None:
    seen: list[Tensor] = []

    def keep(name: str, x: Tensor) -> Tensor:
        return seen.append(x) or x if name == "b4.conv1" else x

    torch.manual_seed(0)
    images = [NETWORK.render(codes(), noise="random", hook=keep) for _ in range(2)]
    assert not torch.equal(*images)
    torch.manual_seed(0)
    torch.testing.assert_close(NETWORK.render(codes(), noise="random"), images[0])
    layer = copy.deepcopy(NETWORK.synthesis.get_submodule("b4.conv1"))
    layer.weight.zero_()
    layer.bias.zero_()
    y = layer(draw(2, 7, 4, 4), draw(2, 7), "random", None)
    torch.testing.assert_close(y, y[:, :1].expand_as(y))
    assert not torch.allclose(y[0], y[1])


def test_the_clamp_bites_after_the_gain() -> None:
    """Closed form: a bias of 1 comes out as sqrt(2), or as the bound where that is lower."""
    for bound, expected in ((0.9, 0.9), (1.4, 1.4), (2.0, math.sqrt(2))):
        layer = SynthesisLayer(3, 2, 4, 5, clamp=bound).double().requires_grad_(False)
        layer.weight.zero_()
        layer.bias.copy_(torch.tensor([1.0, -1.0]))
        y = layer(draw(1, 3, 4, 4), draw(1, 3), "none", None)
        torch.testing.assert_close(y[:, 0], torch.full_like(y[:, 0], expected))
        torch.testing.assert_close(y[:, 1], torch.full_like(y[:, 1], -0.2 * math.sqrt(2)))


def test_the_clamp_cuts_every_layer_and_nothing_else() -> None:
    free, bound = small_network(), small_network(conv_clamp=0.5)
    inside: dict[str, Tensor] = {}
    bound.render(codes(), hook=lambda name, x: inside.setdefault(name, x))
    x = free.synthesis.get_parameter("b4.const").expand(2, -1, -1, -1)
    styles = free.synthesis.styles(codes().values)
    for name, part in free.style_slices.items():
        layer = free.synthesis.get_submodule(name)
        arguments = (styles[:, part], None) if isinstance(layer, ToRGB) else (
            styles[:, part], "const", None
        )  # fmt: skip
        y = layer(x, *arguments)
        torch.testing.assert_close(inside[name], y.clamp(-0.5, 0.5))
        assert (y.abs() > 0.5).any(), name
        x = x if isinstance(layer, ToRGB) else inside[name]
    assert (bound.render(codes()).abs() > 0.5).any()  # the sum of the skips is free


def test_a_hook_replaces_what_goes_on() -> None:
    names: list[str] = []

    def hook(name: str, x: Tensor) -> Tensor:
        names.append(name)
        return torch.zeros_like(x) if name.endswith("torgb") else x

    assert NETWORK.render(codes(), hook=hook).abs().max() == 0
    assert names == LAYERS


@pytest.mark.parametrize("name", LAYERS)
def test_a_shift_renders_as_the_changed_network_would(name: str) -> None:
    changed = copy.deepcopy(NETWORK)
    kernel = changed.synthesis.get_submodule(name).weight
    shift = draw(*kernel.shape, seed=3)
    kernel += shift
    before = NETWORK.state_dict()[f"synthesis.{name}.weight"].clone()
    image = NETWORK.render(codes(), shifts={name: shift})
    torch.testing.assert_close(image, changed.render(codes()))
    assert not torch.allclose(image, NETWORK.render(codes()))
    assert torch.equal(NETWORK.state_dict()[f"synthesis.{name}.weight"], before)


def test_shifts_of_zero_change_nothing() -> None:
    kernels = {name: NETWORK.synthesis.get_submodule(name).weight for name in LAYERS}
    zeros = {name: torch.zeros_like(kernel) for name, kernel in kernels.items()}
    torch.testing.assert_close(NETWORK.render(codes(), shifts=zeros), NETWORK.render(codes()))


def test_shifts_per_sample_are_those_of_each_alone() -> None:
    names = ["b8.conv0", "b16.conv1", "b16.torgb"]
    kernels = [NETWORK.synthesis.get_submodule(name).weight for name in names]
    shifts = {n: draw(3, *k.shape, seed=i) for i, (n, k) in enumerate(zip(names, kernels))}  # noqa: B905
    together = NETWORK.render(codes(3), shifts=shifts)
    for i in range(3):
        one = {name: shift[i] for name, shift in shifts.items()}
        alone = NETWORK.render(codes(3)[i : i + 1], shifts=one)
        torch.testing.assert_close(together[i : i + 1], alone)


def test_mistakes_are_named() -> None:
    with pytest.raises(UserError, match="Unknown noise 'constant'. Did you mean noise=const?"):
        NETWORK.render(codes(), noise="constant")
    with pytest.raises(UserError, match="Unknown layer 'b8.conv2'. Did you mean layer=b8.conv"):
        NETWORK.render(codes(), shifts={"b8.conv2": draw(1)})
    with pytest.raises(UserError, match=r"\(3, 3\); its kernel is \(6, 7, 3, 3\)"):
        NETWORK.render(codes(), shifts={"b8.conv0": draw(3, 3)})
