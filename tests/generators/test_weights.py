"""Generator files and fingerprints: round trips, and one clear line about a bad file."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.fingerprints import tensor_hash
from pipeline.generators.stylegan2 import StyleGAN2
from pipeline.generators.weights import load_stylegan2, read_generator, save_stylegan2
from tests.generators.networks import small_network

NETWORK = small_network(dtype=torch.float32)
W = Codes(Space.W, torch.randn(3, 6, generator=torch.Generator().manual_seed(0)))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "faces.safetensors"
    save_stylegan2(NETWORK, path, provenance={"seed": 3})
    return path


def grey_levels(first: StyleGAN2, second: StyleGAN2) -> torch.Tensor:
    images = [network.render(W).clamp(-1, 1) * 127.5 for network in (first, second)]
    return (images[0] - images[1]).abs()


def test_float32_round_trip(saved: Path) -> None:
    loaded = load_stylegan2(saved, "faces", truncation_psi=0.7)
    assert (loaded.name, loaded.config, loaded.truncation_psi) == ("faces", NETWORK.config, 0.7)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    assert torch.equal(loaded.render(W), NETWORK.render(W))
    assert loaded.fingerprint == NETWORK.fingerprint
    assert read_generator(saved).provenance == {"seed": 3}
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_float16_round_trip(tmp_path: Path, saved: Path) -> None:
    path = tmp_path / "half.safetensors"
    save_stylegan2(NETWORK, path, torch.float16)
    loaded = load_stylegan2(path, "half")
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    assert 0 < grey_levels(loaded, NETWORK).max() < 1.5
    assert loaded.fingerprint != NETWORK.fingerprint
    assert path.stat().st_size < 0.8 * saved.stat().st_size


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UserError, match="generator=faces: there is no weights file 'nowhere.saf"):
        load_stylegan2("nowhere.safetensors", "faces")


def test_damage_is_named(saved: Path) -> None:
    whole = saved.read_bytes()
    middle = len(whole) - 1000
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    for content in (whole[:-7], whole[:5], b"", b"<html>not found</html>", flipped):
        saved.write_bytes(content)
        with pytest.raises(UserError, match=r"faces\.safetensors' is damaged or not") as error:
            load_stylegan2(saved, "faces")
        assert "\n" not in str(error.value)


def test_foreign_files_are_named(saved: Path) -> None:
    save_file({"a": torch.zeros(2)}, saved)
    with pytest.raises(UserError, match="its header is another project's"):
        load_stylegan2(saved, "faces")
    tensors, architecture = {"a": torch.zeros(2)}, json.dumps({"resolution": 8})
    header = {"architecture": architecture, "sha256": tensor_hash(tensors, architecture)}
    for kind, reason in (("StyleGAN2", "'channels'"), ("PGGAN", "it holds a PGGAN")):
        save_file(tensors, saved, header | {"class": kind, "provenance": "{}"})
        with pytest.raises(UserError, match=reason):
            load_stylegan2(saved, "faces")
    saved.unlink()
    saved.mkdir()
    with pytest.raises(UserError, match=r"faces\.safetensors' is damaged or not"):
        load_stylegan2(saved, "faces")


def test_a_full_disk_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipeline.disk.os.fsync", full)
    with pytest.raises(UserError, match="disk of the folder of the weights .* is full"):
        save_stylegan2(small_network(1, torch.float32), saved)
    assert saved.read_bytes() == before


def test_every_tensor_is_in_the_fingerprint() -> None:
    seen = {NETWORK.fingerprint}
    for name in NETWORK.state_dict():
        changed = small_network(dtype=torch.float32)
        tensor = changed.state_dict()[name]
        tensor.view(-1)[-1] += 0.125
        seen.add(changed.fingerprint)
    assert len(seen) == len(NETWORK.state_dict()) + 1


def test_the_architecture_is_in_the_fingerprint() -> None:
    """Equal tensors that another architecture reads otherwise are another generator."""
    for change in ({"conv_clamp": 256.0}, {"mapping_lr_multiplier": 0.1}):
        other = StyleGAN2(replace(NETWORK.config, **change))  # type: ignore[arg-type]
        other.load_state_dict(NETWORK.state_dict())
        assert other.fingerprint != NETWORK.fingerprint


def test_a_network_made_directly_has_a_fingerprint_of_its_own() -> None:
    first, second = small_network(1), small_network(2)
    assert len(first.fingerprint) == 16
    assert first.fingerprint != second.fingerprint
    assert first.fingerprint == small_network(1).fingerprint
    truncated = StyleGAN2(first.config, 0.5, 2).double()
    truncated.load_state_dict(first.state_dict())
    assert truncated.fingerprint == first.fingerprint


def test_the_fingerprint_ignores_the_memory_layout() -> None:
    rearranged = copy.deepcopy(small_network()).to(memory_format=torch.channels_last)
    assert rearranged.fingerprint == small_network().fingerprint


def test_the_hash_tells_shapes_types_and_names_apart() -> None:
    zeros = torch.zeros(2, 3)
    hashes = {
        tensor_hash({"a": zeros}),
        tensor_hash({"a": zeros.T}),
        tensor_hash({"b": zeros}),
        tensor_hash({"a": zeros.int()}),
        tensor_hash({"a": zeros.bfloat16()}),
        tensor_hash({"a": zeros}, "about"),
    }
    assert len(hashes) == 6
    assert tensor_hash({"a": zeros, "b": zeros[0, 0]}) == tensor_hash(
        {"b": zeros[0, 0], "a": zeros}
    )
