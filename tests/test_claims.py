"""Writers of one store wait for each other, and for nobody who is gone."""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline import claims
from pipeline.claims import FOLDER, turn
from pipeline.store import Store
from tests.store_cases import KEY, two_files


def claim(root: Path, name: str, host: str, pid: int) -> Path:
    path = root / FOLDER / name
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"host": host, "pid": pid}))
    return path


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def make_slowly(root: Path, gate: Any, answers: Any) -> None:
    def make(folder: Path) -> None:
        answers.put("made")
        time.sleep(0.5)
        two_files(folder)

    gate.wait(90)
    answers.put("fresh" if Store(root).get("s", KEY, make).fresh else "found")


def test_of_writers_at_once_one_makes_and_the_others_wait(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    gate, answers = context.Barrier(4), context.Queue()
    writers = [
        context.Process(target=make_slowly, args=(tmp_path, gate, answers)) for _ in range(4)
    ]
    for writer in writers:
        writer.start()
    said = [answers.get(timeout=120) for _ in range(5)]
    for writer in writers:
        writer.join(30)
    assert sorted(said) == ["found", "found", "found", "fresh", "made"]
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_a_claim_stands_while_its_owner_works_and_not_after(tmp_path: Path) -> None:
    with turn(tmp_path, "it", lambda: False):
        said = json.loads((tmp_path / FOLDER / "it").read_text())
        assert said == {"host": socket.gethostname(), "pid": os.getpid()}
    assert not (tmp_path / FOLDER / "it").exists()


def test_a_dead_process_of_this_machine_is_not_waited_for(tmp_path: Path) -> None:
    path = claim(tmp_path, f"s-{KEY}", socket.gethostname(), dead_process())
    begin = time.monotonic()
    assert Store(tmp_path).get("s", KEY, two_files).fresh
    assert time.monotonic() - begin < claims.STALE_SECONDS / 4
    assert not path.exists()


def test_a_claim_of_another_machine_holds_until_nobody_touches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(claims, "STALE_SECONDS", 0.4)
    claim(tmp_path, f"s-{KEY}", "another", 1)
    begin = time.monotonic()
    with caplog.at_level("INFO"):
        assert Store(tmp_path).get("s", KEY, two_files).fresh
    assert time.monotonic() - begin > 0.4
    assert caplog.text.count("process 1 on another makes it") == 1


def test_what_another_has_made_meanwhile_is_taken(tmp_path: Path) -> None:
    path = claim(tmp_path, "it", "another", 1)
    looks = iter([False, False, True])
    with turn(tmp_path, "it", lambda: next(looks)):
        pass
    assert path.exists()


def test_claims_that_nobody_touched_for_a_day_go(tmp_path: Path) -> None:
    old = claim(tmp_path, "old", "another", 1)
    then = time.time() - 2 * 86400
    os.utime(old, (then, then))
    Store(tmp_path).get("s", KEY, two_files)
    assert not old.exists()


def test_garbage_in_a_claim_is_waited_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "STALE_SECONDS", 0.1)
    claim(tmp_path, f"s-{KEY}", "another", 1).write_text("")
    assert Store(tmp_path).get("s", KEY, two_files).fresh
