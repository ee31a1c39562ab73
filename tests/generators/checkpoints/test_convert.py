"""scripts/convert_checkpoint.py: there and back again."""

import runpy
import sys
from pathlib import Path

import pytest
import torch

from pipeline.generators.base import Codes, Space
from pipeline.generators.checkpoints.load import read_checkpoint
from pipeline.generators.checkpoints.own import save_own
from pipeline.generators.pggan import PGGAN, PGGANConfig
from pipeline.generators.stylegan2 import StyleGAN2Config
from tests.generators.checkpoints.writers import random_network, write_nvidia, write_tensorflow

SCRIPT = Path(__file__).parents[3] / "scripts" / "convert_checkpoint.py"
PLAIN = StyleGAN2Config(8, (3, 2), 4, 4, 2)


def convert(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["convert_checkpoint.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    return int(caught.value.code or 0)


def test_round_trip(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    network = random_network(PLAIN)
    codes = Codes(Space.Z, torch.ones(1, 4))
    path = tmp_path / "file.pkl"
    write_tensorflow(network, path)
    said = "stylegan2-tensorflow"
    for form in ("nvidia", "rosinality", "safetensors", "rosinality", "nvidia"):
        assert convert(monkeypatch, path, tmp_path / form, "--to", form) == 0
        shown = capsys.readouterr().out
        assert shown.startswith(f"{said}: StyleGAN2, 8 px, spaces activations, parameters, s, w")
        assert str(tmp_path / form) in shown
        path = tmp_path / form
        found = read_checkpoint(path)
        said = found.form
        assert form in said
        torch.testing.assert_close(found.generator.render(codes), network.render(codes))


def test_what_is_lost_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = StyleGAN2Config(8, (3, 2), 4, 4, 2, conv_clamp=256)
    write_nvidia(random_network(config), tmp_path / "a")
    assert convert(monkeypatch, tmp_path / "a", tmp_path / "b", "--to", "rosinality") == 0
    assert "no conv_clamp" in capsys.readouterr().out


def test_mistakes_end_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    save_own(PGGAN(PGGANConfig(8, (4, 3), z_dim=4)), tmp_path / "pggan")
    write_tensorflow(random_network(PLAIN), tmp_path / "file")
    for arguments, said in (
        ((tmp_path / "none", tmp_path / "b"), "no such file"),
        ((tmp_path / "pggan", tmp_path / "b", "--to", "nvidia"), "is for StyleGAN2"),
        ((tmp_path / "file", tmp_path / "no" / "b"), "Cannot write"),
    ):
        assert convert(monkeypatch, *arguments) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.startswith("error: ")
        assert error.count("\n") == 1
