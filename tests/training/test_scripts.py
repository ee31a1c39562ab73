"""What a person runs: training, export, evaluation, benchmark."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from pipeline.generators.layers import modulated_conv2d
from pipeline.generators.stylegan2 import StyleGAN2
from pipeline.generators.weights import load_stylegan2, read_generator, save_stylegan2
from pipeline.training import quality
from scripts import benchmark, evaluate_generator, export_generator, train_stylegan2
from tests.training.faces import Run, small_faces, small_training, untrained_readers


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_faces(tmp_path_factory.mktemp("faces"))


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a finished training of two steps."""
    training = small_training(data, tmp_path_factory.mktemp("trained"), 8, command="python a b")
    training.run()
    return training.out


def test_training_by_the_script(
    run: Run, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", data, "--out", tmp_path, "--processes", 1, "--wandb", "disabled")
    assert run(train_stylegan2.main, *arguments, "--images", 0) == 0
    described = json.loads((tmp_path / "training.json").read_text())
    assert described["architecture"]["channels"] == [128, 128, 96]
    assert described["command"].startswith("python script.py --data")
    capsys.readouterr()
    assert run(train_stylegan2.main, "--data", tmp_path / "none", "--out", tmp_path) == 2
    assert run(train_stylegan2.main, *arguments, "--channels", 8, 8) == 2
    errors = capsys.readouterr().err.splitlines()
    assert [line.startswith("error: ") for line in errors] == [True, True]
    assert "No rendered faces" in errors[0]
    assert "resolution=16 must be a power of two" in errors[1]


def test_export(
    run: Run, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, again = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    options = ("--compare", 5, "--seed", 2)
    assert run(export_generator.main, trained / "checkpoint.pt", "--out", out, *options) == 0
    assert "half precision moves pixels by 0." in capsys.readouterr().out
    assert run(export_generator.main, trained / "snapshot_00000k.pt", "--out", again, *options) == 0
    network = load_stylegan2(out, "small")
    assert network.fingerprint == load_stylegan2(again, "small").fingerprint
    codes = network.sample(20_000, torch.Generator().manual_seed(2))
    expected = network.mapping(codes.values).mean(0)
    torch.testing.assert_close(network.w_avg, expected, atol=1e-3, rtol=1e-3)
    told = read_generator(out).provenance
    assert (told["images"], told["seed"], told["command"]) == (8, 0, "python a b")
    assert told["rounding"]["n"] == 5
    assert 0 < told["rounding"]["mean"] < told["rounding"]["max"] < 2


def test_export_of_something_else(
    run: Run, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"a": torch.zeros(1)}, trained / "other.pt")
    torch.save({"mapping.w_avg": torch.zeros(8)}, trained / "snapshot_00001k.pt")
    for path, message in (
        (trained / "none.pt", "cannot be read"),
        (trained / "other.pt", "is neither a snapshot_XXXXXk.pt nor a checkpoint"),
        (trained / "snapshot_00001k.pt", "is not of the folder's training"),
        (tmp_path / "checkpoint.pt", "training.json' is missing or damaged"),
    ):
        assert run(export_generator.main, path, "--out", tmp_path / "x.safetensors") == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "x.safetensors").exists()


def test_evaluation(
    run: Run,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(quality.Readers, "load", untrained_readers)
    weights, card = tmp_path / "faces.safetensors", tmp_path / "faces.md"
    run(export_generator.main, trained / "checkpoint.pt", "--out", weights, "--compare", 2)
    options = ("--generator", weights, "--samples", 20, "--out", tmp_path, "--card", card)
    assert run(evaluate_generator.main, *options) in (0, 1)
    measured = json.loads((tmp_path / "quality.json").read_text())
    assert (measured["samples"], measured["truncation_psi"]) == (20, 1.0)
    kinds = [bar["kind"] for bar in measured["bars"]]
    assert kinds == ["found"] * 5 + ["spread"] * 2 + ["rate"] * 4 + ["distance"]
    with Image.open(tmp_path / "samples.png") as sheet:
        assert sheet.width > 12 * 128
    text = card.read_text()
    assert "Images shown: 8. Seed: 0." in text
    assert "32 rendered faces" in text
    assert f"{sum(b['holds'] for b in measured['bars'])} of 12 bars are met" in text
    assert f"{sum(b['holds'] for b in measured['bars'])} of 12 bars" in capsys.readouterr().out
    assert run(evaluate_generator.main, "--generator", "none", "--out", tmp_path) == 2
    assert run(evaluate_generator.main, "--samples", 3) == 2
    save_stylegan2(load_stylegan2(weights, "bare"), weights)
    assert run(evaluate_generator.main, *options) == 2
    assert "does not tell its architecture, command, data" in capsys.readouterr().err


def test_both_forms_of_modulation_give_the_same() -> None:
    for x, weight, styles, up in benchmark.modulation_calls((4, 3), 2, torch.device("cpu")):
        shared = modulated_conv2d(x, weight, styles, up=up)
        torch.testing.assert_close(benchmark.modulated_each(x, weight, styles, up), shared)


def test_the_benchmark_has_the_layers_of_the_network() -> None:
    from tests.training.faces import CONFIG

    network = StyleGAN2(CONFIG)
    kernels = [k.shape[:2] for n, k in network.synthesis.kernels.items() if "torgb" not in n]
    layers = benchmark.layers_of(CONFIG.channels)
    assert [(y.out_channels, y.in_channels) for y in layers] == [tuple(k) for k in kernels]
    assert [(y.resolution, y.up) for y in layers] == [(4, 1), (8, 2), (8, 1), (16, 2), (16, 1)]


def test_timings_are_medians_within_the_budget() -> None:
    now = [0.0]

    def takes(seconds: float) -> Callable[[], None]:
        return lambda: now.__setitem__(0, now[0] + seconds)

    variants = {"fast": takes(1), "slow": takes(3)}
    times = benchmark.timed(variants, 60, 4, clock=lambda: now[0])
    assert times == {"fast": benchmark.Timing(1, 4), "slow": benchmark.Timing(3, 4)}
    once = benchmark.timed(variants, 0, 4, clock=lambda: now[0])
    assert once == {"fast": benchmark.Timing(1, 1), "slow": benchmark.Timing(3, 1)}


def test_the_modulation_benchmark_prints_its_table(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.generators.stylegan2.channels_for", lambda *_: (4, 4, 4, 4))
    run(benchmark.main, "modulation", "--seconds", 0.1, "--n", 2, "--runs", 1)
    lines = capsys.readouterr().out.splitlines()
    assert "n=2, 1 thread(s)" in lines[0]
    assert [line.split()[1] for line in lines[2:6]] == ["64", "64", "256", "256"]
