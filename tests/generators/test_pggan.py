"""PGGAN against recorded outputs of the reference, the formulas, and itself."""

import pytest
import torch
from torch import Tensor
from torch.func import jvp, vmap

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.checkpoints.pggan import FORMS
from pipeline.generators.checkpoints.progressive import layer_name
from pipeline.generators.pggan import PGGAN, PGGANConfig
from tests.conftest import Oracle
from tests.generators.progressive_cases import hammer_pggan, naive_pggan

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is")
"""PyTorch's own forward mode warns of itself when it is first used."""

BUILD = {form.name: form.build for form in FORMS}


def close(actual: Tensor, expected: Tensor, tolerance: float = 2e-5) -> None:
    """Equal within 2e-5 of the largest value: five times less than what is asked for."""
    largest = float(expected.abs().max().clamp(min=1))
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance * largest)


def state_of(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix("state."): x for k, x in tensors.items() if k.startswith("state.")}


def doubled(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k: x.double() for k, x in state.items()}


def normalised(z: Tensor) -> Tensor:
    return z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()


def seen_by(generator: PGGAN, codes: Codes) -> dict[str, Tensor]:
    seen: dict[str, Tensor] = {}
    generator.render(codes, hook=lambda name, x: seen.setdefault(name, x))
    return seen


@pytest.fixture(scope="module")
def small() -> PGGAN:
    """Random, 16 px, in float64."""
    generator: PGGAN = BUILD["pggan-genforce"](hammer_pggan((4, 3, 3))).double()
    return generator


def codes_of(generator: PGGAN, n: int, seed: int = 0) -> Codes:
    codes = generator.sample(n, torch.Generator().manual_seed(seed))
    return codes.with_values(codes.values.to(generator.torgb.bias.dtype))


def test_hammer_oracle(oracle: Oracle) -> None:
    t, _ = oracle("pggan_hammer_a")
    generator, z = BUILD["pggan-genforce"](state_of(t)), Codes(Space.Z, t["in.z"])
    close(generator.inputs(z), t["out.z_normalised"])
    close(generator.render(z), t["out.image"])
    seen = seen_by(generator, z)
    for i in (0, 1, 3, 4):
        close(seen[layer_name(i)], t[f"out.act.layer{i}"])


def test_tensorflow_oracle(oracle: Oracle) -> None:
    t, _ = oracle("tf_pggan_a")
    generator = BUILD["pggan-tensorflow"](state_of(t))
    close(generator.render(Codes(Space.Z, t["in.z"])), t["out.image"])


@pytest.mark.parametrize("channels", [(5, 4, 3), (4, 3, 3, 2, 2, 2)])
@pytest.mark.parametrize("fused", [False, True])
def test_formulas_below_and_from_128_px(channels: tuple[int, ...], fused: bool) -> None:
    state = hammer_pggan(channels, fused)
    generator, state = BUILD["pggan-genforce"](state).double(), doubled(state)
    z = codes_of(generator, 2)
    image = generator.render(z)
    assert image.shape == (2, 3, generator.resolution, generator.resolution)
    close(image, naive_pggan(state, normalised(z.values), fused), 1e-10)


@pytest.mark.parametrize("normalize_z", [True, False])
def test_class_conditional(normalize_z: bool) -> None:
    state = hammer_pggan((4, 3))
    plain = BUILD["pggan-genforce"](state)
    config = PGGANConfig(8, (4, 3), 5, 2, normalize_z)
    generator = PGGAN(config)
    generator.load_state_dict(plain.state_dict())
    z = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
    one_hot = torch.tensor([[0.0, 1], [1, 0]])
    first = normalised(z) if normalize_z else z
    expected = naive_pggan(state, torch.cat([first, one_hot], dim=1))
    codes = Codes(Space.Z, z, torch.tensor([1, 0]))
    close(generator.render(codes).detach(), expected)
    sampled = generator.sample(50, torch.Generator().manual_seed(0)).labels
    assert sampled is not None and set(sampled.tolist()) == {0, 1}
    with pytest.raises(UserError, match="class-conditional"):
        generator.render(Codes(Space.Z, z))


def test_images_do_not_depend_on_the_batch(small: PGGAN) -> None:
    z = codes_of(small, 3)
    singles = torch.cat([small.render(z[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(small.render(z), singles)


def test_forward_mode_is_the_derivative(small: PGGAN) -> None:
    z, step = codes_of(small, 2).values, codes_of(small, 2, seed=1).values

    def render(z: Tensor) -> Tensor:
        return small.render(Codes(Space.Z, z))

    _, moved = jvp(render, (z,), (step,))
    difference = (render(z + 1e-6 * step) - render(z - 1e-6 * step)) / 2e-6
    torch.testing.assert_close(moved, difference, rtol=1e-5, atol=1e-6)
    both = vmap(lambda tangent: jvp(render, (z,), (tangent,))[1])(torch.stack([step, 2 * step]))
    torch.testing.assert_close(both, torch.stack([moved, 2 * moved]))
    reverse = torch.autograd.functional.vjp(lambda z: (render(z) * moved).sum(), z)[1]
    torch.testing.assert_close((reverse * step).sum(), moved.square().sum())


@pytest.mark.parametrize("name", ["b4.conv0", "b4.conv1", "b8.conv0", "torgb"])
def test_shifts_act_as_changed_kernels(small: PGGAN, name: str) -> None:
    codes, kernel = codes_of(small, 2), small.kernels[name]
    shift = torch.randn(2, *kernel.shape, generator=torch.Generator().manual_seed(2)).double()
    images = small.render(codes, shifts={name: shift})
    for i in range(2):
        alone = small.render(codes[i : i + 1], shifts={name: shift[i]})
        torch.testing.assert_close(images[i : i + 1], alone)
    changed = PGGAN(small.config).double()
    changed.load_state_dict(small.state_dict())
    path = "torgb.weight" if name == "torgb" else f"{name}.conv.weight"
    with torch.no_grad():
        changed.get_parameter(path).copy_(kernel + shift[0])
        torch.testing.assert_close(images[:1], changed.render(codes[:1]))


def test_hook_replaces_what_goes_on(small: PGGAN) -> None:
    codes, other = codes_of(small, 2), codes_of(small, 2, seed=1)
    kept = seen_by(small, other)["b8.conv1"]
    image = small.render(codes, hook=lambda name, x: kept if name == "b8.conv1" else x)
    torch.testing.assert_close(image, small.render(other))


def test_codes_and_shifts_that_do_not_fit(small: PGGAN) -> None:
    z = codes_of(small, 2)
    with pytest.raises(UserError, match="cannot turn codes of 'z' into 'w': its codes live in z"):
        small.convert(z, Space.W)
    with pytest.raises(UserError, match=r"of shape \[7\]; these are \[6\]"):
        small.render(z.with_values(z.values[:, :6]))
    with pytest.raises(UserError, match="Unknown layer 'b32.conv0'"):
        small.render(z, shifts={"b32.conv0": torch.zeros(3, 3, 3, 3)})
    with pytest.raises(UserError, match="method=sefa needs the space 's'"):
        small.require(Space.S, "method=sefa")


def test_dimensions_that_are_none() -> None:
    with pytest.raises(UserError, match="z_dim=0 must be at least 1"):
        PGGANConfig(8, (2, 2), z_dim=0)
