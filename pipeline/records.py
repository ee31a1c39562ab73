"""The record of a run: numbers line by line as they come, and JSON files written all at once."""

import json
import math
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline.disk import Place, replace_file

OUTPUT_KEY = "hydra.run.dir"


def plain(value: object) -> Any:
    """A value as JSON can hold it.

    Numbers that are not finite become None, enums their values, dataclasses and mappings
    dictionaries, sequences lists, paths strings, tensors and arrays (nested lists of) numbers.

    Raises:
        TypeError: the value has no such form.
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(plain(name)): plain(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if callable(to_list := getattr(value, "tolist", None)):
        return plain(to_list())
    raise TypeError(f"a {type(value).__name__} cannot be recorded as JSON: {value!r}")


def write_json(path: Path, data: object) -> None:
    """Write a JSON file all at once; what is not finite becomes null, see :func:`plain`.

    Raises:
        UserError: the disk is full or the folder cannot be written; the old file is untouched.
    """
    text = json.dumps(plain(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with _output(path.parent).writing():
        replace_file(path, text.encode())


def require_writable(folder: Path, key: str = OUTPUT_KEY) -> None:
    """Make a folder for results, and make sure, before any work, that files can be put there.

    Args:
        folder: the folder; it and its parents are made where they are missing.
        key: the configuration key that the message tells the user to change.

    Raises:
        UserError: it cannot be made or written.
    """
    probe = folder / f".probe-{os.getpid()}-{secrets.token_hex(4)}"
    with _output(folder, key).writing():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(b"?")
        finally:
            probe.unlink(missing_ok=True)


class MetricsLog:
    """A file of JSON lines that holds every number as soon as it is known.

    Each line is on the disk when :meth:`write` returns. An existing file is continued; a last line
    that a kill or a full disk cut short is dropped, so that every line always parses.
    """

    def __init__(self, path: Path) -> None:
        """Open a file, and make its folder where it is missing.

        Args:
            path: the file, usually ``metrics.jsonl`` in the output folder.

        Raises:
            UserError: it cannot be written.
        """
        self.path = path
        with _output(path.parent).writing():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
            self._file.truncate(_complete(path.read_bytes()))

    def write(self, values: Mapping[str, object]) -> None:
        """Add a line; what is not finite becomes null, see :func:`plain`.

        Raises:
            UserError: the disk is full; the lines before this one are untouched.
        """
        line = json.dumps(plain(values), ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with _output(self.path.parent).writing():
            end = os.fstat(self._file.fileno()).st_size
            try:
                _write_all(self._file.fileno(), line)
                os.fsync(self._file.fileno())
            except OSError:
                self._file.truncate(end)
                raise

    def close(self) -> None:
        """Close the file; nothing more can be written."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a :class:`MetricsLog`, also of one that is still being written."""
    data = path.read_bytes()
    return [json.loads(line) for line in data[: _complete(data)].splitlines()]


def _complete(data: bytes) -> int:
    """How many bytes the lines that came to their end take."""
    return data.rfind(b"\n") + 1


def _write_all(descriptor: int, data: bytes) -> None:
    """Write every byte: on a disk that fills up, the system may take only the first few."""
    while data:
        data = data[os.write(descriptor, data) :]


def _output(folder: Path, key: str = OUTPUT_KEY) -> Place:
    return Place("output folder", folder, key)
