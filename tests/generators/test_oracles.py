"""StyleGAN2 against recorded outputs of the reference implementations."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.generators.base import Codes, Space
from pipeline.generators.layers import upsample
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config, channels_for
from tests.conftest import Oracle
from tests.generators.renaming import (
    from_hammer,
    from_rosinality,
    from_tensorflow,
    layer_name,
    rgb_name,
)

ADA = ["stylegan2_ada_a", "stylegan2_ada_default_a"]


def close(actual: Tensor, expected: Tensor) -> None:
    """Equal within 1e-5 of the largest value."""
    torch.testing.assert_close(
        actual, expected, rtol=0, atol=1e-5 * float(expected.abs().max().clamp(min=1))
    )


def without_prefix(tensors: Mapping[str, Tensor], prefix: str = "state.") -> dict[str, Tensor]:
    return {k.removeprefix(prefix): x for k, x in tensors.items() if k.startswith(prefix)}


def network(state: dict[str, Tensor], config: StyleGAN2Config) -> StyleGAN2:
    """A frozen network with these tensors, each of which must find its place."""
    made = StyleGAN2(config)
    made.load_state_dict(state)
    return made.eval().requires_grad_(False)


def truncated(like: StyleGAN2, psi: float, cutoff: int | None = None) -> StyleGAN2:
    made = StyleGAN2(like.config, psi, cutoff)
    made.load_state_dict(like.state_dict())
    return made.requires_grad_(False)


def activations(generator: StyleGAN2, codes: Codes) -> dict[str, Tensor]:
    """What every layer gives, by name, as the hook sees it."""
    seen: dict[str, Tensor] = {}

    def hook(name: str, x: Tensor) -> Tensor:
        seen[name] = x
        return x

    generator.render(codes, hook=hook)
    return seen


def check_styles(generator: StyleGAN2, codes: Codes, expected: dict[str, Tensor]) -> None:
    """S codes, layer by layer under official names, of which none may be left out."""
    styles = generator.convert(codes, Space.S).values
    assert expected.keys() == generator.style_slices.keys()
    for name, part in generator.style_slices.items():
        close(styles[:, part], expected[name])


class Case:
    """An oracle of the official PyTorch release, read by name."""

    def __init__(self, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
        arguments = meta["constructor"]
        synthesis = arguments["synthesis_kwargs"]
        size = arguments["img_resolution"]
        config = StyleGAN2Config(
            size,
            channels_for(size, synthesis["channel_base"], synthesis["channel_max"]),
            arguments["z_dim"],
            arguments["w_dim"],
            arguments["mapping_kwargs"].get("num_layers", 8),
            conv_clamp=synthesis.get("conv_clamp"),
        )
        state = without_prefix(tensors)
        filters = {k for k in state if k.endswith("resample_filter")}
        self.network = network({k: state[k] for k in state.keys() - filters}, config)
        self.out = without_prefix(tensors, "out.")
        self.z = Codes(Space.Z, tensors["in.z"])
        self.ws_mixed = Codes(Space.W_PLUS, tensors["in.ws_mixed"])


@pytest.fixture(params=ADA)
def case(request: pytest.FixtureRequest, oracle: Oracle) -> Case:
    return Case(*oracle(request.param))


def test_mapping(case: Case) -> None:
    close(case.network.convert(case.z, Space.W).values, case.out["w"])
    close(case.network.convert(case.z, Space.W_PLUS).values, case.out["ws"])


@pytest.mark.parametrize(("cutoff", "name"), [(None, "ws_psi0.7"), (4, "ws_psi0.7_cutoff4")])
def test_truncation(case: Case, cutoff: int | None, name: str) -> None:
    generator = truncated(case.network, 0.7, cutoff)
    close(generator.convert(case.z, Space.W_PLUS).values, case.out[name])


def test_styles(case: Case) -> None:
    check_styles(case.network, case.z, without_prefix(case.out, "style."))


def test_activations_and_skip_images(case: Case) -> None:
    seen = activations(case.network, case.z)
    close(seen["b8.conv1"], case.out["act.b8.x"])
    close(seen["b16.conv1"], case.out["act.b16.x"])
    skip = upsample(upsample(seen["b4.torgb"]) + seen["b8.torgb"]) + seen["b16.torgb"]
    close(skip, case.out["act.b16.img"])


def test_images(case: Case) -> None:
    close(case.network.render(case.z), case.out["image_const"])
    close(case.network.render(case.z, noise="none"), case.out["image_none"])
    close(case.network.render(case.ws_mixed), case.out["image_ws_mixed_const"])
    close(truncated(case.network, 0.7).render(case.z), case.out["image_psi0.7_const"])


@pytest.fixture
def hammer(oracle: Oracle) -> tuple[StyleGAN2, dict[str, Tensor]]:
    tensors, _ = oracle("stylegan2_hammer_a")
    config = StyleGAN2Config(32, channels_for(32, 640, 28), 32, 32)
    return network(from_hammer(without_prefix(tensors)), config), tensors


def test_hammer(hammer: tuple[StyleGAN2, dict[str, Tensor]]) -> None:
    generator, t = hammer
    z = Codes(Space.Z, t["in.z"])
    close(generator.convert(z, Space.W).values, t["out.w"])
    close(generator.render(z), t["out.image_const"])
    close(generator.render(z, noise="none"), t["out.image_none"])
    close(generator.render(Codes(Space.W_PLUS, t["in.wp"])), t["out.image_wp_const"])
    near = truncated(generator, 0.7, 4)
    close(near.convert(z, Space.W_PLUS).values, t["out.wp_psi0.7_layers4"])
    close(near.render(z), t["out.image_psi0.7_const"])


def test_hammer_layers(hammer: tuple[StyleGAN2, dict[str, Tensor]]) -> None:
    generator, t = hammer
    z = Codes(Space.Z, t["in.z"])
    styles = {layer_name(i): t[f"out.style.style{i}"] for i in range(7)}
    styles |= {rgb_name(k): t[f"out.style.output_style{k}"] for k in range(4)}
    check_styles(generator, z, styles)
    seen = activations(generator, z)
    for i in (2, 4):
        close(seen[layer_name(i)], t[f"out.act.layer{i}"])


@pytest.fixture
def rosinality(oracle: Oracle) -> tuple[StyleGAN2, dict[str, Tensor]]:
    tensors, meta = oracle("stylegan2_rosinality_a")
    config = StyleGAN2Config(32, tuple(meta["channels"].values()), 32, 32)
    return network(from_rosinality(without_prefix(tensors)), config), tensors


def test_rosinality(rosinality: tuple[StyleGAN2, dict[str, Tensor]]) -> None:
    generator, t = rosinality
    z = Codes(Space.Z, t["in.z"])
    close(generator.convert(z, Space.W).values, t["out.w"])
    close(generator.convert(z, Space.W_PLUS).values, t["out.latents"])
    close(generator.render(z), t["out.image_const"])
    close(generator.render(z, noise="none"), t["out.image_none"])
    close(generator.render(Codes(Space.W, t["out.w"])), t["out.image_from_w_const"])
    close(generator.render(Codes(Space.W_PLUS, t["in.wplus"])), t["out.image_wplus_const"])
    near = truncated(generator, 0.7)
    close(near.convert(z, Space.W_PLUS).values, t["out.latents_psi0.7"])
    close(near.render(z), t["out.image_psi0.7_const"])


def test_rosinality_layers_and_mixing(rosinality: tuple[StyleGAN2, dict[str, Tensor]]) -> None:
    generator, t = rosinality
    z, other = Codes(Space.Z, t["in.z"]), Codes(Space.Z, t["in.z2"])
    styles = {layer_name(0): t["out.style.conv1"], rgb_name(0): t["out.style.to_rgb1"]}
    styles |= {layer_name(i + 1): t[f"out.style.convs.{i}"] for i in range(6)}
    styles |= {rgb_name(k + 1): t[f"out.style.to_rgbs.{k}"] for k in range(3)}
    check_styles(generator, z, styles)
    seen = activations(generator, z)
    close(seen["b8.conv1"], t["out.act.convs.1"])
    close(seen["b16.conv1"], t["out.act.convs.3"])
    ws, others = (generator.convert(codes, Space.W_PLUS).values for codes in (z, other))
    mixed = torch.cat([ws[:, :3], others[:, 3:]], dim=1)
    close(mixed, t["out.latents_mix"])
    close(generator.render(Codes(Space.W_PLUS, mixed)), t["out.image_mix_const"])


def test_tensorflow(oracle: Oracle) -> None:
    t, _ = oracle("tf_stylegan2_a")
    config = StyleGAN2Config(16, (20, 20, 20), 24, 24)
    generator = network(from_tensorflow(without_prefix(t)), config)
    z = Codes(Space.Z, t["in.z"])
    close(generator.convert(z, Space.W).values, t["out.w"])
    close(generator.render(z), t["out.image"])
    close(truncated(generator, 0.7).render(z), t["out.image_psi0.7"])


@pytest.mark.parametrize("change", [lambda s: s * 1.001, lambda s: s.flip(0)])
def test_the_comparison_sees_a_small_mistake(
    oracle: Oracle, change: Callable[[Tensor], Tensor]
) -> None:
    """A kernel off by a thousandth, or with its channels turned round, does not pass."""
    case = Case(*oracle(ADA[0]))
    kernel = case.network.get_parameter("synthesis.b32.torgb.weight")
    kernel.copy_(change(kernel.clone()))
    with pytest.raises(AssertionError):
        close(case.network.render(case.z), case.out["image_const"])
