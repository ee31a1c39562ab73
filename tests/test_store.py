"""The store: hits and misses, races, and disks that are full or cannot be written."""

import errno
import json
import logging
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError

from pipeline import entries
from pipeline.errors import UserError
from pipeline.store import Store
from tests.store_cases import KEY, NO_SPACE, cut, hidden, never, raising, two_files

# --- hits and misses


def test_a_miss_is_made_and_a_hit_is_found(tmp_path: Path) -> None:
    shop = Store(tmp_path / "deep" / "store")
    made = shop.get("codes", KEY, two_files, settings={"n": float("nan"), "layers": (0, 1)})
    found = shop.get("codes", KEY, never)
    assert made.fresh and not found.fresh
    assert (found.path, found.key, found.seconds) == (made.path, KEY, made.seconds)
    assert found.path == tmp_path / "deep" / "store" / "codes" / KEY
    assert (found.path / "inner" / "b.txt").read_bytes() == b"b"
    assert hidden(found.path.parent) == []


def test_the_manifest_says_what_is_in_an_entry(tmp_path: Path) -> None:
    made = Store(tmp_path).get("s", KEY, two_files, settings={"n": float("nan"), "layers": (0, 1)})
    manifest = json.loads((made.path / "manifest.json").read_text())
    assert {name: said["bytes"] for name, said in manifest["files"].items()} == {
        "a.txt": 10,
        "inner/b.txt": 1,
    }
    assert manifest["settings"] == {"n": None, "layers": [0, 1]}
    assert manifest["seconds"] == made.seconds >= 0
    assert manifest["created"].endswith("+00:00") and manifest["version"]


def test_another_key_or_stage_is_another_entry(tmp_path: Path) -> None:
    shop = Store(tmp_path)
    paths = {shop.get(s, k, two_files).path for s in ("s", "t") for k in (KEY, "1" * 64)}
    assert len(paths) == 4


def test_who_can_read_the_folder_can_read_every_file(tmp_path: Path) -> None:
    def private(folder: Path) -> None:
        folder.chmod(0o755)
        (folder / "a").touch(mode=0o600)
        (folder / "b").touch(mode=0o400)

    made = Store(tmp_path).get("s", KEY, private)
    assert [(made.path / n).stat().st_mode & 0o777 for n in "ab"] == [0o644, 0o444]


def test_a_stage_may_not_write_the_manifest_itself(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="manifest"):
        Store(tmp_path).get("s", KEY, lambda folder: (folder / "manifest.json").touch())


def test_what_make_raises_is_raised_and_leaves_nothing(tmp_path: Path) -> None:
    for error in (KeyboardInterrupt(), FileNotFoundError(errno.ENOENT, "no"), UserError(NO_SPACE)):
        with pytest.raises(type(error)) as caught:
            Store(tmp_path).get("s", KEY, raising(error))
        assert caught.value is error
        assert list((tmp_path / "s").iterdir()) == []


def test_hits_and_misses_are_quiet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Store(tmp_path).get("s", KEY, two_files)
        Store(tmp_path).get("s", KEY, two_files)
    assert caplog.messages == []


# --- races


@pytest.mark.parametrize("damaged", [False, True])
def test_the_first_to_finish_wins(tmp_path: Path, damaged: bool) -> None:
    def first(folder: Path) -> None:
        (folder / "winner").write_text("first")

    def second(folder: Path) -> None:
        (folder / "winner").write_text("second")
        assert Store(tmp_path).get("s", KEY, first).fresh

    if damaged:
        cut(Store(tmp_path).get("s", KEY, two_files).path)
    late = Store(tmp_path).get("s", KEY, second)
    assert not late.fresh
    assert (late.path / "winner").read_text() == "first"
    assert hidden(tmp_path / "s") == []


def write_as_one_of_many(root: Path, number: int, gate: Any, answers: Any) -> None:
    """Write an entry that all write and one that no other writes, and tell what was in them."""

    def make(folder: Path) -> None:
        (folder / "number").write_text(str(number))
        (folder / "block").write_bytes(bytes([number]) * 100_000)

    for entry_key in (KEY, str(number) * 64):
        gate.wait(90)
        got = Store(root).get("s", entry_key, make)
        content = int((got.path / "number").read_text())
        block = set((got.path / "block").read_bytes())
        answers.put((number, entry_key == KEY, got.fresh, content, block))


def test_eight_processes_write_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    gate, answers = context.Barrier(8), context.Queue()
    writers = [
        context.Process(target=write_as_one_of_many, args=(tmp_path, n, gate, answers))
        for n in range(1, 9)
    ]
    for writer in writers:
        writer.start()
    got = [answers.get(timeout=120) for _ in range(16)]
    for writer in writers:
        writer.join(30)
    assert [writer.exitcode for writer in writers] == [0] * 8
    assert all(block == {content} for *_, content, block in got)
    winners = [number for number, shared, fresh, *_ in got if shared and fresh]
    assert len(winners) == 1
    assert {content for _, shared, _, content, _ in got if shared} == set(winners)
    own = [(number, content) for number, shared, fresh, content, _ in got if not shared and fresh]
    assert sorted(own) == [(n, n) for n in range(1, 9)]
    assert hidden(tmp_path / "s") == []


# --- disks that are full or cannot be written

FULL = [
    OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
    RuntimeError("I/O error: No space left on device (os error 28)"),
]
READ_ONLY = [
    OSError(errno.EROFS, os.strerror(errno.EROFS)),
    SafetensorError(f"I/O error: {os.strerror(errno.EROFS)} (os error 30)"),
]


@pytest.mark.parametrize("error", READ_ONLY)
def test_a_disk_that_becomes_read_only_is_one_line(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(UserError, match=r"Cannot write to the store .* store=PATH") as caught:
        Store(tmp_path).get("s", KEY, raising(error))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", FULL)
def test_a_full_disk_is_one_line_and_leaves_no_half_entry(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(UserError) as caught:
        Store(tmp_path).get("s", KEY, raising(error))
    message = str(caught.value)
    assert str(tmp_path) in message and "is full" in message and "store=PATH" in message
    assert "\n" not in message
    assert list((tmp_path / "s").iterdir()) == []


def test_a_disk_that_fills_up_at_the_manifest_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(entries, "replace_file", full)
        with pytest.raises(UserError, match="is full"):
            Store(tmp_path).get("s", KEY, two_files)
    assert list((tmp_path / "s").iterdir()) == []
    assert Store(tmp_path).get("s", KEY, two_files).fresh


def test_a_store_that_cannot_be_made_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Not a directory.*store=PATH") as caught:
        Store(tmp_path / "file" / "store").get("s", KEY, never)
    assert str(tmp_path / "file" / "store") in str(caught.value)


def test_a_read_only_store_still_gives_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(tmp_path).get("s", KEY, two_files)

    def read_only(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", read_only)
    assert not Store(tmp_path).get("s", KEY, never).fresh
    with pytest.raises(UserError, match="Read-only file system.*store=PATH"):
        Store(tmp_path).get("s", "1" * 64, never)


def test_an_entry_that_cannot_be_replaced_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(Store(tmp_path).get("s", KEY, two_files).path)

    def forbidden(source: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "rename", forbidden)
    with pytest.raises(UserError, match="Permission denied.*store=PATH"):
        Store(tmp_path).get("s", KEY, two_files)
    assert hidden(tmp_path / "s") == []
