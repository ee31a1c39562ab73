"""The training loop: resumed bit by bit, stopped by a signal, refused in one line."""

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.stylegan2 import StyleGAN2Config
from pipeline.records import read_metrics
from pipeline.training import journal, loop
from pipeline.training.loop import Training, images_shown, read_description
from pipeline.training.quality import Readers
from tests.training.faces import small_faces, small_training, untrained_readers


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_faces(tmp_path_factory.mktemp("faces"))


@pytest.fixture(autouse=True)
def no_evaluators(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Readers:
        raise UserError("No weights file 'parser'.")

    monkeypatch.setattr(journal.Readers, "load", missing)


def content(training: Training, name: str = "checkpoint.pt") -> dict[str, Tensor]:
    """A checkpoint's tensors and numbers by path."""
    saved = torch.load(training.out / name, weights_only=True)

    def flat(value: object, path: str) -> dict[str, Tensor]:
        if isinstance(value, dict):
            items = [flat(v, f"{path}/{k}") for k, v in value.items()]
        elif isinstance(value, list | tuple):
            items = [flat(v, f"{path}/{i}") for i, v in enumerate(value)]
        else:
            known = value if isinstance(value, Tensor) else torch.tensor(value or 0)
            return {path: known}
        return {k: v for item in items for k, v in item.items()}

    return flat(saved, "")


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def stop_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send this process SIGTERM in the middle of a step."""
    taken: list[int] = []
    step: Callable[..., dict[str, float]] = loop.train_step

    def interrupted(*arguments: object) -> dict[str, float]:
        taken.append(1)
        if len(taken) == steps:
            signal.raise_signal(signal.SIGTERM)
        return step(*arguments)

    monkeypatch.setattr(loop, "train_step", interrupted)


def test_half_and_half_is_the_whole_bit_by_bit(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped by SIGTERM between two checkpoints, it loses nothing."""
    straight = small_training(data, tmp_path / "straight")
    assert straight.run()
    resumed = small_training(data, tmp_path / "resumed")
    with monkeypatch.context() as patch:
        stop_after(3, patch)
        assert not resumed.run()
    assert images_shown(resumed.out / "checkpoint.pt") == 12
    assert resumed.run()
    assert equal(content(straight), content(resumed))
    assert equal(content(straight, "snapshot_00000k.pt"), content(resumed, "snapshot_00000k.pt"))


def test_a_kill_goes_on_from_the_last_checkpoint(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, killed = (small_training(data, tmp_path / n, 16) for n in ("straight", "killed"))
    straight.run()

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop.Journal, "snapshot", kill)
        replace(killed, snapshot_every=12).run()
    assert images_shown(killed.out / "checkpoint.pt") == 8
    killed.run()
    assert equal(content(straight), content(killed))


def test_what_it_leaves(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training = small_training(data, tmp_path / "out", command="python train.py")
    training.run()
    left = sorted(p.name for p in training.out.iterdir())
    assert left == [
        "checkpoint.pt", "sheet_00000k.png", "snapshot_00000k.pt", "training.json",
        "training.jsonl",
    ]  # fmt: skip
    described = read_description(training.out)
    assert described["architecture"]["channels"] == [8, 8, 6]
    assert described["data"]["count"] == 32
    assert (described["seed"], described["command"]) == (0, "python train.py")
    assert capsys.readouterr().out.count("The quality is not measured: No weights file") == 1
    before = {p: p.stat().st_mtime_ns for p in training.out.glob("*.pt")}
    assert training.run()  # it is finished: nothing is written again
    assert before == {p: p.stat().st_mtime_ns for p in training.out.glob("*.pt")}


def test_numbers_and_quality_are_logged(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "LOG_EVERY", 8)
    monkeypatch.setattr(journal, "JUDGED", 16)
    monkeypatch.setattr(journal.Readers, "load", untrained_readers)
    training = small_training(data, tmp_path / "out", 16)
    training.run()
    numbers, more, quality = read_metrics(training.out / "training.jsonl")
    assert numbers["images"] == 8
    assert {"images_per_second", "loss_g", "loss_d"} <= numbers.keys()
    assert more["images"] == quality["images"] == 16
    assert {"found/eyes", "spread/yaw", "rate/glasses", "distance/fd_embedded"} <= quality.keys()


def test_the_same_numbers_go_to_the_tracker(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "LOG_EVERY", 4)
    seen: list[object] = []

    class Recorder(loop.Tracker):
        def __init__(self, *_: object, **__: object) -> None:
            super().__init__()

        def start(self, config: object) -> None:
            seen.append(config)

        def log(self, values: object, step: int | None = None) -> None:
            seen.append(step)

        def images(self, name: str, images: object) -> None:
            seen.append(name)

        def finish(self, exit_code: int = 0) -> None:
            seen.append(exit_code)

    monkeypatch.setattr(loop, "WandbTracker", Recorder)
    small_training(data, tmp_path / "out", 8).run()
    config, *rest = seen
    assert rest == [4, 8, "samples", 0]
    assert json.loads(json.dumps(config))["recipe"]["batch"] == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"processes": 3}, "--processes 3 must divide the batch of 4"),
        ({"device": "cuda", "processes": 2}, "takes --processes 1"),
        ({"save_every": 3}, "--save-every 3 and --snapshot-every 16 must be at least one batch"),
        ({"wandb": "online!"}, "Unknown logger.mode 'online!'"),
        ({"data": Path("nowhere")}, "No rendered faces in 'nowhere'"),
    ],
)
def test_impossible_settings_are_refused_before_any_work(
    data: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    training = replace(small_training(data, tmp_path / "out"), **changes)
    with pytest.raises(UserError, match=message):
        training.run()
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no CUDA device"):
        small_training(data, tmp_path, device="cuda").run()


def test_another_training_is_not_gone_on_with(data: Path, tmp_path: Path) -> None:
    training = small_training(data, tmp_path, 4)
    training.run()
    other = StyleGAN2Config(16, (8, 8, 8), 8, 8, 2)
    for changes, named in (({"seed": 1}, "seed"), ({"config": other}, "architecture")):
        with pytest.raises(UserError, match=rf"training with other {named} .*--out"):
            replace(training, **changes).run()
    assert replace(training, save_every=4, images=8).run()


def test_a_damaged_checkpoint_or_description_is_named(data: Path, tmp_path: Path) -> None:
    training = small_training(data, tmp_path, 4)
    training.run()
    (tmp_path / "checkpoint.pt").write_bytes(b"half")
    with pytest.raises(UserError, match=r"checkpoint\.pt' cannot be read"):
        training.run()
    (tmp_path / "training.json").write_text("{")
    with pytest.raises(UserError, match=r"training\.json' is missing or damaged"):
        training.run()
