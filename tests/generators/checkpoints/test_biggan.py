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


def to_huggingface(network: BigGANDeep) -> State:
    """The state as Hugging Face's port saves it."""
    ends = {"weight": "weight_orig", "u0": "weight_u", "v0": "weight_v", "bias": "bias"}
    z_dim, c = network.config.z_dim, network.config.channels[0]
    state = {"embeddings.weight": network.get_parameter("shared.weight").T}

    def z_first(x: Tensor) -> Tensor:
        return torch.cat([x[:, -z_dim:], x[:, :-z_dim]], dim=1)

    for name, x in network.state_dict().items():
        *path, end = name.split(".")
        if path[0] == "linear":
            x = z_first(x) if end in ("weight", "v0") else x
            x = x.squeeze(0)
            if end != "v0":
                x = x.unflatten(0, (c, 4, 4)).movedim(0, 2).flatten(0, 2)
            state[f"generator.gen_z.{ends[end]}"] = x
        elif path[0] == "to_rgb":
            state[f"generator.conv_to_rgb.{ends[end]}"] = x.squeeze(0)
        elif path[0] == "output_norm":
            new = {"gain": "weight", "bias": "bias"}.get(
                end, end.replace("stored", "running") + "s"
            )
            state[f"generator.bn.{new}"] = x
        elif path[0] == "layers":
            put_layer(state, path, end, x, z_first, ends)
    return state


def put_layer(
    state: State,
    path: list[str],
    end: str,
    x: Tensor,
    z_first: Callable[[Tensor], Tensor],
    ends: dict[str, str],
) -> None:
    layer = f"generator.layers.{path[1]}"
    if end == "gamma":
        state[f"{layer}.gamma"] = x.reshape(1)
    elif path[2].startswith("conv"):
        state[f"{layer}.conv_{int(path[2][4]) - 1}.{ends[end]}"] = x.squeeze(0)
    elif path[2].startswith("bn") and len(path) == 3:
        new = end.replace("stored", "running") + "s"
        state[f"{layer}.bn_{int(path[2][2]) - 1}.{new}"] = x
    elif path[2].startswith("bn"):
        part = {"gain": "scale", "bias": "offset"}[path[3]]
        x = x if end == "u0" else z_first(x)
        state[f"{layer}.bn_{int(path[2][2]) - 1}.{part}.{ends[end]}"] = x.squeeze(0)
    else:
        part = "snconv1x1_o_conv" if path[2] == "o" else f"snconv1x1_{path[2]}"
        state[f"{layer}.{part}.{ends[end]}"] = x.squeeze(0)


CASES: dict[str, tuple[str, Callable[[], Network], Callable[..., State]]] = {
    "biggan": ("biggan-ajbrock", lambda: small_biggan(torch.float32), to_ajbrock),
    "plain z": (
        "biggan-ajbrock",
        lambda: small_biggan(torch.float32, hierarchical=False, attention=(2, 1)[1:]),
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
    for name in [k for k in content if "sv0" not in k][::7]:
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
