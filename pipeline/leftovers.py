"""What writers of the store work in, and what killed ones leave: hidden folders with a pid."""

import logging
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

log = logging.getLogger(__name__)

PARTIAL, DAMAGED = ".partial", ".damaged"
LEFTOVER_SECONDS = 24 * 3600
BEAT_SECONDS = 600


def own_name(prefix: str) -> str:
    """A name that no other writer on any machine chooses."""
    return f"{prefix}-{os.getpid()}-{secrets.token_hex(6)}"


def discard(path: Path) -> None:
    """Remove a file or folder as far as that is possible; what stays is tidied up another day."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def tidy(folder: Path) -> None:
    """Remove what killed writers left behind more than a day ago."""
    with suppress(OSError):
        for path in [p for p in folder.iterdir() if p.name.startswith((PARTIAL, DAMAGED))]:
            if time.time() - _last_change(path) > LEFTOVER_SECONDS and not _writer_lives(path):
                log.debug("removing the leftover %s of a killed run", path)
                discard(path)


def _last_change(path: Path) -> float:
    """The latest modification time of a folder and all in it."""
    latest = 0.0
    for inner in (path, *path.rglob("*")):
        with suppress(FileNotFoundError):
            latest = max(latest, inner.lstat().st_mtime)
    return latest


def _writer_lives(path: Path) -> bool:
    """Whether this machine runs a process of the number in a folder's name."""
    number = path.name.split("-")[1] if path.name.count("-") > 1 else ""
    return os.name == "posix" and number.isdigit() and process_lives(int(number))


def process_lives(pid: int) -> bool:
    """Whether this machine runs a process of a number."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def beating(path: Path, seconds: float | None = None) -> Iterator[None]:
    """Touch a file or folder now and then, so that other machines see that its writer lives."""
    done, pause = Event(), BEAT_SECONDS if seconds is None else seconds

    def beat() -> None:
        while not done.wait(pause):
            with suppress(OSError):
                os.utime(path)

    thread = Thread(target=beat, name="store-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
