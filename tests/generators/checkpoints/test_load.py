"""Files are told apart by their content, and every mistake ends in one line."""

import gzip
import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from safetensors.torch import save_file

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.checkpoints import stylegan2
from pipeline.generators.checkpoints.load import FORMS, load_checkpoint, read_checkpoint
from pipeline.generators.checkpoints.own import NETWORKS, save_own
from pipeline.generators.checkpoints.stylegan2_export import to_nvidia
from pipeline.generators.pggan import PGGAN, PGGANConfig
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config
from pipeline.generators.weights import load_stylegan2, save_stylegan2
from pipeline.preflight import CONF, preflight
from tests.conftest import Oracle
from tests.generators.checkpoints.writers import WRITERS, random_network, write_rosinality

PLAIN = StyleGAN2Config(8, (3, 2), 4, 4, 2)
PAGE = b"<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head></html>"


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("weights.pt"))
    return file.getvalue()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("readme.txt", "weights are elsewhere")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (PAGE, "download failed"),
        (b"\xef\xbb\xbf\r\n  " + PAGE, "download failed"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "download failed"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS"),
        (gzip.compress(PAGE), "gzip"),
        (tar(), "tar archive"),
        (archive(), "none of torch.save"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "HDF5"),
        (b"PK\3\4" + b"\0" * 50, "truncated"),
        (b"Not Found", "no file of weights"),
        (b'{"error": "unauthorized"}', "no file of weights"),
        (b"\0" * 1000, "no file of weights"),
        (b"\x80\x02", "truncated"),
    ],
)
def test_what_is_no_file_of_weights(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "stylegan2-ffhq-config-f.pkl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=said) as caught:
        load_checkpoint(path)
    assert str(caught.value).startswith(f"checkpoint={path}: ")
    assert str(caught.value).isprintable()


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        load_checkpoint(tmp_path / "nothing.pkl")
    with pytest.raises(UserError, match="no file"):
        load_checkpoint(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="no file"):
        load_checkpoint(tmp_path / "pipe")
    with pytest.raises(UserError, match=r"generator\.checkpoint=PATH"):
        load_checkpoint(None)


@pytest.mark.parametrize("form", WRITERS)
def test_truncated_files(form: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    WRITERS[form](random_network(PLAIN), path)
    content = path.read_bytes()
    for part in (1, 2, 9, 20, 100, len(content) // 2, len(content) - 100, len(content) - 1):
        path.write_bytes(content[:part])
        with pytest.raises(UserError, match=str(path)) as caught:
            read_checkpoint(path)
        assert str(caught.value).isprintable()


def test_flipped_bits_in_a_zip_file_are_found(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_rosinality(random_network(PLAIN), path)
    content = path.read_bytes()
    with zipfile.ZipFile(path) as opened:
        records = [entry for entry in opened.infolist() if "/data/" in entry.filename]
    for entry in records[::7]:
        names = struct.unpack("<2H", content[entry.header_offset + 26 : entry.header_offset + 30])
        place = entry.header_offset + 30 + sum(names)
        path.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        with pytest.raises(UserError, match="wrong checksum"):
            read_checkpoint(path)


def test_files_without_checksums_are_read(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        write_rosinality(random_network(PLAIN), tmp_path / "file")
    finally:
        torch.serialization.set_crc32_options(True)
    assert read_checkpoint(tmp_path / "file").form == "stylegan2-rosinality"


@pytest.mark.parametrize(
    "content",
    [{}, {"a": torch.ones(3), "b": [1, {"c": "text"}]}, torch.ones(2), [torch.ones(1)] * 3, 5],
)
def test_a_file_of_no_known_form_says_what_is_in_it(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "file")
    with pytest.raises(UserError, match="none of the known forms: stylegan2-nvidia, "):
        load_checkpoint(tmp_path / "file")


def test_foreign_safetensors_are_read(tmp_path: Path) -> None:
    network = random_network(PLAIN)
    save_file(to_nvidia(network), tmp_path / "file")
    found = read_checkpoint(tmp_path / "file")
    assert found.form == "stylegan2-nvidia"
    codes = Codes(Space.Z, torch.ones(1, 4))
    torch.testing.assert_close(found.generator.render(codes), network.render(codes))


def test_other_networks_are_not_taken_for_stylegan2(oracle: Oracle) -> None:
    for case in ("stylegan_hammer_a", "pggan_hammer_a", "semantic_stylegan_a", "tf_stylegan_a"):
        tensors, _ = oracle(case)
        content = {k.removeprefix("state."): x for k, x in tensors.items() if "state." in k}
        assert not [form.name for form in stylegan2.FORMS if form.recognise(content)]


def test_forms_have_names_of_their_own() -> None:
    names = [form.name for form in FORMS]
    assert len(set(names)) == len(names)


def test_own_files_of_any_architecture(tmp_path: Path) -> None:
    network = PGGAN(PGGANConfig(8, (4, 3), z_dim=4)).eval().requires_grad_(False)
    save_own(network, tmp_path / "file", {"seed": 1})
    found = read_checkpoint(tmp_path / "file").generator
    assert isinstance(found, PGGAN)
    assert found.fingerprint == network.fingerprint
    codes = network.sample(2, torch.Generator().manual_seed(0))
    assert torch.equal(found.render(codes), network.render(codes))


def test_own_stylegan2_files_are_those_of_the_weights_module(tmp_path: Path) -> None:
    network = random_network(PLAIN)
    save_stylegan2(network, tmp_path / "a", provenance={"seed": 1})
    save_own(network, tmp_path / "b", {"seed": 1})
    again = load_stylegan2(tmp_path / "b", "again")
    assert again.fingerprint == load_checkpoint(tmp_path / "a").fingerprint == network.fingerprint


def test_own_classes_are_known_by_their_names() -> None:
    for name, (network, config) in NETWORKS.items():
        assert network.__name__ == name
        assert config.__name__ == f"{name}Config"


@pytest.mark.parametrize(
    "changes",
    [
        {"mapping_layers": 10**9},
        {"mapping_layers": 3},
        {"channels": [3] * 10},
        {"channels": [10**9, 10**9]},
        {"w_dim": 10**9},
        {"unknown": 1},
        {"z_dim": "text"},
    ],
)
def test_own_files_with_a_forged_architecture(changes: dict[str, Any], tmp_path: Path) -> None:
    class Forged(StyleGAN2):
        """Its configuration is a lie."""

    network = random_network(PLAIN)
    network.__class__ = Forged
    path = tmp_path / "file"
    save_own(network, path)
    config = {"class": "StyleGAN2"} | changes
    forge(path, config)
    with pytest.raises(UserError) as caught:
        read_checkpoint(path)
    assert str(caught.value).isprintable()


def forge(path: Path, changes: dict[str, Any]) -> None:
    """Change the header of one of the project's files, and its checksum with it."""
    import json

    from safetensors import safe_open
    from safetensors.torch import save

    from pipeline.generators.fingerprints import tensor_hash

    with safe_open(path, "pt") as file:
        header = dict(file.metadata())
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    header["class"] = changes.pop("class")
    header["architecture"] = json.dumps(json.loads(header["architecture"]) | changes)
    header["sha256"] = tensor_hash(tensors, header["architecture"])
    path.write_bytes(save(tensors, header))


def configured(path: Path, **changes: Any) -> Generator:
    config = OmegaConf.load(CONF / "generator" / "checkpoint.yaml")
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    settings.pop("domain")  # what the pictures are; the run's own business
    made = instantiate(settings | {"checkpoint": str(path)} | changes)
    assert isinstance(made, Generator)
    return made


def test_the_configuration(tmp_path: Path) -> None:
    network = random_network(PLAIN)
    write_rosinality(network, tmp_path / "file")
    plain = configured(tmp_path / "file")
    assert plain.name == "checkpoint"
    codes = Codes(Space.Z, torch.ones(1, 4))
    torch.testing.assert_close(plain.render(codes), network.render(codes))
    near = configured(tmp_path / "file", truncation_psi=0.5, truncation_cutoff=2)
    expected = StyleGAN2(PLAIN, 0.5, 2)
    expected.load_state_dict(network.state_dict())
    torch.testing.assert_close(near.render(codes), expected.render(codes))


def test_the_command_line_may_name_it() -> None:
    preflight(
        ["generator=checkpoint", "generator.checkpoint=x.pkl", "generator.truncation_psi=0.7"]
    )


def test_truncation_that_does_not_fit(tmp_path: Path) -> None:
    write_rosinality(random_network(PLAIN), tmp_path / "file")
    with pytest.raises(UserError, match=r"0\.\.4"):
        load_checkpoint(tmp_path / "file", truncation_cutoff=5)
    save_own(PGGAN(PGGANConfig(8, (4, 3), z_dim=4)), tmp_path / "other")
    with pytest.raises(UserError, match="PGGAN, which has no mean w"):
        load_checkpoint(tmp_path / "other", truncation_psi=0.7)
