"""Weights are found, checked, and asked for in one clear line."""

import hashlib
import json
import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.weights import cache
from pipeline.weights.checksums import RECORD
from pipeline.weights.file import WeightsFile
from pipeline.weights.registry import REGISTRY

CONTENT = b"some weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
OFFICIAL = WeightsFile(
    what="some network",
    file="some.pth",
    addresses=("https://a.example/some.zip", "https://b.example/some.zip"),
    bytes=len(CONTENT),
    sha256=DIGEST,
    licence="free",
    citation="Nobody 2020",
    member="inner.pth",
)
UNPUBLISHED = replace(OFFICIAL, file="other.pth", bytes=None, sha256=None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path))
    monkeypatch.setitem(REGISTRY, "some", OFFICIAL)
    monkeypatch.setitem(REGISTRY, "other", UNPUBLISHED)
    return tmp_path


def change(path: Path, content: bytes) -> None:
    """Write another content, at another time."""
    path.write_bytes(content)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))


def test_the_right_file_is_given(folder: Path) -> None:
    (folder / "some.pth").write_bytes(CONTENT)
    assert cache.find("some") == cache.require("some") == folder / "some.pth"
    assert not (folder / RECORD).exists()


def test_a_missing_file_is_described(folder: Path) -> None:
    assert cache.find("some") is None
    with pytest.raises(UserError) as error:
        cache.require("some")
    command = "python scripts/fetch_weights.py some"
    for part in (*OFFICIAL.addresses, "inner.pth", str(folder / "some.pth"), "free", command):
        assert part in str(error.value)


def test_a_file_without_address_is_described(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = replace(OFFICIAL, addresses=(), member=None, origin="make it yourself")
    monkeypatch.setitem(REGISTRY, "made", made)
    with pytest.raises(UserError, match="To have it, make it yourself and put it at") as error:
        cache.locate("made")
    assert "fetch_weights" not in str(error.value)


def test_a_truncated_file_is_refused(folder: Path) -> None:
    (folder / "some.pth").write_bytes(CONTENT[:-1])
    assert cache.locate("some") == folder / "some.pth"  # a look only
    with pytest.raises(UserError, match="has 11 bytes, not 12"):
        cache.require("some")


def test_another_file_is_refused_even_after_the_right_one(folder: Path) -> None:
    path = folder / "some.pth"
    path.write_bytes(CONTENT)
    cache.require("some")
    change(path, CONTENT[::-1])
    with pytest.raises(UserError, match="has the sha256"):
        cache.require("some")


def test_an_unpublished_checksum_is_recorded_and_told(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "other.pth").write_bytes(CONTENT)
    with caplog.at_level(logging.INFO):
        cache.require("other")
        cache.require("other")
    assert json.loads((folder / RECORD).read_text()) == {"other.pth": DIGEST}
    assert len(caplog.messages) == 1
    assert DIGEST in caplog.messages[0]


def test_a_recorded_checksum_is_compared_ever_after(folder: Path) -> None:
    path = folder / "other.pth"
    path.write_bytes(CONTENT)
    cache.require("other")
    change(path, CONTENT + b"!")
    with pytest.raises(UserError, match=f"not {DIGEST}.*its line in .*{RECORD}"):
        cache.require("other")
    change(path, CONTENT)
    assert cache.require("other") == path


def test_a_folder_that_cannot_be_written_still_serves(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_path: Path, _data: bytes) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pipeline.weights.checksums.replace_file", refuse)
    (folder / "other.pth").write_bytes(CONTENT)
    assert cache.require("other") == folder / "other.pth"
    assert "cannot be recorded" in caplog.text


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\r\n<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS"),
    ],
)
def test_what_a_browser_saved_by_mistake_is_not_recorded(
    folder: Path, content: bytes, what: str
) -> None:
    (folder / "other.pth").write_bytes(content)
    with pytest.raises(UserError, match=f"is {what}, not weights"):
        cache.require("other")
    assert not (folder / RECORD).exists()


@pytest.mark.parametrize("text", ["{", '{"other.pth": 3}', "[]"])
def test_a_damaged_record_is_one_line(folder: Path, text: str) -> None:
    (folder / "other.pth").write_bytes(CONTENT)
    (folder / RECORD).write_text(text)
    with pytest.raises(UserError, match=f"{RECORD} cannot be read") as error:
        cache.require("other")
    assert "\n" not in str(error.value)


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean weights=alexnet"):
        cache.require("alexnett")


def test_the_folder_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIPELINE_WEIGHTS", raising=False)
    assert cache.folder() == Path.home() / ".cache" / "local-gan-editing"
