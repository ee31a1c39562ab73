"""Checksums of files, and a record of those that nobody published.

The record, ``checksums.json``, lies beside the files: what a file was when it was first seen is
what it must be ever after. Where two processes write to it at once one note may be lost; it is
made again at the next use.
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from pipeline.disk import reason, replace_file
from pipeline.errors import UserError

RECORD = "checksums.json"


def sha256(path: Path) -> str:
    """Checksum of a file; it is read once as long as it is not modified."""
    return _sha256(path, path.stat().st_mtime_ns)


@lru_cache
def _sha256(path: Path, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recorded(path: Path) -> str | None:
    """The checksum that a file had when it was first seen; None where it was never seen.

    Raises:
        UserError: the record is damaged.
    """
    return _read(path.parent / RECORD).get(path.name)


def record(path: Path, checksum: str) -> None:
    """Note the checksum of a file that is seen for the first time.

    Raises:
        OSError: the folder cannot be written.
        UserError: the record is damaged.
    """
    known = _read(path.parent / RECORD) | {path.name: checksum}
    text = json.dumps(known, indent=2, sort_keys=True) + "\n"
    replace_file(path.parent / RECORD, text.encode())


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise _unreadable(path, reason(error)) from error
    if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
        raise _unreadable(path, "it is no table of checksums")
    return content


def _unreadable(path: Path, why: str) -> UserError:
    return UserError(
        f"The record of checksums {path} cannot be read ({why}): delete it, and the files beside "
        "it count as they are."
    )
