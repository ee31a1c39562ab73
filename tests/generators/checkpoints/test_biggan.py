"""BigGAN files in each form: recognised, inferred, read strictly."""

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.biggan import BigGAN
from pipeline.generators.biggan_deep import BigGANDeep
from pipeline.generators.checkpoints.biggan import FORMS
from tests.generators.conditional import (
    like_huggingface,
    small_biggan,
    small_deep,
    some_codes,
)

State = dict[str, Tensor]
Network = BigGAN | BigGANDeep


def to_ajbrock(network: Network) -> State:
    """The state as BigGAN-PyTorch saves it."""
    state, names, block = {}, {}, -1
    for i, layer in enumerate(network.layers):
        attention = hasattr(layer, "theta")
        block += not attention
        names[i] = f"blocks.{block}.{int(attention)}"
    for name, x in network.state_dict().items():
        name = re.sub(r"layers\.(\d+)", lambda m: names[int(m[1])], name)
        name = name.replace("output_norm", "output_layer.0").replace("to_rgb", "output_layer.2")
        state[name] = x[0] if "stored" in name else x
        if name.endswith("u0"):
            state[name.replace("u0", "sv0")] = torch.ones(1)
        if not network.config.shared_dim and re.search(r"bn\d.*weight", name):
            state[name] = x.T
    return state


ENDS = {"weight": "weight_orig", "u0": "weight_u", "v0": "weight_v", "bias": "bias"}
STATISTICS = {"stored_mean": "running_means", "stored_var": "running_vars"}


def to_huggingface(network: BigGANDeep) -> State:
    """The state as Hugging Face's port saves it."""
    state = {"embeddings.weight": network.get_parameter("shared.weight").T}
    for name, x in network.state_dict().items():
        path, _, end = name.rpartition(".")
        if re.search(r"(linear|bn\d\.\w+)\.(weight|v0)$", name):
            z_dim = network.config.z_dim
            x = torch.cat([x[:, -z_dim:], x[:, :-z_dim]], dim=1)
        if end in ("u0", "v0"):
            x = x[0]
        if path == "linear" and end != "v0":  # rows in TensorFlow's order: height, width, channels
            x = x.unflatten(0, (-1, 4, 4)).movedim(0, 2).flatten(0, 2)
        if path != "shared":
            state[f"generator.{huggingface_path(path)}{huggingface_end(path, end)}"] = x
    return state


def huggingface_path(path: str) -> str:
    top = {"linear": "gen_z.", "to_rgb": "conv_to_rgb.", "output_norm": "bn."}
    if path in top:
        return top[path]
    parts = path.split(".")
    for i, part in enumerate(parts):
        if part in ("theta", "phi", "g", "o"):
            parts[i] = "snconv1x1_o_conv" if part == "o" else f"snconv1x1_{part}"
        elif part in ("gain", "bias"):
            parts[i] = {"gain": "scale", "bias": "offset"}[part]
        elif part.startswith(("bn", "conv")):
            parts[i] = f"{part[:-1]}_{int(part[-1]) - 1}"
    return ".".join(parts) + "."


def huggingface_end(path: str, end: str) -> str:
    if path == "output_norm" and end == "gain":
        return "weight"
    return STATISTICS.get(end) or ENDS.get(end, end)


CASES: dict[str, tuple[str, Callable[[], Network], Callable[..., State]]] = {
    "biggan": ("biggan-ajbrock", lambda: small_biggan(torch.float32), to_ajbrock),
    "plain z": (
        "biggan-ajbrock",
        lambda: small_biggan(torch.float32, hierarchical=False),
        to_ajbrock,
    ),
    "class per norm": (
        "biggan-ajbrock",
        lambda: small_biggan(torch.float32, hierarchical=False, shared_dim=0, attention=()),
        to_ajbrock,
    ),
    "deep": (
        "biggan-deep-ajbrock",
        lambda: small_deep(torch.float32, attention=(2, 3)),
        to_ajbrock,
    ),
    "deep 32": (
        "biggan-deep-ajbrock",
        lambda: small_deep(torch.float32, channels=(8,) * 4, up=(True,) * 3, attention=(3,)),
        to_ajbrock,
    ),
    "huggingface": (
        "biggan-deep-huggingface",
        lambda: like_huggingface(torch.float32),
        to_huggingface,
    ),
}


def read(content: State) -> tuple[str, Network]:
    (form,) = [form for form in FORMS if form.recognise(content)]
    return form.name, form.build(content)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_round_trip(case: str, prefix: str) -> None:
    form, make, save = CASES[case]
    network = make()
    content = {prefix + k: x for k, x in save(network).items()}
    name, found = read(content)
    assert name == form and found.config == network.config
    codes = some_codes(network, 2)
    torch.testing.assert_close(found.render(codes), network.render(codes))
    assert not any(p.requires_grad for p in found.parameters()) and not found.training


def test_arrays_and_plain_values_beside_them() -> None:
    network = small_biggan(torch.float32)
    content = {k: x.numpy() for k, x in to_ajbrock(network).items()} | {"epoch": np.int64(3)}
    _, found = read(content)
    codes = some_codes(network, 1)
    torch.testing.assert_close(found.render(codes), network.render(codes))


def test_statistics_of_synchronised_norms() -> None:
    network = small_biggan(torch.float32)
    state = to_ajbrock(network)
    state = {k.replace(".stored_", ".bn.running_"): x for k, x in state.items()}
    state["output_layer.0.bn.num_batches_tracked"] = torch.tensor(5)
    codes = some_codes(network, 1)
    torch.testing.assert_close(read(state)[1].render(codes), network.render(codes))


@pytest.mark.parametrize("case", CASES)
def test_every_missing_tensor_is_named(case: str) -> None:
    _, make, save = CASES[case]
    content = save(make())
    for name in [k for k in content if "sv0" not in k][::23]:
        rest = {k: x for k, x in content.items() if k != name}
        for form in (form for form in FORMS if form.recognise(rest)):
            with pytest.raises(UserError, match=rf"{form.name}.*{re.escape(name)}") as error:
                form.build(rest)
            assert "\n" not in str(error.value)


@pytest.mark.parametrize("case", CASES)
def test_tensors_left_over_and_misshapen(case: str) -> None:
    _, make, save = CASES[case]
    content = save(make())
    with pytest.raises(UserError, match=r"unknown tensors layers\.9\.odd"):
        read(content | {"layers.9.odd": torch.zeros(1)})
    name = next(k for k in content if k.endswith(("conv2.bias", "conv_1.bias")))
    with pytest.raises(UserError, match=re.escape(name)):
        read(content | {name: torch.zeros(99)})


def flat_layers(flags: list[bool]) -> dict[str, object]:
    return {f"config.layers.{i}.0": flag for i, flag in enumerate(flags)}


@pytest.mark.parametrize("flat", [False, True])
def test_huggingface_with_its_config(flat: bool) -> None:
    state = to_huggingface(like_huggingface(torch.float32))
    flags = [True, False, True, True]
    layers = flat_layers(flags) if flat else {"config.layers": [[f, 1, 1] for f in flags]}
    _, found = read(state | {"config.eps": 0.01} | layers)
    assert found.config.up == tuple(flags) and found.resolution == 32
    assert found.config.bn_eps == found.config.output_eps == 0.01


def test_huggingface_with_another_networks_config() -> None:
    state = to_huggingface(like_huggingface(torch.float32))
    with pytest.raises(UserError, match="3 layers, the weights 4"):
        read(state | {"config.layers": [[False, 1, 1]] * 3})


def test_other_files_are_not_recognised() -> None:
    discriminator = {"blocks.0.0.conv1.weight": torch.zeros(1), "linear.weight": torch.zeros(1)}
    for content in ({}, {"model.1.weight": torch.zeros(1)}, discriminator):
        assert not any(form.recognise(content) for form in FORMS)
