"""Columns in memory and in a file."""

import tempfile
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from pipeline.errors import UserError
from pipeline.methods.column_store import column_store

COLUMNS = torch.randn(5, 11, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("max_bytes", [5 * 11 * 4, 5 * 11 * 4 - 1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_written_is_read(max_bytes: int, dtype: torch.dtype) -> None:
    columns = COLUMNS.to(dtype)
    with column_store(5, columns[0], max_bytes) as store:
        store.write(3, columns[3:])
        store.write(0, columns.T.contiguous().T[:3])
        for rows in (slice(0, 4), slice(4, 11), slice(10, 11)):
            assert torch.equal(store.read(rows), columns[:, rows])


def test_the_file_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it goes with the process, whatever ends it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with column_store(5, COLUMNS[0], 0) as store:
        store.write(0, COLUMNS)
        assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_noticed_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(5 * 11 * 4 - 1))
    with (
        pytest.raises(UserError, match=r"temporary folder .* is full .* TMPDIR=PATH"),
        column_store(5, COLUMNS[0], 0),
    ):
        pytest.fail("it began")
    with column_store(5, COLUMNS[0], 2**20) as store:
        store.write(0, COLUMNS)
