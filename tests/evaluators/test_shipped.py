"""Weights files: round trip, and one clear line about a bad one."""

from pathlib import Path

import pytest
import torch
from torch import nn

from pipeline.errors import UserError
from pipeline.evaluators import shipped


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    shipped.save(path, nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), {"seed": 5})
    return path


def test_round_trip_keeps_half_precision_and_provenance(tmp_path: Path) -> None:
    linear = nn.Linear(4, 3)
    path = tmp_path / "tiny.safetensors"
    shipped.save(path, nn.Sequential(linear, nn.BatchNorm1d(3)), {"seed": 5})
    content = shipped.load(path)
    assert content.provenance == {"seed": 5}
    assert torch.equal(content.tensors["0.weight"], linear.weight.half().float())
    assert torch.equal(content.tensors["0.bias"], linear.bias)
    assert all(tensor.dtype == torch.float32 for tensor in content.tensors.values())


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No weights file '.*gone\.safetensors'.*train_evaluators"):
        shipped.load(tmp_path / "gone.safetensors")


@pytest.mark.parametrize("keep", [0, 7, 60, 200])
def test_cut_file_is_named(saved: Path, keep: int) -> None:
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"tiny\.safetensors' is damaged"):
        shipped.load(saved)


def test_flipped_bit_is_noticed(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[-3] ^= 16
    saved.write_bytes(bytes(content))
    with pytest.raises(UserError, match="wrong checksum"):
        shipped.load(saved)


def test_other_network_is_refused(saved: Path) -> None:
    with pytest.raises(UserError, match="another network"):
        shipped.load(saved).load_into(nn.Linear(4, 3), saved)
