"""The beginning of a file that is being fetched."""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import UserError

BLOCK = 1 << 20


class Partial:
    """A file that grows, and its checksum so far; what is there already is read once.

    Attributes:
        size: its bytes so far.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self._file = path, file
        self.size, self._hash = 0, hashlib.sha256()
        file.seek(0)
        while block := file.read(BLOCK):
            self._count(block)

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator["Partial"]:
        """A partial file that no other process writes to meanwhile.

        Raises:
            OSError: it cannot be opened.
            UserError: another process has it.
        """
        with path.open("a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"{path} is being fetched by another process: wait until it is done."
                ) from None
            partial = cls(path, file)
            try:
                yield partial
            finally:
                if not partial.size:
                    path.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        """Checksum of what is there."""
        return self._hash.hexdigest()

    def write(self, block: bytes) -> None:
        """Append bytes.

        Raises:
            OSError: the disk is full, or something else is wrong with it.
        """
        self._file.write(block)
        self._file.flush()
        self._count(block)

    def restart(self) -> None:
        """Forget what is there."""
        self._file.truncate(0)
        self.size, self._hash = 0, hashlib.sha256()

    def _count(self, block: bytes) -> None:
        self._hash.update(block)
        self.size += len(block)
