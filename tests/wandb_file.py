"""A reader of the file that an offline W&B run leaves, for tests.

W&B's own reader is gone since 0.30. The file opens with seven bytes, then holds the log format of
LevelDB: blocks of 32 KiB, in them pieces of CRC32, length and type (1 whole, 2 first, 3 middle,
4 last), whose contents joined are ``Record`` messages.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2 as messages

BLOCK, HEADER = 32 * 1024, 7
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def read_records(path: Path) -> list[Any]:
    """All records of a ``.wandb`` file, in their order."""
    data = path.read_bytes()
    assert data.startswith(b":W&B"), "not a W&B file"
    records, parts = [], b""
    for kind, part in _pieces(data):
        parts = part if kind in (WHOLE, FIRST) else parts + part
        if kind in (WHOLE, LAST):
            record = messages.Record()  # type: ignore[attr-defined]
            record.ParseFromString(parts)
            records.append(record)
    return records


def _pieces(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = HEADER
    while position + HEADER <= len(data):
        if BLOCK - position % BLOCK < HEADER:
            position += BLOCK - position % BLOCK
            continue
        checksum, length, kind = struct.unpack_from("<IHB", data, position)
        part = data[position + HEADER : position + HEADER + length]
        assert zlib.crc32(bytes([kind]) + part) == checksum, "a piece is damaged"
        yield kind, part
        position += HEADER + length


def history(records: list[Any]) -> list[dict[str, Any]]:
    """The rows that were logged."""
    return [_items(r.history.item) for r in records if r.WhichOneof("record_type") == "history"]


def summary(records: list[Any]) -> dict[str, Any]:
    """The values that the run ended with."""
    updates = [r.summary.update for r in records if r.WhichOneof("record_type") == "summary"]
    return {name: value for update in updates for name, value in _items(update).items()}


def config(records: list[Any]) -> dict[str, Any]:
    """The configuration that the run began with."""
    return _items(run(records).config.update)


def run(records: list[Any]) -> Any:
    """The record of the run: its group, name, tags."""
    return next(r.run for r in records if r.WhichOneof("record_type") == "run")


def artifacts(records: list[Any]) -> list[Any]:
    """The artifacts that were logged, with their manifests."""
    return [r.artifact for r in records if r.WhichOneof("record_type") == "artifact"]


def _items(items: Any) -> dict[str, Any]:
    names = ["/".join(item.nested_key) or item.key for item in items]
    return dict(zip(names, (json.loads(item.value_json) for item in items), strict=True))
