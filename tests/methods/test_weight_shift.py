"""Edits of weights: equal to really changing them, on every architecture, and without doing so."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Generator, Space
from pipeline.generators.layers_biggan import Spectral
from pipeline.methods.edits import Edits
from pipeline.methods.weight_shift import (
    NATURAL_CHANGE,
    WeightShiftEdit,
    edits_of,
    kernel_of,
    render_shifted,
    unit_norm,
)
from tests.generators.networks import small_network
from tests.generic import WaveGenerator
from tests.methods.navigation import SMALL, codes_of

STRENGTHS = torch.tensor([0.7, -1.3, 0.2], dtype=torch.float64)


def some_shifts(kernel: Tensor, count: int = 1) -> Tensor:
    random = torch.Generator().manual_seed(2)
    return unit_norm(torch.randn(count, *kernel.shape, generator=random, dtype=torch.float64))


def an_edit(generator: Generator, layer: str) -> WeightShiftEdit:
    shift = some_shifts(generator.kernels[layer])
    return edits_of(shift, layer, "some", generator)[0]


def changed(generator: Generator, layer: str, by: Tensor) -> Generator:
    """A copy whose weight is another; of spectral layers the norm stays that of the old one."""
    other = copy.deepcopy(generator)
    kernel = other.kernels[layer]
    for module in other.modules():
        if isinstance(module, Spectral) and module.weight is kernel:
            sigma = module.sigma()
            module.sigma = sigma.clone  # type: ignore[method-assign]
    with torch.no_grad():
        kernel.add_(by)
    return other


@pytest.mark.parametrize("name", SMALL)
def test_equals_a_changed_weight(name: str) -> None:
    """First, middle and last kernel: with one strength, and with one for each image."""
    generator = SMALL[name]()
    codes = codes_of(generator)
    before = {k: x.clone() for k, x in generator.state_dict().items()}
    plain = generator.render(codes)
    layers = list(generator.kernels)
    for layer in {layers[0], layers[len(layers) // 2], layers[-1]}:
        edit = an_edit(generator, layer)
        expected = changed(generator, layer, 0.7 * edit.shift).render(codes)
        torch.testing.assert_close(edit.apply(generator, codes, 0.7), expected)
        each = edit.apply(generator, codes, STRENGTHS)
        torch.testing.assert_close(each[:1], expected[:1])
        for row in (1, 2):
            alone = changed(generator, layer, STRENGTHS[row] * edit.shift).render(codes)
            torch.testing.assert_close(each[row], alone[row])
    assert all(torch.equal(x, before[k]) for k, x in generator.state_dict().items())
    assert torch.equal(generator.render(codes), plain)


@pytest.mark.parametrize("name", SMALL)
def test_each_sample_has_its_own_direction(name: str) -> None:
    generator = SMALL[name]()
    codes = codes_of(generator)
    layer = list(generator.kernels)[len(generator.kernels) // 2]
    shifts = some_shifts(generator.kernels[layer], 3)
    together = render_shifted(generator, codes, {layer: shifts})
    for row in range(3):
        few = codes[row : row + 1]
        alone = render_shifted(generator, few, {layer: shifts[row]})
        torch.testing.assert_close(together[row : row + 1], alone)
    assert (together[0] - generator.render(codes)[0]).abs().max() > 1e-4


def test_is_differentiable_in_the_strength() -> None:
    generator = small_network()
    codes, edit = codes_of(generator), an_edit(generator, "b8.conv1")
    for strength in (torch.tensor(0.3, dtype=torch.float64), STRENGTHS.clone()):
        t = strength.requires_grad_()
        (slope,) = torch.autograd.grad(edit.apply(generator, codes, t).square().sum(), t)
        step = 1e-6
        with torch.no_grad():
            ahead, behind = (
                edit.apply(generator, codes, strength + s).square().sum() for s in (step, -step)
            )
        assert float(slope.sum()) == pytest.approx(float(ahead - behind) / (2 * step), rel=1e-4)


@pytest.mark.parametrize("layer", ["b4.conv1", "b16.conv1"])
def test_a_natural_step_moves_pixels_by_as_much_in_every_layer(layer: str) -> None:
    generator = small_network()
    codes, edit = codes_of(generator), an_edit(generator, layer)
    step = edit.spread(generator, codes)
    moved = edit.apply(generator, codes, step) - generator.render(codes)
    assert float(moved.square().mean().sqrt()) == pytest.approx(NATURAL_CHANGE, rel=0.1)


def test_a_shift_without_effect_has_a_finite_step() -> None:
    generator = small_network()
    for name in ("b8.torgb", "b16.torgb"):
        generator.kernels[name].zero_()
    generator.get_parameter("synthesis.b4.torgb.weight").zero_()
    step = an_edit(generator, "b8.conv1").spread(generator, codes_of(generator))
    assert 0 < step < 1e6


def test_what_cannot_be_shifted() -> None:
    with pytest.raises(UserError, match="needs the space 'parameters', which generator=waves"):
        kernel_of(WaveGenerator(), "b8.conv1", "method=navigan_svd")
    with pytest.raises(UserError, match="Did you mean layer=b8.conv1"):
        kernel_of(small_network(), "b8.conv2", "method=navigan_svd")
    edit = an_edit(small_network(), "b8.conv1")
    with pytest.raises(UserError, match="was found on generator="):
        edit.apply(small_network(seed=1), codes_of(small_network()), 1.0)


@pytest.mark.parametrize("name", SMALL)
def test_generators_name_their_kernels(name: str) -> None:
    generator = SMALL[name]()
    assert Space.PARAMETERS in generator.spaces
    assert len(generator.kernels) >= 4
    assert all(kernel.ndim == 4 for kernel in generator.kernels.values())


def test_survives_its_file(tmp_path: Path) -> None:
    generator = small_network()
    edit = an_edit(generator, "b8.conv1")
    header = {"method": "some", "generator": generator.name, "region": "all", "seed": 0}
    Edits(edits=(edit,), fingerprint=generator.fingerprint, **header).save(tmp_path / "e")  # type: ignore[arg-type]
    loaded = Edits.load(tmp_path / "e")[0]
    assert isinstance(loaded, WeightShiftEdit)
    assert (loaded.name, loaded.layer) == ("some/b8.conv1/0", "b8.conv1")
    assert torch.equal(loaded.shift, edit.shift)
