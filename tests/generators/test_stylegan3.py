"""StyleGAN3 against recorded outputs of the reference, the formulas, its symmetries, and itself."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import jvp

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.checkpoints.stylegan3 import FORMS
from pipeline.generators.stylegan3 import StyleGAN3, StyleGAN3Config
from pipeline.methods.resefa import ReSeFa
from pipeline.regions.box import Box
from tests.conftest import Oracle
from tests.generators.stylegan3_cases import (
    RADIAL,
    naive_input,
    naive_stylegan3,
    small_stylegan3,
    turn,
)
from tests.generic import GeneratorCase, MethodCase

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is")
"""PyTorch's own forward mode warns of itself when it is first used."""

ORACLES = ["stylegan3_t_a", "stylegan3_r_a"]
SMALL = small_stylegan3()
Z = Codes(Space.Z, torch.randn(3, 5, generator=torch.Generator().manual_seed(0)).double())


def close(actual: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    """Equal within a fraction of the largest value."""
    largest = float(expected.abs().max())
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance * largest)


def seen_by(generator: StyleGAN3, codes: Codes) -> dict[str, Tensor]:
    """What every layer gives, as the hook sees it."""
    seen: dict[str, Tensor] = {}
    generator.render(codes, hook=lambda name, x: seen.setdefault(name, x))
    return seen


def like(network: StyleGAN3, psi: float = 1.0, cutoff: int | None = None) -> StyleGAN3:
    """The same network with a truncation."""
    made = StyleGAN3(network.config, psi, cutoff).to(network.w_avg.dtype)
    made.load_state_dict(network.state_dict())
    return made.eval().requires_grad_(False)


class Case:
    """A recorded network, read by name, with its inputs and outputs."""

    def __init__(self, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
        state = {k.removeprefix("state."): x for k, x in tensors.items() if "state." in k}
        self.network = FORMS[0].build(state)
        self.out = {k.removeprefix("out."): x for k, x in tensors.items() if "out." in k}
        self.z = Codes(Space.Z, tensors["in.z"])
        self.ws_mixed = Codes(Space.W_PLUS, tensors["in.ws_mixed"])
        self.names = ["input", *meta["derived"]["layer_names"]]


@pytest.fixture(params=ORACLES)
def case(request: pytest.FixtureRequest, oracle: Oracle) -> Case:
    return Case(*oracle(request.param))


def test_recorded_codes(case: Case) -> None:
    close(case.network.convert(case.z, Space.W).values, case.out["w"])
    near = like(case.network, 0.7).convert(case.z, Space.W_PLUS).values
    close(near, case.out["ws_psi0.7"])


def test_recorded_images(case: Case) -> None:
    close(case.network.render(case.z), case.out["image"])
    close(case.network.render(case.ws_mixed), case.out["image_ws_mixed"])
    close(like(case.network, 0.7).render(case.z), case.out["image_psi0.7"])


def test_recorded_styles_and_activations(case: Case) -> None:
    styles = case.network.convert(case.z, Space.S).values
    assert list(case.network.style_slices) == case.names
    for name, part in case.network.style_slices.items():
        close(styles[:, part], case.out[f"style.{name}"])
    seen = seen_by(case.network, case.z)
    recorded = {k.removeprefix("act."): x for k, x in case.out.items() if "act." in k}
    assert len(recorded) == 2
    for name, expected in recorded.items():
        close(seen[name], expected)


def test_the_comparison_sees_a_small_mistake(case: Case) -> None:
    case.network.get_buffer(f"synthesis.{case.names[2]}.up_filter").mul_(1.001)
    with pytest.raises(AssertionError):
        close(case.network.render(case.z), case.out["image"])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        RADIAL,
        {"conv_clamp": 0.7, "output_scale": 0.5},
        {"conv_clamp": None, "conv_kernel": 5, "margin_size": 7},
        {"filter_size": 4, "lrelu_upsampling": 4, **RADIAL},
        {"lrelu_upsampling": 1, "num_critical": 0},
        {"resolution": 24, "num_critical": 1, "first_cutoff": 3.0, "first_stopband": 6.0},
    ],
)
def test_formulas(changes: dict[str, Any]) -> None:
    network = small_stylegan3(**changes)
    w = network.convert(Z[:2], Space.W)
    size = network.resolution
    image = network.render(w)
    assert image.shape == (2, 3, size, size)
    close(seen_by(network, w)["input"], naive_input(network, w.values), 1e-10)
    close(image, naive_stylegan3(network, w.values), 1e-6)  # filters are kept in float32


def test_the_clamp_acts() -> None:
    free, bound = small_stylegan3(), small_stylegan3(conv_clamp=0.7)
    assert float((free.render(Z) - bound.render(Z)).abs().max()) > 0.01


@pytest.mark.parametrize("quarters", [1, 2])
def test_a_turned_input_turns_the_image_of_r(quarters: int) -> None:
    """Its kernels are points and its filters symmetric: quarter turns are exact."""
    network = small_stylegan3(**RADIAL)
    image = network.render(Z)
    transform = network.synthesis.input.transform
    transform.copy_(transform @ turn(quarters * torch.pi / 2))
    close(network.render(Z), image.rot90(quarters, dims=(2, 3)), 1e-10)


def test_a_shifted_input_shifts_the_image_of_t() -> None:
    """Away from the borders, by whole samples of the lowest rate: 1/8 of the image."""
    network = small_stylegan3(margin_size=30, first_cutoff=1.5, first_stopband=3.0)
    assert network.config.signals[0].rate == 8
    image = network.render(Z)
    transform = network.synthesis.input.transform
    transform.copy_(transform @ turn(0, x=1 / 8, y=2 / 8))
    moved = network.render(Z)
    close(moved[:, :, :12, :14], image[:, :, 4:, 2:], 1e-6)


def test_rotation_and_shift_count_in_units_of_the_rotation() -> None:
    styles = SMALL.convert(Z[:1], Space.S).values
    start = SMALL.render(Codes(Space.S, styles))
    longer, moved = styles.clone(), styles.clone()
    longer[:, :4] *= 3
    moved[:, 2] += 0.5
    torch.testing.assert_close(SMALL.render(Codes(Space.S, longer)), start)
    assert float((SMALL.render(Codes(Space.S, moved)) - start).abs().max()) > 0.01


def test_hook_replaces_what_goes_on() -> None:
    name = list(SMALL.style_slices)[2]
    other = Codes(Space.Z, Z.values.flip(0))
    kept = seen_by(SMALL, other)[name]
    image = SMALL.render(Z, hook=lambda n, x: kept if n == name else x)
    s, theirs = (SMALL.convert(c, Space.S).values for c in (Z, other))
    stop = SMALL.style_slices[name].stop
    mixed = torch.cat([theirs[:, :stop], s[:, stop:]], dim=1)
    torch.testing.assert_close(image, SMALL.render(Codes(Space.S, mixed)))


def test_hook_sees_every_layer_and_the_image() -> None:
    seen = seen_by(SMALL, Z)
    assert list(seen) == list(SMALL.style_slices)
    torch.testing.assert_close(list(seen.values())[-1] / 4, SMALL.render(Z))
    for name, signal in zip(list(seen)[1:], SMALL.config.signals, strict=True):
        assert seen[name].shape[2:] == (signal.size, signal.size)


@pytest.mark.parametrize("number", [0, 2, 4])
def test_shifts_act_as_changed_kernels(number: int) -> None:
    name, kernel = list(SMALL.synthesis.kernels.items())[number]
    shift = torch.randn(3, *kernel.shape, generator=torch.Generator().manual_seed(2)).double()
    images = SMALL.render(Z, shifts={name: shift})
    for i in range(3):
        alone = SMALL.render(Z[i : i + 1], shifts={name: shift[i]})
        torch.testing.assert_close(images[i : i + 1], alone)
    changed = like(SMALL)
    changed.synthesis.get_parameter(f"{name}.weight").add_(shift[0])
    torch.testing.assert_close(images[:1], changed.render(Z[:1]))


def test_shifts_that_do_not_fit() -> None:
    with pytest.raises(UserError, match="Unknown layer 'L0'"):
        SMALL.render(Z, shifts={"L0": torch.zeros(1)})
    with pytest.raises(UserError, match=r"is \(6, 6, 1, 1\); its kernel is \(6, 6, 3, 3\)"):
        SMALL.render(Z, shifts={"L0_24_6": torch.zeros(6, 6, 1, 1)})


def test_forward_derivatives_with_respect_to_a_shift() -> None:
    name, kernel = list(SMALL.synthesis.kernels.items())[1]
    direction = torch.randn(kernel.shape, generator=torch.Generator().manual_seed(2)).double()

    def image(strength: Tensor) -> Tensor:
        return SMALL.render(Z[:1], shifts={name: strength * direction})

    start, step = torch.zeros((), dtype=torch.float64), 1e-6
    _, forward = jvp(image, (start,), (torch.ones_like(start),))
    numeric = (image(start + step) - image(start - step)) / (2 * step)
    torch.testing.assert_close(forward, numeric, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cutoff", [None, 0, 2, 6])
def test_truncation_up_to_the_cutoff(cutoff: int | None) -> None:
    w = SMALL.convert(Z, Space.W).values
    near = SMALL.w_avg + 0.6 * (w - SMALL.w_avg)
    ws = like(SMALL, 0.6, cutoff).convert(Z, Space.W_PLUS).values
    changed = 6 if cutoff is None else cutoff
    for i in range(6):
        torch.testing.assert_close(ws[:, i], near if i < changed else w)


def test_a_cutoff_beyond_the_layers_is_refused() -> None:
    with pytest.raises(UserError, match=r"truncation_cutoff=7 must lie in 0\.\.6"):
        StyleGAN3(SMALL.config, 0.7, 7)


def test_class_conditional_network() -> None:
    network = small_stylegan3(num_classes=3)
    labels = network.sample(50, torch.Generator().manual_seed(0)).labels
    assert labels is not None and set(labels.tolist()) == {0, 1, 2}
    images = [network.render(Codes(Space.Z, Z.values, torch.full((3,), i))) for i in range(2)]
    assert float((images[0] - images[1]).abs().max()) > 0.01
    with pytest.raises(UserError, match="its codes need labels"):
        network.render(Z)


def test_a_new_network_has_an_image() -> None:
    """Initial values are the paper's: frequencies inside the band, no rotation, no shift."""
    network = StyleGAN3(StyleGAN3Config(16, (64, 8, 4), 4, 4))
    freqs = network.synthesis.input.freqs
    assert 1 < float(freqs.norm(dim=1).max()) <= 2
    codes = network.sample(2, torch.Generator().manual_seed(0))
    styles = network.convert(codes, Space.S).values
    assert torch.equal(styles[:, :4], torch.tensor([[1.0, 0, 0, 0]] * 2))
    assert float(network.render(codes).detach().std()) > 0.01


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resolution": 4}, r"resolution=4 must lie in 8\.\."),
        ({"channels": (3,)}, r"channels=\(3,\) must be"),
        ({"channels": (3, 0)}, "must be two or more numbers"),
        ({"num_critical": 4}, r"num_critical=4 must lie in 0\.\.3"),
        ({"first_cutoff": 5.0}, "first_cutoff=5.0 must be at least 1, and less"),
        ({"last_stopband_rel": 0.5}, "last_stopband_rel=0.5"),
        ({"conv_kernel": 2}, "conv_kernel=2 must be odd"),
        ({"margin_size": -1}, "margin_size=-1"),
        ({"filter_size": 0}, "filter_size=0"),
        ({"lrelu_upsampling": 1000}, "at most 1024 taps"),
    ],
)
def test_architectures_that_are_none(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=f"StyleGAN3: .*{said}"):
        StyleGAN3Config(**{"resolution": 16, "channels": (6, 5, 4, 3)} | changes)


def test_fingerprint_tells_architectures_apart() -> None:
    other = StyleGAN3(StyleGAN3Config(16, (6, 5, 4, 3), 5, 6, margin_size=4, output_scale=0.5))
    other = other.double()
    other.load_state_dict(SMALL.state_dict())
    assert other.fingerprint != SMALL.fingerprint


class TestStyleGAN3(GeneratorCase):
    """The common ground of all generators."""

    @pytest.fixture(params=[{}, RADIAL], ids=["t", "r"])
    def generator(self, request: pytest.FixtureRequest) -> StyleGAN3:
        """Both configurations."""
        return small_stylegan3(**request.param)


class TestReSeFaOnStyleGAN3(MethodCase):
    """A method at work on it."""

    @pytest.fixture(params=["w", "w+"])
    def method(self, request: pytest.FixtureRequest) -> ReSeFa:
        """In the spaces that it shares with StyleGAN2."""
        return ReSeFa(num_directions=2, num_codes=2, space=request.param, chunk=4)

    @pytest.fixture
    def generator(self) -> StyleGAN3:
        """Configuration T."""
        return small_stylegan3(dtype=torch.float32)

    @pytest.fixture
    def region(self) -> Box:
        """The lower middle."""
        return Box("lower", (0.7, 0.5), (0.4, 0.4))
