"""What the tests of the store make, break and look for."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

KEY = "0" * 64
NO_SPACE = os.strerror(errno.ENOSPC)


def two_files(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "a.txt").write_bytes(b"0123456789")
    (folder / "inner" / "b.txt").write_bytes(b"b")


def never(folder: Path) -> None:
    raise AssertionError("it was in the store already")


def hidden(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name.startswith("."))


def raising(error: BaseException) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        two_files(folder)
        raise error

    return make


def cut(entry: Path) -> None:
    os.truncate(entry / "a.txt", 4)
