"""Trackers: what an offline W&B run holds, and that no failure of W&B reaches the run."""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import wandb
from PIL import Image

from pipeline import wandb_client
from pipeline.errors import UserError
from pipeline.tracking import Tracker, WandbTracker
from tests import wandb_file

SCALE = torch.tensor([-3.0, -1.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """W&B as on a fresh machine: no key, no settings, no folders but temporary ones."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("WANDB_")]:
            patch.delenv(name)
        for name in ("CACHE", "CONFIG", "DATA"):
            patch.setenv(f"WANDB_{name}_DIR", str(tmp_path_factory.mktemp(name)))
        patch.setenv("NETRC", str(tmp_path_factory.mktemp("home") / "netrc"))
        wandb.teardown()
        yield patch
        wandb.teardown()


@pytest.fixture
def fresh(
    surroundings: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """Surroundings that a test may change."""
    wandb.teardown()
    yield monkeypatch
    wandb.teardown()


@pytest.fixture(scope="module")
def offline(surroundings: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that used every hook once."""
    folder = tmp_path_factory.mktemp("run")
    edits = folder / "edits"
    (edits / "inner").mkdir(parents=True)
    (edits / "edits.safetensors").write_bytes(b"0123456789")
    (edits / "inner" / "note").write_bytes(b"!")
    Image.new("RGB", (5, 4), "red").save(folder / "sheet.png")
    about = {"group": "sweep" + "x" * 200, "job_type": "edit", "name": "seed=1", "tags": ["a", ""]}
    with WandbTracker(folder, **about, project="p") as tracker:  # type: ignore[arg-type]
        tracker.start({"method": {"name": "resefa", "layers": (0, 4)}, "ratio": float("nan")})
        tracker.log({"mse": torch.tensor(0.5)}, step=7)
        tracker.log({"mse": 0.25}, step=3)
        tracker.log({"fid": {"value": 3.0, "n": 64}})
        tracker.table("metrics", ["name", "value"], [("fid", 3.0), ("ssim", None)])
        tracker.images(
            "faces/mouth",
            [
                ("file", folder / "sheet.png"),
                ("tensor", SCALE.expand(3, 5, 4)),
                ("picture", Image.new("RGB", (4, 5), "blue")),
            ],
        )
        tracker.artefact("edits: resefa/mouth", edits, "edits")
        tracker.artefact("one", folder / "sheet.png", "report")
    wandb.teardown()  # the service writes on after the run is finished
    return folder


@pytest.fixture(scope="module")
def records(offline: Path) -> list[Any]:
    """What is in the file of that run."""
    return wandb_file.read_records(only(offline.glob("wandb/offline-run-*/run-*.wandb")))


def said(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    """What the tracker logged; W&B keeps a log of its own."""
    ours = [r for r in caplog.records if r.name.startswith("pipeline")]
    return [r.message for r in ours if r.levelno >= level]


def only(paths: Iterator[Path]) -> Path:
    (path,) = paths
    return path


# --- an offline run


def test_it_holds_the_configuration_and_what_finds_it(records: list[Any]) -> None:
    config = wandb_file.config(records)
    assert config["method"] == {"name": "resefa", "layers": [0, 4]}
    assert config["ratio"] is None
    run = wandb_file.run(records)
    assert (run.project, run.job_type, run.display_name, list(run.tags)) == (
        "p",
        "edit",
        "seed=1",
        ["a"],
    )
    assert run.run_group == ("sweep" + "x" * 200)[:128]


def test_it_holds_every_row_in_whatever_order_of_steps(records: list[Any]) -> None:
    rows = wandb_file.history(records)
    assert [(row["step"], row["mse"]) for row in rows if "mse" in row] == [(7, 0.5), (3, 0.25)]
    assert [row["fid/value"] for row in rows if "fid/value" in row] == [3.0]


def test_it_sums_up_the_last_values(records: list[Any]) -> None:
    summary = wandb_file.summary(records)
    assert (summary["mse"], summary["fid/value"], summary["metrics/nrows"]) == (0.25, 3, 2)


def test_it_holds_tables(offline: Path) -> None:
    path = only(offline.glob("wandb/offline-run-*/files/media/table/metrics_*.table.json"))
    table = json.loads(path.read_text())
    assert table["columns"] == ["name", "value"]
    assert table["data"] == [["fid", 3.0], ["ssim", None]]


def test_it_holds_images_with_captions(offline: Path, records: list[Any]) -> None:
    row = next(row for row in wandb_file.history(records) if "faces/mouth/captions" in row)
    assert row["faces/mouth/captions"] == ["file", "tensor", "picture"]
    files = only(offline.glob("wandb/offline-run-*/files"))
    pixels = [np.asarray(Image.open(files / name)) for name in row["faces/mouth/filenames"]]
    assert pixels[0][0, 0].tolist() == [255, 0, 0]
    assert pixels[1].shape == (5, 4, 3) and pixels[1][2, :, 1].tolist() == [0, 0, 128, 255]
    assert pixels[2][0, 0].tolist() == [0, 0, 255]


def test_it_holds_the_edits_without_copying_them(offline: Path, records: list[Any]) -> None:
    found = {artifact.type: artifact for artifact in wandb_file.artifacts(records)}
    assert found["edits"].name == "edits-resefa-mouth"
    contents = {c.path: (c.size, c.local_path) for c in found["edits"].manifest.contents}
    edits = offline / "edits"
    assert contents == {
        "edits.safetensors": (10, str(edits / "edits.safetensors")),
        "inner/note": (1, str(edits / "inner" / "note")),
    }
    assert [c.path for c in found["report"].manifest.contents] == ["sheet.png"]


def test_it_prints_nothing_and_logs_how_to_upload(
    fresh: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO), WandbTracker(tmp_path / "new", mode="auto") as tracker:
        tracker.start({})
        tracker.log({"a": 1}, step=0)
    assert capfd.readouterr() == ("", "")
    folder = only((tmp_path / "new" / "wandb").glob("offline-run-*"))
    assert said(caplog, logging.INFO) == [
        f"W&B is offline; upload this run with: wandb sync {folder}"
    ]


# --- servers and keys


def test_a_server_that_does_not_answer_makes_the_run_offline(
    fresh: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    fresh.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    fresh.setenv("WANDB_API_KEY", "f" * 40)
    begin = time.monotonic()
    with WandbTracker(tmp_path, mode="auto", init_timeout=1, finish_timeout=5) as tracker:
        tracker.start({})
        tracker.log({"a": 1.5})
    assert time.monotonic() - begin < 20
    wandb.teardown()
    (warning,) = said(caplog)
    assert warning.startswith("W&B could not start online (CommError")
    path = only(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))
    assert wandb_file.history(wandb_file.read_records(path))[0]["a"] == 1.5
    assert capfd.readouterr() == ("", "")


def test_online_without_a_key_does_not_ask_for_one(
    fresh: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fresh.setattr(wandb_client, "open_run", lambda mode, *args, **kwargs: Stub(mode))
    tracker = WandbTracker(tmp_path, mode="online")
    tracker.start({})
    assert said(caplog) == [
        "W&B finds no API key (WANDB_API_KEY, or 'wandb login'): this run stays offline"
    ]
    assert str(tracker._run) == "offline"


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("api.wandb.ai", True),
        ("api.forge.coreweave.com", True),
        ("example.org", False),
        (None, False),
    ],
)
def test_a_key_is_found_where_wandb_login_puts_it(
    fresh: pytest.MonkeyPatch, tmp_path: Path, host: str | None, found: bool
) -> None:
    fresh.setenv("NETRC", str(tmp_path / "netrc"))
    entry = f"machine {host}\n  login user\n  password {'f' * 40}\n" if host else "machine\n"
    (tmp_path / "netrc").write_text(entry)
    assert wandb_client.has_key() is found


def test_a_key_is_found_in_the_environment(fresh: pytest.MonkeyPatch) -> None:
    assert not wandb_client.has_key()
    wandb.teardown()
    fresh.setenv("WANDB_API_KEY", "f" * 40)
    assert wandb_client.has_key()


def test_disabled_leaves_nothing(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with WandbTracker(tmp_path, mode="disabled") as tracker:
        use(tracker)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_mode_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean logger.mode=offline"):
        WandbTracker(mode="ofline")


# --- failures


class Stub:
    """A run of which every method fails with the same error, and that counts the calls."""

    def __init__(self, name: str = "", error: Exception | None = None) -> None:
        self.name = name
        self.error = error
        self.calls: list[tuple[str, dict[str, object]]] = []
        self.settings = wandb.Settings()
        self.url = "https://wandb.example/run"

    def __str__(self) -> str:
        return self.name

    def __getattr__(self, name: str) -> Any:
        def call(*args: object, **kwargs: object) -> None:
            self.calls.append((name, kwargs))
            if self.error:
                raise self.error

        return call


def use(tracker: Tracker) -> None:
    tracker.start({"seed": 0})
    for step in range(2):
        tracker.log({"a": 1}, step)
        tracker.table("t", ["a"], [(1,)])
        tracker.images("i", [("one", torch.zeros(3, 4, 4))])
        tracker.artefact("e", Path(__file__), "edits")


@pytest.mark.parametrize(
    "error", [wandb.errors.CommError("lost"), OSError(28, "No space left"), RuntimeError()]
)
def test_whatever_fails_is_one_warning_each(
    fresh: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path, error: Exception
) -> None:
    run = Stub(error=error)
    fresh.setattr(wandb_client, "open_run", lambda *args, **kwargs: run)
    with WandbTracker(tmp_path) as tracker:
        use(tracker)
    tracker.finish()
    assert [name for name, _ in run.calls] == 2 * (3 * ["log"] + ["log_artifact"]) + ["finish"]
    warned = said(caplog)
    what = ["log numbers", "log a table", "log images", "log an artefact", "finish"]
    assert [m.split(" (")[0] for m in warned] == [f"W&B could not {w}" for w in what]
    assert all(type(error).__name__ in message for message in warned)


def test_values_that_cannot_be_shown_are_a_warning(
    fresh: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    fresh.setattr(wandb_client, "open_run", lambda *args, **kwargs: Stub())
    with WandbTracker(tmp_path) as tracker:
        tracker.start({})
        tracker.log({"a": object()})
        tracker.images("i", [("one", tmp_path / "absent.png")])
        tracker.artefact("e", tmp_path / "absent", "edits")
    assert len(said(caplog)) == 3


@pytest.mark.parametrize("broken", ["no wandb", "no folder", "strange config"])
def test_a_run_that_cannot_start_is_a_warning(
    fresh: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path, broken: str
) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / ("file" if broken == "no folder" else "run") / "inner"
    if broken == "no wandb":
        fresh.setitem(sys.modules, "wandb", None)
    with WandbTracker(folder) as tracker:
        tracker.start({"a": object() if broken == "strange config" else 1})
        tracker.log({"a": 1})
    (warning,) = said(caplog)
    assert warning.startswith("W&B could not start")


def test_uploads_that_take_too_long_are_left_for_later(
    fresh: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    run = Stub(error=TimeoutError("Timed out finishing run."))
    fresh.setattr(wandb_client, "open_run", lambda *args, **kwargs: run)
    with caplog.at_level(logging.INFO), WandbTracker(tmp_path) as tracker:
        tracker.start({})
    assert "Timed out" in said(caplog)[0] and "wandb sync" in said(caplog, logging.INFO)[-1]


def test_a_failed_run_is_closed_as_failed(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = Stub()
    fresh.setattr(wandb_client, "open_run", lambda *args, **kwargs: run)
    with pytest.raises(KeyboardInterrupt), WandbTracker(tmp_path) as tracker:
        tracker.start({})
        raise KeyboardInterrupt
    assert run.calls == [("finish", {"exit_code": 1})]


SWEEP = """
import os, pathlib, signal, sys, time
from pipeline.tracking import WandbTracker

def service():
    tasks = pathlib.Path("/proc/self/task").glob("*/children")
    children = [int(pid) for task in tasks for pid in task.read_text().split()]
    is_core = lambda pid: b"wandb-core" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    return next(filter(is_core, children))

for job in range(2):
    with WandbTracker(pathlib.Path(sys.argv[1]) / str(job)) as tracker:
        tracker.start({})
        if job == 0:
            os.kill(service(), signal.SIGKILL)
            time.sleep(0.3)
        tracker.log({"a": job})
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the service in /proc")
def test_a_service_that_dies_costs_one_run_of_a_sweep(
    fresh: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", SWEEP, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0 and done.stdout == ""
    warned = [line.split(" (")[0] for line in done.stderr.splitlines()]
    assert warned == ["W&B could not log numbers", "W&B could not finish"]
    path = only((tmp_path / "1").glob("wandb/offline-run-*/run-*.wandb"))
    assert wandb_file.history(wandb_file.read_records(path))[0]["a"] == 1


# --- none


def test_the_plain_tracker_does_nothing(tmp_path: Path) -> None:
    with Tracker(tmp_path, group="g", name="n") as tracker:
        use(tracker)
    assert list(tmp_path.iterdir()) == []
