"""What a machine has for a run, and how long one takes by what others left."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import machine
from pipeline.errors import UserError
from pipeline.estimating import estimate, in_words, past_runs, seconds_of, stated
from pipeline.machine import check_device, check_disk, check_memory, memory, memory_needed

CONFIG: dict[str, Any] = {"device": "cpu", "batch": 64, "generator": {}, "samples": 200}


def test_devices_that_are_not_here_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "has_gpu", lambda: False)
    check_device("auto")
    check_device("cpu")
    with pytest.raises(UserError, match="no such device"):
        check_device("cuda:0")
    monkeypatch.setattr(machine, "has_gpu", lambda: True)
    check_device("cuda:0")


def test_memory_grows_with_batch_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    small = memory_needed(CONFIG, "A StyleGAN2, 64 x 64", 200)
    assert small == memory_needed(CONFIG, "nothing said of its size", 200)
    large = memory_needed(CONFIG, "A StyleGAN2, 1024 x 1024", 200)
    assert large - machine.LIBRARIES == pytest.approx(256 * (small - machine.LIBRARIES))
    assert (memory() or 1e9) > 1e6
    monkeypatch.setattr(machine, "memory", lambda: 4e9)
    check_memory(CONFIG, "64 x 64", 200)
    with pytest.raises(UserError, match="add batch=8"):
        check_memory(CONFIG, "1024 px", 200)
    with pytest.raises(UserError, match="fewer jobs"):
        check_memory(CONFIG, "64 x 64", 200, at_once=8)
    check_memory(CONFIG, "1024 px", 2)
    check_memory(CONFIG | {"device": "cuda"}, "1024 px", 200)


def test_a_disk_without_room_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 5e7})
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: usage)
    check_disk(tmp_path / "not" / "yet", "store", 2)
    with pytest.raises(UserError, match=r"store=.*3 job"):
        check_disk(tmp_path, "store", 3)


def test_experiments_state_their_time() -> None:
    assert stated("resefa/table1") == "about 14 minutes on two cores"
    assert stated("resefa/table9") is None
    assert stated(None) is None


def test_times_come_from_runs_of_the_same_kind(tmp_path: Path) -> None:
    folder = tmp_path / "sweep" / "0"
    folder.mkdir(parents=True)
    record = {"task": "edit", "method": "sefa", "generator": "waves", "samples": 100}
    (folder / "metrics.json").write_text(json.dumps(record | {"timings": {"a": 4, "edit": 3}}))
    (tmp_path / "sweep" / "metrics.json").write_text("damaged")
    past = past_runs([tmp_path])
    names = {"task": "edit", "method": "sefa", "generator": "waves"}
    assert seconds_of(CONFIG, names, past) == 10
    assert seconds_of(CONFIG, names | {"method": "resefa"}, past) is None


def test_an_estimate_says_where_it_is_from() -> None:
    assert estimate([60.0, 60.0], None) == (
        "at most about 2 minutes from an empty store, by earlier runs here"
    )
    assert "1 of 2 jobs unknown" in estimate([3600.0, None], None)
    assert "30 seconds from an empty store, 2 at a time" in estimate([30.0, 30.0], None, 2)
    assert estimate([None], None).startswith("unknown")
    assert estimate([None], "resefa/table1").endswith("says of its whole grid")
    assert [in_words(s) for s in (0.2, 119, 7300)] == ["1 second", "119 seconds", "2 hours"]
