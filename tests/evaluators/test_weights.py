"""Weights are found, checked, and asked for in one clear line."""

import hashlib
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.evaluators import weights
from pipeline.evaluators.weights import REGISTRY, WeightsFile

CONTENT = b"some weights"
OFFICIAL = WeightsFile(
    file="some.pth",
    addresses=("https://a.example/some.zip", "https://b.example/some.zip"),
    bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    licence="free",
    citation="Nobody 2020",
    member="inner.pth",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path))
    monkeypatch.setitem(REGISTRY, "some", OFFICIAL)
    return tmp_path


def test_the_right_file_is_given(folder: Path) -> None:
    (folder / "some.pth").write_bytes(CONTENT)
    assert weights.find("some") == weights.require("some") == folder / "some.pth"


def test_a_missing_file_is_described(folder: Path) -> None:
    assert weights.find("some") is None
    with pytest.raises(UserError) as error:
        weights.require("some")
    for part in (*OFFICIAL.addresses, "inner.pth", str(folder / "some.pth"), "free"):
        assert part in str(error.value)


def test_a_truncated_file_is_refused(folder: Path) -> None:
    (folder / "some.pth").write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match="has 11 bytes, not 12"):
        weights.require("some")


def test_another_file_is_refused_even_after_the_right_one(folder: Path) -> None:
    path = folder / "some.pth"
    path.write_bytes(CONTENT)
    weights.require("some")
    path.unlink()
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(UserError, match="has the sha256"):
        weights.require("some")


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean weights=alexnet"):
        weights.require("alexnett")


def test_the_folder_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIPELINE_WEIGHTS", raising=False)
    assert weights.folder() == Path.home() / ".cache" / "local-gan-editing"


@pytest.mark.parametrize("name", list(REGISTRY))
def test_registered_files_are_described(name: str) -> None:
    entry = REGISTRY[name]
    assert all(address.startswith("https://") for address in entry.addresses)
    assert entry.licence and entry.citation
    assert entry.sha256 is not None and len(bytes.fromhex(entry.sha256)) == 32
    stem = Path(entry.file).stem  # torch names its files by the start of the checksum
    assert entry.file.endswith(".onnx") or stem.endswith(entry.sha256[:8])
