"""Metrics line by line, JSON all at once, and what a run was made with."""

import errno
import json
import os
import platform
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from pipeline.environment import environment, git_state
from pipeline.errors import UserError
from pipeline.records import MetricsLog, plain, read_metrics, require_writable, write_json


class Space(StrEnum):
    W = "w"


@dataclass(frozen=True)
class Estimate:
    value: float
    ci95: tuple[float, float]


def full_disk(*args: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("-inf"), None),
        (True, True),
        (np.float64("nan"), None),
        (np.float32(0.5), 0.5),
        (torch.tensor([1.0, float("nan")]), [1.0, None]),
        (torch.tensor(3), 3),
        (Space.W, "w"),
        (Path("a/b"), "a/b"),
        (Estimate(1.0, (float("nan"), 2.0)), {"value": 1.0, "ci95": [None, 2.0]}),
        ({Space.W: (1, 2), 3: None}, {"w": [1, 2], "3": None}),
        (OmegaConf.create({"a": [1, {"b": "c"}]}), {"a": [1, {"b": "c"}]}),
    ],
)
def test_values_take_the_form_that_json_holds(value: object, expected: object) -> None:
    assert plain(value) == expected
    json.dumps(plain(value), allow_nan=False)


@pytest.mark.parametrize("value", [object(), b"bytes", {"a": {1, 2}}, Estimate])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be recorded"):
        plain(value)


def test_a_line_is_on_the_disk_as_soon_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    path = tmp_path / "run" / "metrics.jsonl"
    with MetricsLog(path) as log:
        for step in range(3):
            log.write({"step": step, "mse": float("nan"), "note": "ü"})
            assert len(path.read_bytes().splitlines()) == len(synced) == step + 1
    assert read_metrics(path)[2] == {"step": 2, "mse": None, "note": "ü"}


def test_a_later_run_continues_the_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    for step in range(2):
        with MetricsLog(path) as log:
            log.write({"step": step})
    assert read_metrics(path) == [{"step": 0}, {"step": 1}]


def test_a_line_that_a_kill_cut_short_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 0}\n{"ste')
    assert read_metrics(path) == [{"step": 0}]
    with MetricsLog(path) as log:
        log.write({"step": 1})
    assert read_metrics(path) == [{"step": 0}, {"step": 1}]


def test_a_disk_that_fills_up_in_a_line_keeps_the_lines_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "metrics.jsonl"
    write, calls = os.write, []

    def fills_up(file: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) > 1:
            full_disk()
        return write(file, data[:5])

    with MetricsLog(path) as log:
        log.write({"step": 0})
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", fills_up)
            with pytest.raises(UserError, match=r"is full.*store.*hydra\.run\.dir=PATH") as caught:
                log.write({"step": 1})
        log.write({"step": 2})
    assert str(tmp_path) in str(caught.value) and len(calls) == 2
    assert read_metrics(path) == [{"step": 0}, {"step": 2}]


def test_json_is_written_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.json"
    write_json(path, {"fid": float("nan"), "ä": (1, 2)})
    assert json.loads(path.read_text()) == {"fid": None, "ä": [1, 2]}
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        with pytest.raises(UserError, match="is full"):
            write_json(path, {"fid": 1})
    assert json.loads(path.read_text()) == {"fid": None, "ä": [1, 2]}
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]


def test_an_output_folder_is_made_and_tried(tmp_path: Path) -> None:
    require_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_an_output_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"Not a directory.*hydra\.run\.dir=PATH") as caught:
        require_writable(tmp_path / "file" / "run")
    assert str(tmp_path / "file" / "run") in str(caught.value)
    with pytest.raises(UserError, match=r"hydra\.sweep\.dir=PATH"):
        require_writable(tmp_path / "file" / "run", "hydra.sweep.dir")


def test_a_read_only_output_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*args: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "write_bytes", read_only)
    with pytest.raises(UserError, match="Read-only file system"):
        require_writable(tmp_path)


def test_the_environment_tells_versions_and_threads_and_no_user() -> None:
    said = environment()
    text = json.dumps(said, allow_nan=False)
    assert said["packages"]["torch"] == torch.__version__  # type: ignore[index]
    assert said["python"] == platform.python_version()
    assert (said["device"], said["threads"]) == ("cpu", torch.get_num_threads())
    for path in (str(Path.home()), str(Path.cwd()), os.sep + "home"):
        assert path == os.sep or f'"{path}' not in text


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *settings, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_the_state_of_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert git_state(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert git_state(tmp_path) is None
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").touch()
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    assert git_state(tmp_path) == {"commit": git(tmp_path, "rev-parse", "HEAD"), "dirty": False}
    assert git_state(tmp_path / "inner") is None
    (tmp_path / "new").touch()
    state = git_state(tmp_path)
    assert state is not None and state["dirty"] is True
    monkeypatch.setenv("PATH", "")
    assert git_state(tmp_path) is None
