"""Entries of the store: every kind of damage, and the files in them."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pipeline import entries, store
from pipeline.entries import load_json, load_tensors, save_tensors
from pipeline.errors import UserError
from pipeline.store import Store
from tests.store_cases import KEY, cut, hidden, never, raising, two_files


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


def test_tensors_come_back_as_they_were(tmp_path: Path) -> None:
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
