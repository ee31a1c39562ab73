"""Killed writers of the store: what they leave, and who tidies it up."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline import leftovers
from pipeline.store import Store
from tests.store_cases import KEY, hidden, two_files

SLOW_WRITER = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
from pipeline.store import Store
def make(folder):
    (folder / "a.txt").write_text("half")
    print("begun", flush=True)
    time.sleep(60)
Store(sys.argv[1]).get("s", "0" * 64, make)
"""


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_writer_leaves_no_entry(tmp_path: Path, kill: signal.Signals) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", SLOW_WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"begun\n"
        writer.send_signal(kill)
    left = hidden(tmp_path / "s")
    assert len(left) == (0 if kill is signal.SIGINT else 1)
    assert Store(tmp_path).get("s", KEY, two_files).fresh
    assert hidden(tmp_path / "s") == left
    for name in left:
        age(tmp_path / "s" / name)
    assert Store(tmp_path).get("s", "1" * 64, two_files).fresh
    assert hidden(tmp_path / "s") == []


def age(folder: Path, days: float = 2) -> None:
    then = time.time() - days * 86400
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (then, then))


def test_only_old_leftovers_of_dead_writers_go(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = {
        "old": f".partial-{dead.pid}-aa",
        "old, set aside": f".damaged-{dead.pid}-aa",
        "of no known writer": ".partial",
        "young": f".partial-{dead.pid}-bb",
        "with a young file": f".partial-{dead.pid}-cc",
        "alive": f".partial-{os.getpid()}-aa",
    }
    for name in names.values():
        (tmp_path / "s" / name).mkdir(parents=True)
        (tmp_path / "s" / name / "file").touch()
        age(tmp_path / "s" / name)
    age(tmp_path / "s" / names["young"], days=0.9)
    (tmp_path / "s" / names["with a young file"] / "file").write_text("now")
    Store(tmp_path).get("s", KEY, two_files)
    stay = [names[n] for n in ("young", "with a young file", "alive")]
    assert hidden(tmp_path / "s") == sorted(stay)


def test_a_writer_at_work_keeps_its_folder_young(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "BEAT_SECONDS", 0.01)

    def make(folder: Path) -> None:
        age(folder)
        end = time.monotonic() + 10
        while time.time() - folder.stat().st_mtime > 60:
            assert time.monotonic() < end, "no heartbeat"
            time.sleep(0.01)

    assert Store(tmp_path).get("s", KEY, make).fresh
