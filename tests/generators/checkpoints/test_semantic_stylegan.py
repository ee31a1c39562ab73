"""SemanticStyleGAN files: through real files, with and without the training's arguments."""

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.datasets.celebamask import CLASSES
from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.checkpoints import semantic_stylegan as form
from pipeline.generators.checkpoints.load import FORMS, load_checkpoint, read_checkpoint
from pipeline.generators.checkpoints.own import save_own
from pipeline.generators.official import load_official
from pipeline.generators.semantic_stylegan import SemanticStyleGAN
from pipeline.weights.registry import REGISTRY
from tests.conftest import Oracle
from tests.generators.semantic_cases import random_network


@pytest.fixture
def case(oracle: Oracle) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors, meta = oracle("semantic_stylegan_a")
    state = {k.removeprefix("state.g_ema."): x for k, x in tensors.items() if "state." in k}
    return state | {"_image": tensors["out.image"], "_z": tensors["in.z"]}, meta


def written(network: SemanticStyleGAN) -> dict[str, Tensor]:
    """The tensors of a network under the names of its authors."""
    own, state = network.state_dict(), {}
    config = network.config
    sources = form._sources(len(config.classes), config.local_layers, len(config.channels), 2)
    for name, source in sources.items():
        part, *numbers = name.split(".")[:2] + [n for n in name.split(".")[2:] if n.isdigit()]
        if part == "local":
            found = own[f"local.{numbers[0]}"]
            index = [int(n) for n in numbers[1:]]
            index[0] -= numbers[0].startswith("depth")
            x = found[tuple(index)]
        elif part == "synthesis":
            size = network.synthesis.sizes[int(numbers[0])]
            x = own[name.replace(f"synthesis.{numbers[0]}", f"synthesis.b{size}")]
        else:
            x = own[name]
        state[source.name] = _shaped(source.name, x)
    return state


def _shaped(name: str, x: Tensor) -> Tensor:
    """A tensor with the axes of length 1 that files have."""
    if name == "pos_embed.weights" or name.endswith(("feat.conv.weight", "conv.weight")):
        x = x.reshape(-1, x.shape[-1])[:, :, None, None]
    if ".linears." in name and name.endswith("conv.weight"):
        return x[None]
    if name.endswith("conv.modulation") or ("convs" in name and name.endswith("modulation")):
        return x.reshape(1, -1, 1, 1)
    if name.endswith(("to_feat.bias", "to_depth.bias")) or "to_rgbs" in name or "to_segs" in name:
        return x.reshape(1, -1, 1, 1) if name.endswith("bias") else x
    if "noises" in name:
        return x[None, None]
    return x.reshape(1) if name.endswith("noise.weight") else x


def test_a_file_is_recognised_and_gives_the_recorded_image(
    case: tuple[dict[str, Tensor], dict[str, Any]], tmp_path: Path
) -> None:
    state, meta = case
    image, z = state.pop("_image"), state.pop("_z")
    options = argparse.Namespace(**meta["constructor"], lr=0.002, name=None)
    content = {
        "g_ema": state,
        "g": {k: torch.zeros_like(x) for k, x in state.items()},
        "args": options,
        "iter": 7,
    }
    torch.save(content, tmp_path / "file")
    found = read_checkpoint(tmp_path / "file")
    assert found.form == "semantic-stylegan"
    made = found.generator.render(Codes(Space.Z, z))
    torch.testing.assert_close(made, image, rtol=0, atol=1e-4 * float(image.abs().max()))
    flat = {f"g_ema.{k}": x for k, x in state.items()}
    assert [f.name for f in FORMS if f.recognise(flat)] == ["semantic-stylegan"]
    near = load_checkpoint(tmp_path / "file", "x", truncation_psi=0.0)
    images = near.render(Codes(Space.Z, z))
    assert torch.equal(images[0], images[1])


def test_the_registered_file_is_loaded_by_its_name(
    case: tuple[dict[str, Tensor], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "semantic_stylegan_celebamask"
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path))
    state = {k: x for k, x in case[0].items() if not k.startswith("_")}
    torch.save({"g_ema": state}, tmp_path / REGISTRY[name].file)
    network = load_official(name, name, truncation_psi=0.7)
    assert isinstance(network, SemanticStyleGAN)
    assert network.truncation_psi == 0.7 and network.name == name


def test_what_shapes_do_not_tell_is_read_from_the_arguments(tmp_path: Path) -> None:
    network = random_network()
    options = argparse.Namespace(
        base_layers=1, depth_layers=3, transparent_dims=[3], residual_refine=True
    )
    torch.save({"g_ema": written(network), "args": options}, tmp_path / "file")
    read = read_checkpoint(tmp_path / "file").generator
    codes = Codes(Space.W, torch.randn(2, 6, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(read.render(codes), network.render(codes))
    torch.save({"g_ema": written(network)}, tmp_path / "bare")
    with pytest.raises(UserError, match="must rise"):  # 2 base layers, 2 of 4 for the depth
        read_checkpoint(tmp_path / "bare")


def test_thirteen_classes_are_those_of_celebamask(tmp_path: Path) -> None:
    network = random_network(
        classes=CLASSES, transparent=("glasses", "earring"), local_layers=5, base_layers=2
    )
    torch.save({"g_ema": written(network)}, tmp_path / "file")
    read = read_checkpoint(tmp_path / "file").generator
    assert isinstance(read, SemanticStyleGAN)
    assert read.config == network.config
    codes = read.sample(2000, torch.Generator().manual_seed(5))
    mean = read.map(codes.values, None).mean(0)
    assert (mean - read.w_avg).norm() < 0.2 * read.w_avg.norm() + 0.2


def test_what_does_not_fit_is_named(case: tuple[dict[str, Tensor], dict[str, Any]]) -> None:
    state = {f"g_ema.{k}": x for k, x in case[0].items() if not k.startswith("_")}
    lacking = {k: x for k, x in state.items() if "local_nets.2.to_depth.bias" not in k}
    with pytest.raises(UserError, match="lacks the tensors local_nets.2.to_depth.bias"):
        form.build(lacking)
    with pytest.raises(UserError, match="unknown tensors more"):
        form.build(state | {"g_ema.more": torch.zeros(1)})
    noise = {"g_ema.render_net.noises.noise_0": torch.zeros(1, 1, 4, 4)}
    with pytest.raises(UserError, match="noise_const"):
        form.build(state | noise)
    other = {"g_ema.render_net.to_rgbs.1.upsample.kernel": torch.ones(4, 4)}
    with pytest.raises(UserError, match="filter"):
        form.build(state | other)


def test_own_file(tmp_path: Path) -> None:
    network = random_network()
    save_own(network, tmp_path / "file", {"seed": 1})
    found = read_checkpoint(tmp_path / "file").generator
    assert isinstance(found, SemanticStyleGAN)
    assert found.fingerprint == network.fingerprint
    assert found.config == network.config
