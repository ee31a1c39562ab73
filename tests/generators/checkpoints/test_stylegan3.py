"""Files of StyleGAN3: one network through every form, and files that are not what they seem."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.checkpoints import load
from pipeline.generators.checkpoints.own import save_own
from pipeline.generators.checkpoints.stylegan3 import FORM, FORMS
from pipeline.generators.stylegan3 import StyleGAN3
from tests.conftest import Oracle
from tests.generators.stylegan3_cases import (
    RADIAL,
    official_kwargs,
    official_state,
    small_stylegan3,
    write_pickle,
)

ORACLES = ["stylegan3_t_a", "stylegan3_r_a"]


def small(**changes: Any) -> StyleGAN3:
    return small_stylegan3(dtype=torch.float32, **changes)


def loaded(path: Path) -> StyleGAN3:
    found = load.read_checkpoint(path)
    assert isinstance(found.generator, StyleGAN3)
    return found.generator


def saved(content: object, path: Path) -> StyleGAN3:
    torch.save(content, path)
    return loaded(path)


def state_of(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix("state."): x for k, x in tensors.items() if k.startswith("state.")}


@pytest.mark.parametrize("case", ORACLES)
def test_the_recorded_images_in_every_form(oracle: Oracle, case: str, tmp_path: Path) -> None:
    tensors, meta = oracle(case)
    state, path = state_of(tensors), tmp_path / "file"
    networks = [saved(state, path), saved({"G_ema": state, "G": {}}, path)]
    networks.append(saved({"G_ema": state, "init_kwargs": meta["constructor"]}, path))
    save_file(state, path)
    networks.append(loaded(path))
    save_own(networks[0], path)
    networks.append(loaded(path))
    for protocol in (2, 3, 4, 5):
        write_pickle(networks[0], path, protocol)
        networks.append(loaded(path))
    expected = tensors["out.image"]
    for network in networks:
        made = network.render(Codes(Space.Z, tensors["in.z"]))
        torch.testing.assert_close(made, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
        assert network.fingerprint == networks[0].fingerprint
        assert network.config.margin_size == meta["constructor"]["margin_size"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        RADIAL,
        {"num_classes": 3, "mapping_layers": 3, "margin_size": 7},
        {"num_critical": 1},
        {"num_critical": 3, **RADIAL},
        {"filter_size": 4, "conv_kernel": 5},
        {"resolution": 48, "channels": (6, 5, 5, 5, 4, 3, 3), "margin_size": 0},
    ],
)
def test_the_architecture_follows_from_the_tensors(changes: dict[str, Any], tmp_path: Path) -> None:
    network = small(**changes)
    again = saved(official_state(network), tmp_path / "file")
    assert again.config == network.config
    assert again.fingerprint == network.fingerprint
    assert not again.training and not any(p.requires_grad for p in again.parameters())


@pytest.mark.parametrize(
    "changes",
    [
        {"conv_clamp": None},
        {"conv_clamp": 0.5, "output_scale": 1.0, "lrelu_upsampling": 4},
        {"lrelu_upsampling": 1, **RADIAL},
        {"mapping_lr_multiplier": 0.01, "num_critical": 0, "num_classes": 2},
    ],
)
def test_what_tensors_do_not_tell_is_read_from_the_modules(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    network = small(**changes)
    write_pickle(network, tmp_path / "file")
    found = load.read_checkpoint(tmp_path / "file")
    assert found.form == FORM
    assert found.generator.config == network.config  # type: ignore[attr-defined]
    assert found.generator.fingerprint == network.fingerprint


def test_bands_are_read_from_the_options(tmp_path: Path) -> None:
    bands = {"first_cutoff": 1.5, "first_stopband": 3.5, "last_stopband_rel": 1.4}
    network = small(**bands, mapping_lr_multiplier=0.02, output_scale=0.5)
    state, kwargs = official_state(network), official_kwargs(network.config) | bands
    kwargs |= {"mapping_kwargs": {"num_layers": 2, "lr_multiplier": 0.02}, "output_scale": 0.5}
    again = saved({"G_ema": state, "init_kwargs": kwargs}, tmp_path / "file")
    assert again.config == network.config
    write_pickle(network, tmp_path / "pickle", **bands)
    assert loaded(tmp_path / "pickle").config.first_cutoff == 1.5
    with pytest.raises(UserError, match="follow no known schedule"):
        saved(state, tmp_path / "file")


def test_layers_with_different_clamps_are_refused() -> None:
    network = small()
    attributes = {
        f"attributes.synthesis.{name}.conv_clamp": float(i)
        for i, name in enumerate(network.config.resamplings)
    }
    with pytest.raises(UserError, match="different conv_clamp"):
        FORMS[0].build(official_state(network) | attributes)


FIRST = "synthesis.L0_24_6"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("mapping.w_avg"), "lacks the tensors mapping.w_avg"),
        (lambda s: s.pop("mapping.fc0.weight"), "lacks the tensor mapping.fc0.weight"),
        (lambda s: s.pop("synthesis.input.affine.weight"), "lacks the tensor synthesis.input"),
        (lambda s: s.pop("synthesis.input.phases"), "lacks the tensors synthesis.input.phases"),
        (lambda s: s.pop(f"{FIRST}.magnitude_ema"), "magnitude_ema"),
        (lambda s: s.pop(f"{FIRST}.weight"), "layers are missing; the file has 4"),
        (lambda s: s.pop(f"{FIRST}.up_filter"), "follow no known schedule"),
        (lambda s: s.update({f"{FIRST}.noise": torch.zeros(1)}), "unknown tensors .*L0_24_6.noise"),
        (lambda s: s[f"{FIRST}.up_filter"].mul_(1.01), "follow no known schedule"),
        (lambda s: s.update({f"{FIRST}.weight": torch.zeros(6, 5, 3, 3)}), "does not fit"),
        (lambda s: s.update({f"{FIRST}.weight": torch.zeros(6)}), "does not fit"),
        (lambda s: s.update({f"{FIRST}.bias": "text"}), "does not fit"),
    ],
)
def test_a_misfit_is_named(change: Any, said: str, tmp_path: Path) -> None:
    state = official_state(small())
    change(state)
    with pytest.raises(UserError, match=said) as caught:
        saved(state, tmp_path / "file.pt")
    assert str(caught.value).isprintable()
    assert "file.pt" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rand_embedding": False, "use_noise": True}, "unknown options rand_embedding, use_noise"),
        ({"img_channels": 4}, "img_channels=4; only 3"),
        ({"c_dim": 10}, "made with c_dim=10, but its tensors are those of c_dim=0"),
        ({"img_resolution": 64}, "img_resolution=64, but"),
        ({"mapping_kwargs": {"num_layers": 8}}, "mapping_kwargs.num_layers=8, but"),
        ({"num_critical": 1}, "follow no known schedule"),
        ({"num_critical": 9}, "num_critical=9 must lie in"),
        ({"margin_size": 5}, "follow no known schedule"),
        ({"output_scale": "large"}, "output_scale=large must be a number"),
        ({"lrelu_upsampling": 0}, "lrelu_upsampling=0 must be at least 1"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    network = small()
    kwargs = official_kwargs(network.config) | {"mapping_kwargs": {}} | options
    with pytest.raises(UserError, match=said) as caught:
        saved({"G_ema": official_state(network), "init_kwargs": kwargs}, tmp_path / "file")
    assert str(caught.value).isprintable()


def test_forms_do_not_take_each_other_for_their_own(oracle: Oracle) -> None:
    for case in (*ORACLES, "stylegan2_ada_a", "stylegan2_hammer_a", "stylegan_hammer_a"):
        state = state_of(oracle(case)[0])
        taken = [form.name for form in load.FORMS if form.recognise(state)]
        assert (taken == [FORM]) == case.startswith("stylegan3")


def test_truncation_is_set_by_the_loader(tmp_path: Path) -> None:
    network = small()
    torch.save(official_state(network), tmp_path / "file")
    near = load.load_checkpoint(tmp_path / "file", "mine", truncation_psi=0.5)
    z = network.sample(2, torch.Generator().manual_seed(0))
    middle = (network.convert(z, Space.W).values + network.w_avg) / 2
    assert near.name == "mine"
    torch.testing.assert_close(near.convert(z, Space.W).values, middle)


@pytest.mark.parametrize(
    "changes",
    [
        {"channels": [10**9] * 4},
        {"channels": [3] * 2000},
        {"resolution": 10**9},
        {"filter_size": 10**9},
        {"lrelu_upsampling": 10**9},
        {"first_stopband": 1e-300},
        {"first_stopband": float("nan")},
        {"last_stopband_rel": 1e300},
        {"margin_size": 10**9},
        {"conv_kernel": 10**9 + 1},
        {"mapping_layers": 10**9},
        {"num_critical": "text"},
    ],
)
def test_own_files_with_a_forged_architecture(changes: dict[str, Any], tmp_path: Path) -> None:
    network = small()
    for name, value in changes.items():
        object.__setattr__(network.config, name, value)
    save_own(network, tmp_path / "file")
    with pytest.raises(UserError) as caught:
        loaded(tmp_path / "file")
    assert str(caught.value).isprintable()
