"""Writing so that a kill, a full disk or a read-only folder costs nothing that was there before."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)
READ_ONLY = (errno.EROFS,)


@dataclass(frozen=True)
class Place:
    """A folder that a user chose, and how to choose another one.

    Attributes:
        name: what it is called in messages, e.g. ``"store"``.
        folder: where it lies.
        key: the configuration key that moves it.
    """

    name: str
    folder: Path
    key: str

    def refuse(self, error: BaseException) -> UserError:
        """The error for a folder that could not be written."""
        if is_full(error):
            return UserError(
                f"The disk of the {self.name} {self.folder} is full ({reason(error)}): free some "
                "space and run the same command again (finished stages are kept in the store), "
                f"or choose another folder with {self.key}=PATH."
            )
        return UserError(
            f"Cannot write to the {self.name} {self.folder} ({reason(error)}): make it writable, "
            f"or choose another folder with {self.key}=PATH."
        )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn a failure to write into the error that says what to do.

        Raises:
            UserError: something inside raised ``OSError``.
        """
        try:
            yield
        except OSError as error:
            raise self.refuse(error) from error


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk or a quota is full."""
    return _says(error, FULL)


def takes_nothing(error: BaseException) -> bool:
    """Whether an error says that a disk is full, or mounted read-only."""
    return _says(error, FULL + READ_ONLY)


def _says(error: BaseException, codes: tuple[int, ...]) -> bool:
    """Whether an error is one of the system's, or wraps one.

    Of what libraries that write by themselves (safetensors, torch) wrap, only the text is left.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in codes
    return any(os.strerror(code) in str(error) for code in codes)


def reason(error: BaseException) -> str:
    """An error in a few words, without the path that the message around it names already."""
    text = error.strerror if isinstance(error, OSError) else None
    return text or (str(error).splitlines() or [type(error).__name__])[0]


def replace_file(path: Path, data: bytes) -> None:
    """Write a file all at once: under a temporary name first, then renamed.

    Raises:
        OSError: it could not be written; what was there before is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Wait until a file's content has reached the disk.

    Raises:
        OSError: it cannot get there.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until a folder's list of names has reached the disk, where the file system can do that.

    Raises:
        OSError: the disk is full.
    """
    try:
        sync_file(folder)
    except OSError as error:
        if is_full(error):
            raise
