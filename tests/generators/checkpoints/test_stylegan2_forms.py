"""StyleGAN2 in every form of file, against the oracles and against itself."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.checkpoints.load import read_checkpoint
from pipeline.generators.checkpoints.stylegan2_export import (
    nvidia_kwargs,
    to_nvidia,
    to_rosinality,
)
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config, channels_for
from tests.conftest import Oracle
from tests.generators.checkpoints.writers import (
    WRITERS,
    hammer_state,
    random_network,
    tensorflow_variables,
    write_genforce,
    write_hammer,
    write_nvidia,
    write_tensorflow,
)

CASES = {
    "stylegan2_ada_a": "image_const",
    "stylegan2_ada_default_a": "image_const",
    "stylegan2_rosinality_a": "image_const",
    "stylegan2_hammer_a": "image_const",
    "tf_stylegan2_a": "image",
}
"""The recorded cases, each with its image of z without truncation."""

ONE_OF_EACH = ("nvidia, protocol 4, flat", "tensorflow 4, protocol 4", "rosinality, zip")
ONE_OF_EACH += ("hammer", "genforce", "own")

PLAIN = StyleGAN2Config(16, (6, 5, 3), 4, 5, 2)


def close(actual: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    """Equal within a fraction of the largest value."""
    error = (actual - expected).abs().max() / expected.abs().max()
    assert float(error) < tolerance


def state_of(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix("state."): x for k, x in tensors.items() if k.startswith("state.")}


def loaded(path: Path) -> StyleGAN2:
    network = read_checkpoint(path).generator
    assert isinstance(network, StyleGAN2)
    return network


def saved(content: object, path: Path) -> StyleGAN2:
    torch.save(content, path)
    return loaded(path)


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("case", CASES)
def test_the_recorded_images_in_every_form(
    oracle: Oracle, case: str, form: str, tmp_path: Path
) -> None:
    tensors, meta = oracle(case)
    network = saved(state_of(tensors), tmp_path / "state.pt")
    WRITERS[form](network, tmp_path / "file")
    again = loaded(tmp_path / "file")
    image = again.render(Codes(Space.Z, tensors["in.z"]))
    close(image, tensors[f"out.{CASES[case]}"], 1e-4)
    if form != "rosinality, trained":  # its mean of w is an estimate
        assert again.state_dict().keys() == network.state_dict().keys()
        close(again.mapping.w_avg, network.mapping.w_avg)


@pytest.mark.parametrize("form", WRITERS)
def test_form_config_and_noise_survive(form: str, tmp_path: Path) -> None:
    network = random_network(PLAIN)
    WRITERS[form](network, tmp_path / "file")
    checkpoint = read_checkpoint(tmp_path / "file")
    assert form.split(",")[0].split(" ")[0] in (*checkpoint.form.split("-"), "own")
    again = loaded(tmp_path / "file")
    assert again.config == network.config
    for name, tensor in network.state_dict().items():
        if (form, name) != ("rosinality, trained", "mapping.w_avg"):
            torch.testing.assert_close(again.state_dict()[name], tensor, rtol=1e-6, atol=1e-6)
    assert not again.training
    assert not any(p.requires_grad for p in again.parameters())


@pytest.mark.parametrize(
    "config",
    [
        StyleGAN2Config(256, channels_for(256, 512, 16), 8, 8),
        StyleGAN2Config(1024, channels_for(1024, 1024, 3), 4, 4),
    ],
    ids=["256", "1024"],
)
def test_large_networks_give_one_image_in_every_form(
    config: StyleGAN2Config, tmp_path: Path
) -> None:
    network = random_network(config)
    codes = Codes(Space.Z, torch.randn(1, config.z_dim, generator=torch.Generator().manual_seed(1)))
    expected = network.render(codes)
    for form, write in WRITERS.items():
        write(network, tmp_path / "file")
        again = loaded(tmp_path / "file")
        assert again.config == config, form
        if form in ONE_OF_EACH:  # the others differ by their packing only
            close(again.render(codes), expected, 1e-4)


@pytest.mark.parametrize("form", [f for f in WRITERS if "rosinality" not in f and f != "genforce"])
def test_clamp_and_classes_survive(form: str, tmp_path: Path) -> None:
    config = StyleGAN2Config(16, (6, 5, 3), 4, 5, 3, num_classes=7, conv_clamp=0.5)
    network = random_network(config)
    WRITERS[form](network, tmp_path / "file")
    again = loaded(tmp_path / "file")
    assert again.config == config
    codes = Codes(Space.Z, torch.ones(2, 4), torch.tensor([1, 5]))
    close(again.render(codes), network.render(codes))


def test_other_learning_rates_survive(tmp_path: Path) -> None:
    network = random_network(StyleGAN2Config(8, (3, 3), 4, 4, 2, mapping_lr_multiplier=0.1))
    codes = Codes(Space.Z, torch.ones(1, 4))
    expected = network.render(codes)
    state = {"G_ema": to_nvidia(network), "init_kwargs": nvidia_kwargs(network)}
    close(saved(state, tmp_path / "a").render(codes), expected)
    close(saved(to_rosinality(network), tmp_path / "b").render(codes), expected)


def test_the_ways_back_give_the_recorded_names_and_values(oracle: Oracle, tmp_path: Path) -> None:
    for case in ("stylegan2_ada_a", "stylegan2_rosinality_a"):
        expected = state_of(oracle(case)[0])
        network = saved(expected, tmp_path / "file")
        made: dict[str, Tensor] = to_nvidia(network)
        if "rosinality" in case:
            nested = to_rosinality(network)
            made = {f"g_ema.{k}": x for k, x in nested["g_ema"].items()}
            made["latent_avg"] = nested["latent_avg"]
        assert made.keys() == expected.keys()
        for name, tensor in expected.items():
            torch.testing.assert_close(made[name], tensor)


def test_rosinality_has_no_classes() -> None:
    network = random_network(StyleGAN2Config(8, (3, 3), 4, 4, 2, num_classes=3))
    with pytest.raises(UserError, match="no classes"):
        to_rosinality(network)


def test_a_missing_mean_is_estimated(tmp_path: Path) -> None:
    network = random_network(PLAIN)
    WRITERS["rosinality, trained"](network, tmp_path / "file")
    z = torch.randn(50_000, 4, generator=torch.Generator().manual_seed(9))
    mean = network.mapping(z).mean(dim=0)
    estimate = loaded(tmp_path / "file").mapping.w_avg
    close(estimate, mean, 0.1)
    assert torch.equal(estimate, loaded(tmp_path / "file").mapping.w_avg)


def test_half_precision_weights_are_read(tmp_path: Path) -> None:
    network = random_network(PLAIN)
    halves = {name: tensor.half() for name, tensor in to_nvidia(network).items()}
    codes = Codes(Space.Z, torch.ones(1, 4))
    close(saved(halves, tmp_path / "file").render(codes), network.render(codes), 0.05)


def test_the_network_outlives_the_file(tmp_path: Path) -> None:
    network = random_network(PLAIN)
    path = tmp_path / "file"
    for write in WRITERS.values():
        write(network, path)
        again = loaded(path)
        path.write_bytes(b"\0" * path.stat().st_size)  # a mapping of the file would see this
        close(again.synthesis.b4.const, network.synthesis.b4.const)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("synthesis.b8.conv0.bias"), "lacks"),
        (lambda s: s.pop("mapping.w_avg"), "w_avg"),
        (lambda s: s.update({"synthesis.b8.skip.weight": torch.zeros(1)}), "skip"),
        (lambda s: s.update({"synthesis.b8.conv1.weight": torch.zeros(1, 1, 3, 3)}), "conv1"),
        (lambda s: s.update({"synthesis.b8.conv1.resample_filter": torch.ones(4, 4)}), "filter"),
        (lambda s: s.update({"synthesis.b8.torgb.weight": torch.ones(1, 5, 1, 1)}), "torgb"),
        (lambda s: s.update({"mapping.fc0.bias": "text"}), "fc0"),
        (lambda s: s.pop("mapping.fc0.bias"), "mapping"),
    ],
)
def test_a_misfit_is_named(change, said: str, tmp_path: Path) -> None:
    state = to_nvidia(random_network(PLAIN))
    change(state)
    with pytest.raises(UserError, match=said) as caught:
        saved(state, tmp_path / "file.pt")
    assert "\n" not in str(caught.value)
    assert "file.pt" in str(caught.value)


@pytest.mark.parametrize(
    ("attribute", "value"), [("architecture", "resnet"), ("use_noise", False), ("up", 2)]
)
def test_other_kinds_of_network_are_refused(attribute: str, value: object, tmp_path: Path) -> None:
    state = {
        "G_ema": to_nvidia(random_network(PLAIN)),
        "init_kwargs": {"synthesis_kwargs": {attribute: value}},
    }
    if attribute == "up":
        saved(state, tmp_path / "file")
        return
    with pytest.raises(UserError, match=f"{attribute}={value}"):
        saved(state, tmp_path / "file")


def test_outer_keys_may_be_missing(tmp_path: Path) -> None:
    network = random_network(PLAIN)
    codes = Codes(Space.Z, torch.ones(1, 4))
    expected = network.render(codes)
    for state in (
        to_nvidia(network),
        hammer_state(network),
        {"generator_smooth": hammer_state(network)},
        {"models": {"generator": hammer_state(network)}},
        {k: torch.tensor(v) for k, v in tensorflow_variables(network).items()},
        {**to_rosinality(network)["g_ema"], "latent_avg": network.mapping.w_avg},
    ):
        close(saved(state, tmp_path / "file").render(codes), expected)


def test_the_averaged_network_is_the_one_that_is_read(tmp_path: Path) -> None:
    """The writers put zeros where the network is that was trained last."""
    network = random_network(PLAIN)
    for write in (write_nvidia, write_tensorflow, write_hammer, write_genforce):
        write(network, tmp_path / "file")
        close(loaded(tmp_path / "file").synthesis.b8.conv1.bias, network.synthesis.b8.conv1.bias)
