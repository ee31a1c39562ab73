"""StyleGAN against recorded outputs of the reference, the formulas, and itself."""

import pytest
import torch
from torch import Tensor
from torch.func import jvp, vmap

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.checkpoints.progressive import layer_name
from pipeline.generators.checkpoints.stylegan import FORMS
from pipeline.generators.progressive import instance_norm
from pipeline.generators.stylegan import StyleGAN, StyleGANConfig
from tests.conftest import Oracle
from tests.generators.progressive_cases import hammer_stylegan, naive_mapping, naive_stylegan

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


def truncated(generator: StyleGAN, psi: float, cutoff: int | None = None) -> StyleGAN:
    made = StyleGAN(generator.config, psi, cutoff)
    made.load_state_dict(generator.state_dict())
    return made.to(generator.w_avg.dtype).requires_grad_(False)


def seen_by(generator: StyleGAN, codes: Codes) -> dict[str, Tensor]:
    """What every layer and its instance norm give, as the hook sees it."""
    seen: dict[str, Tensor] = {}
    generator.render(codes, hook=lambda name, x: seen.setdefault(name, x))
    return seen


@pytest.fixture(scope="module")
def small() -> StyleGAN:
    """Random, 16 px, in float64."""
    state = hammer_stylegan((4, 3, 3))
    generator: StyleGAN = BUILD["stylegan-hammer"](state).double()
    return generator


def codes_of(generator: StyleGAN, n: int, seed: int = 0) -> Codes:
    codes = generator.sample(n, torch.Generator().manual_seed(seed))
    return codes.with_values(codes.values.to(generator.w_avg.dtype))


def test_hammer_oracle(oracle: Oracle) -> None:
    t, _ = oracle("stylegan_hammer_a")
    generator, z = BUILD["stylegan-hammer"](state_of(t)), Codes(Space.Z, t["in.z"])
    close(generator.convert(z, Space.W).values, t["out.w"])
    close(generator.convert(z, Space.W_PLUS).values, t["out.wp"])
    close(generator.render(z), t["out.image_const"])
    close(generator.render(z, noise="none"), t["out.image_none"])
    close(generator.render(Codes(Space.W_PLUS, t["in.wp"])), t["out.image_wp_const"])
    near = truncated(generator, 0.7, 4)
    close(near.convert(z, Space.W_PLUS).values, t["out.wp_psi0.7_layers4"])
    close(near.render(z), t["out.image_psi0.7_const"])


def test_hammer_oracle_layers(oracle: Oracle) -> None:
    t, _ = oracle("stylegan_hammer_a")
    generator, z = BUILD["stylegan-hammer"](state_of(t)), Codes(Space.Z, t["in.z"])
    styles = generator.convert(z, Space.S).values
    assert list(generator.style_slices) == [layer_name(i) for i in range(8)]
    for i in range(8):
        close(styles[:, generator.style_slices[layer_name(i)]], t[f"out.style.style{i}"])
    seen = seen_by(generator, z)
    for i in (3, 5):
        close(seen[layer_name(i)], t[f"out.act.layer{i}"])


def test_tensorflow_oracle(oracle: Oracle) -> None:
    t, _ = oracle("tf_stylegan_a")
    generator, z = BUILD["stylegan-tensorflow"](state_of(t)), Codes(Space.Z, t["in.z"])
    close(generator.convert(z, Space.W).values, t["out.w"])
    close(generator.render(z), t["out.image"])
    close(truncated(generator, 0.7).render(z), t["out.image_psi0.7"])


@pytest.mark.parametrize("channels", [(5, 4, 3), (4, 3, 3, 2, 2, 2)])
def test_formulas_below_and_from_128_px(channels: tuple[int, ...]) -> None:
    state = hammer_stylegan(channels)
    generator, state = BUILD["stylegan-hammer"](state).double(), doubled(state)
    z = codes_of(generator, 2)
    w = generator.convert(z, Space.W)
    close(w.values, naive_mapping(state, z.values), 1e-12)
    image = generator.render(z)
    assert image.shape == (2, 3, generator.resolution, generator.resolution)
    close(image, naive_stylegan(state, w.values), 1e-10)


def test_class_conditional_mapping() -> None:
    state = hammer_stylegan((4, 3), classes=3)
    generator, state = BUILD["stylegan-hammer"](state).double(), doubled(state)
    z = Codes(Space.Z, codes_of(generator, 2).values, torch.tensor([2, 0]))
    one_hot = torch.tensor([[0.0, 0, 1], [1, 0, 0]]).double()
    close(generator.convert(z, Space.W).values, naive_mapping(state, z.values, one_hot), 1e-12)
    mixed = Codes(Space.Z, z.values, one_hot)
    torch.testing.assert_close(generator.render(z), generator.render(mixed))
    sampled = generator.sample(50, torch.Generator().manual_seed(0)).labels
    assert sampled is not None and set(sampled.tolist()) == {0, 1, 2}
    with pytest.raises(UserError, match="class-conditional"):
        generator.render(Codes(Space.Z, z.values))


def test_instance_norm_eps_is_used() -> None:
    state = hammer_stylegan((4, 3))
    generator = BUILD["stylegan-hammer"](
        {f"models.generator.{k}": x for k, x in state.items()}
        | {"model_kwargs_init.generator.eps": 0.5}
    ).double()
    w = torch.randn(2, 6, generator=torch.Generator().manual_seed(0)).double()
    image, state = generator.render(Codes(Space.W, w)), doubled(state)
    close(image, naive_stylegan(state, w, eps=0.5), 1e-10)
    assert float((image - naive_stylegan(state, w)).abs().max()) > 0.01


def test_spaces_give_one_image(small: StyleGAN) -> None:
    z = codes_of(small, 3)
    image = small.render(z)
    for space in (Space.W, Space.W_PLUS, Space.S):
        torch.testing.assert_close(small.render(small.convert(z, space)), image)


def test_images_do_not_depend_on_the_batch(small: StyleGAN) -> None:
    z = codes_of(small, 3)
    singles = torch.cat([small.render(z[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(small.render(z), singles)


def test_forward_mode_is_the_derivative(small: StyleGAN) -> None:
    w = small.convert(codes_of(small, 2), Space.W).values
    step = torch.randn(w.shape, generator=torch.Generator().manual_seed(1), dtype=w.dtype)

    def render(w: Tensor) -> Tensor:
        return small.render(Codes(Space.W, w))

    _, moved = jvp(render, (w,), (step,))
    difference = (render(w + 1e-6 * step) - render(w - 1e-6 * step)) / 2e-6
    torch.testing.assert_close(moved, difference, rtol=1e-5, atol=1e-6)
    basis = torch.stack([step, 2 * step])
    both = vmap(lambda tangent: jvp(render, (w,), (tangent,))[1])(basis)
    torch.testing.assert_close(both, torch.stack([moved, 2 * moved]))
    reverse = torch.autograd.functional.vjp(lambda w: (render(w) * moved).sum(), w)[1]
    torch.testing.assert_close((reverse * step).sum(), moved.square().sum())


def test_forward_mode_at_128_px_where_kernels_are_fused() -> None:
    generator = BUILD["stylegan-hammer"](hammer_stylegan((2, 2, 2, 2, 2, 2))).double()
    codes = generator.convert(codes_of(generator, 1), Space.S)
    s, step = codes.values, torch.ones_like(codes.values)

    def render(s: Tensor) -> Tensor:
        return generator.render(Codes(Space.S, s))

    _, moved = jvp(render, (s,), (step,))
    difference = (render(s + 1e-6 * step) - render(s - 1e-6 * step)) / 2e-6
    torch.testing.assert_close(moved, difference, rtol=1e-5, atol=1e-6)


def test_norms_lie_between_layers_and_styles(small: StyleGAN) -> None:
    s = small.convert(codes_of(small, 2), Space.S)
    seen = seen_by(small, s)
    assert set(seen) == {f"{n}{end}" for n in small.style_slices for end in ("", ".norm")} | {
        "torgb"
    }
    for name, part in small.style_slices.items():
        scale, offset = s.values[:, part, None, None].chunk(2, dim=1)
        norm = seen[f"{name}.norm"]
        torch.testing.assert_close(norm * (1 + scale) + offset, seen[name])
        torch.testing.assert_close(norm, instance_norm(norm, 0.0), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(small.render(s), seen["torgb"])


def test_hook_replaces_what_goes_on(small: StyleGAN) -> None:
    codes, other = codes_of(small, 2), codes_of(small, 2, seed=1)
    kept = seen_by(small, other)["b16.conv0.norm"]
    image = small.render(codes, hook=lambda n, x: kept if n == "b16.conv0.norm" else x)
    s, theirs = (small.convert(c, Space.S).values for c in (codes, other))
    start = small.style_slices["b16.conv0"].start
    mixed = torch.cat([theirs[:, :start], s[:, start:]], dim=1)
    torch.testing.assert_close(image, small.render(Codes(Space.S, mixed)))


@pytest.mark.parametrize("name", ["b4.conv1", "b8.conv0", "torgb"])
def test_shifts_act_as_changed_kernels(small: StyleGAN, name: str) -> None:
    codes, kernel = codes_of(small, 2), small.synthesis.kernels[name]
    shift = torch.randn(2, *kernel.shape, generator=torch.Generator().manual_seed(2)).double()
    images = small.render(codes, shifts={name: shift})
    for i in range(2):
        alone = small.render(codes[i : i + 1], shifts={name: shift[i]})
        torch.testing.assert_close(images[i : i + 1], alone)
    path = "torgb.weight" if name == "torgb" else f"{name}.conv.weight"
    changed = truncated(small, 1.0)
    with torch.no_grad():
        changed.synthesis.get_parameter(path).copy_(kernel + shift[0])
    torch.testing.assert_close(images[:1], changed.render(codes[:1]))


def test_noise(small: StyleGAN) -> None:
    codes = codes_of(small, 1)
    constant, none = small.render(codes), small.render(codes, noise="none")
    torch.manual_seed(0)
    random = small.render(codes, noise="random")
    assert not torch.equal(random, constant) and not torch.equal(none, constant)
    with pytest.raises(UserError, match="Unknown noise 'cosnt'. Did you mean noise=const"):
        small.render(codes, noise="cosnt")


def test_truncation_moves_towards_the_mean(small: StyleGAN) -> None:
    z = codes_of(small, 2)
    w = small.convert(z, Space.W).values
    near = truncated(small, 0.5).convert(z, Space.W).values
    torch.testing.assert_close(near, (w + small.w_avg) / 2)
    with pytest.raises(UserError, match="gives each layer its own w"):
        truncated(small, 0.5, 2).convert(z, Space.W)
    with pytest.raises(UserError, match=r"truncation_cutoff=7 must lie in 0\.\.6"):
        truncated(small, 0.5, 7)


def test_codes_that_do_not_fit(small: StyleGAN) -> None:
    w = small.convert(codes_of(small, 2), Space.W)
    with pytest.raises(UserError, match="cannot turn codes of 'w' into 'z'"):
        small.convert(w, Space.Z)
    with pytest.raises(UserError, match=r"of shape \[6\]; these are \[5\]"):
        small.render(w.with_values(w.values[:, :5]))


@pytest.mark.parametrize("field", ["z_dim", "w_dim", "mapping_layers", "mapping_width"])
def test_dimensions_that_are_none(field: str) -> None:
    with pytest.raises(UserError, match=f"{field}=0 must be at least 1"):
        StyleGANConfig(8, (2, 2), **{field: 0})


def test_fingerprint_tells_architectures_apart() -> None:
    made = [
        StyleGAN(StyleGANConfig(8, (2, 2), 4, 4, 2, 4, instance_norm_eps=eps))
        for eps in (1e-8, 1e-5)
    ]
    made[1].load_state_dict(made[0].state_dict())
    assert made[0].fingerprint != made[1].fingerprint
