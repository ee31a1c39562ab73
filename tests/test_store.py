"""The store: keys, hits and misses, damage, races, kills and full disks."""

import errno
import json
import logging
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import pytest

from pipeline import entries, leftovers, store
from pipeline.entries import load_json, load_tensors, save_tensors
from pipeline.errors import UserError
from pipeline.store import Store, key

KEY = "0" * 64
GOLDEN = "969b5fe156bd317b988478902375456c4cbcaa61968dc3be247e72fe63a2cf64"


class Shade(Enum):
    DARK = "dark"


class Space(StrEnum):
    W_PLUS = "w+"


@dataclass(frozen=True)
class Settings:
    steps: int = 3
    space: Space = Space.W_PLUS


def two_files(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "a.txt").write_bytes(b"0123456789")
    (folder / "inner" / "b.txt").write_bytes(b"b")


def never(folder: Path) -> None:
    raise AssertionError("it was in the store already")


def hidden(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name.startswith("."))


# --- keys


def test_a_key_never_changes_between_releases() -> None:
    settings = {"rate": 0.1, "layers": (0, 4), "space": Space.W_PLUS, "attribute": None, "on": True}
    assert key("discover", 2, settings, ["abc", "def"]) == GOLDEN


def test_the_order_of_settings_does_not_matter() -> None:
    one = {"a": 1, "b": {"c": [1.5], "d": None}}
    other = OrderedDict([("b", {"d": None, "c": (1.5,)}), ("a", 1)])
    assert key("s", 1, one, []) == key("s", 1, other, [])


def test_enums_and_dataclasses_count_by_their_values() -> None:
    assert key("s", 1, {"x": Settings()}, []) == key("s", 1, {"x": {"steps": 3, "space": "w+"}}, [])
    assert key("s", 1, {"x": Shade.DARK}, []) == key("s", 1, {"x": "dark"}, [])


def test_whatever_differs_gives_another_key() -> None:
    nothing: dict[str, object] = {}
    keys = [
        key("s", 1, nothing, []),
        key("t", 1, nothing, []),
        key("s", 2, nothing, []),
        key("s", 1, {"a": None}, []),
        key("s", 1, {"a": 0}, []),
        key("s", 1, {"a": False}, []),
        key("s", 1, {"a": "0"}, []),
        key("s", 1, {"a": 0.1}, []),
        key("s", 1, {"a": 0.1 + 2**-56}, []),
        key("s", 1, {"a": float("nan")}, []),
        key("s", 1, {"a": [1, 2]}, []),
        key("s", 1, {"a": [[1], 2]}, []),
        key("s", 1, nothing, ["a", "b"]),
        key("s", 1, nothing, ["b", "a"]),
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("value", [Path("weights.pt"), {1: "a"}, {1, 2}, b"x", object()])
def test_what_has_no_one_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="store key"):
        key("s", 1, {"a": value}, [])


# --- hits and misses


def test_a_miss_is_made_and_a_hit_is_found(tmp_path: Path) -> None:
    shop = Store(tmp_path / "deep" / "store")
    made = shop.get("codes", KEY, two_files, settings={"n": float("nan"), "space": Space.W_PLUS})
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
    for error in (KeyboardInterrupt(), FileNotFoundError(errno.ENOENT, "no"), UserError("no")):
        with pytest.raises(type(error)) as caught:
            Store(tmp_path).get("s", KEY, raising(error))
        assert caught.value is error
        assert list((tmp_path / "s").iterdir()) == []


def raising(error: BaseException) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        two_files(folder)
        raise error

    return make


# --- damage


def cut(entry: Path) -> None:
    os.truncate(entry / "a.txt", 4)


def alter(entry: Path) -> None:
    (entry / "a.txt").write_bytes(b"0123456780")


def lose(entry: Path) -> None:
    (entry / "inner" / "b.txt").unlink()


def lose_manifest(entry: Path) -> None:
    (entry / "manifest.json").unlink()


def cut_manifest(entry: Path) -> None:
    os.truncate(entry / "manifest.json", 30)


def senseless_manifest(entry: Path) -> None:
    (entry / "manifest.json").write_text("[1, 2]")


def strange_manifest(entry: Path) -> None:
    text = (entry / "manifest.json").read_text()
    (entry / "manifest.json").write_text(text.replace(KEY, "1" * 64))


def lose_all(entry: Path) -> None:
    shutil.rmtree(entry)
    entry.mkdir()


def become_a_file(entry: Path) -> None:
    shutil.rmtree(entry)
    entry.write_text("?")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut, "file a.txt has 4 of 10 bytes"),
        (alter, "file a.txt is not what was written"),
        (lose, "file inner/b.txt is missing"),
        (lose_manifest, "file manifest.json is missing"),
        (cut_manifest, "file manifest.json is garbage"),
        (senseless_manifest, "file manifest.json is garbage"),
        (strange_manifest, "manifest.json is of another entry or format"),
        (lose_all, "file manifest.json is missing"),
        (become_a_file, "file manifest.json cannot be read, Not a directory"),
    ],
)
def test_a_damaged_entry_is_told_and_made_again(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path], None],
    said: str,
) -> None:
    shop = Store(tmp_path)
    damage(shop.get("codes", KEY, two_files).path)
    again = shop.get("codes", KEY, two_files)
    assert again.fresh
    assert caplog.messages == [f"store entry codes/{KEY} is damaged ({said}): computing it again"]
    assert (again.path / "a.txt").read_bytes() == b"0123456789"
    assert hidden(tmp_path / "codes") == []
    assert not shop.get("codes", KEY, never).fresh


def test_of_large_files_only_the_size_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "HASHED_BYTES", 9)
    shop = Store(tmp_path)
    entry = shop.get("s", KEY, two_files).path
    alter(entry)
    assert not shop.get("s", KEY, never).fresh
    cut(entry)
    assert shop.get("s", KEY, two_files).fresh


def test_a_damaged_entry_stays_until_a_whole_one_is_there(tmp_path: Path) -> None:
    shop = Store(tmp_path)
    entry = shop.get("s", KEY, two_files).path
    cut(entry)
    with pytest.raises(KeyboardInterrupt):
        shop.get("s", KEY, raising(KeyboardInterrupt()))
    assert shop.get("s", KEY, two_files).fresh


def test_a_whole_entry_is_never_set_aside(tmp_path: Path) -> None:
    entry = Store(tmp_path).get("s", KEY, two_files).path
    store._set_aside(entry, KEY)
    assert not Store(tmp_path).get("s", KEY, never).fresh
    assert hidden(entry.parent) == []


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
        gate.wait(30)
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
    got = [answers.get(timeout=60) for _ in range(16)]
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


# --- kills and what they leave

SLOW_WRITER = """
import sys, time
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


# --- disks that are full or cannot be written

FULL = [
    OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
    RuntimeError("I/O error: No space left on device (os error 28)"),
]


@pytest.mark.parametrize("error", FULL)
def test_a_full_disk_is_one_line_and_leaves_no_half_entry(
    tmp_path: Path, error: Exception
) -> None:
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


# --- files of artefacts


def test_tensors_come_back_as_they_were(tmp_path: Path) -> None:
    import torch

    whole = torch.arange(12.0).reshape(3, 4)
    save_tensors(tmp_path / "t", {"view": whole.T, "row": whole[1], "whole": whole})
    back = load_tensors(tmp_path / "t")
    assert torch.equal(back["view"], whole.T) and torch.equal(back["row"], whole[1])
    assert torch.equal(back["whole"], whole)


@pytest.mark.parametrize("load", [load_tensors, load_json])
@pytest.mark.parametrize("data", [b"", b'{"a', None])
def test_an_unreadable_file_is_the_users_to_delete(
    tmp_path: Path, load: Callable[[Path], object], data: bytes | None
) -> None:
    if data is not None:
        (tmp_path / "file").write_bytes(data)
    with pytest.raises(UserError, match=f"delete the folder {tmp_path}"):
        load(tmp_path / "file")


def test_hits_and_misses_are_quiet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Store(tmp_path).get("s", KEY, two_files)
        Store(tmp_path).get("s", KEY, two_files)
    assert caplog.messages == []
