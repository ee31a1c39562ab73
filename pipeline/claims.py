"""Who makes an entry of the store just now, so that others wait for it rather than make it too.

A claim is advice and no lock: an entry appears by a rename whoever made it, and one that is made
twice is only time lost. So a claim that is in doubt is taken over. Claims are files made with
O_EXCL, which NFS does at once for all; their writer touches them while it lives.
"""

import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.leftovers import LEFTOVER_SECONDS, beating, own_name, process_lives

log = logging.getLogger(__name__)

FOLDER = ".claims"
BEAT_SECONDS = 10.0
STALE_SECONDS = 180.0  # by our own clock; NFS may show a touch a minute late
LOOK_SECONDS = (0.05, 2.0)  # between two looks at another's claim, at first and at most


@dataclass(frozen=True)
class Owner:
    """Who wrote a claim."""

    host: str
    pid: int

    @classmethod
    def of_this_process(cls) -> "Owner":
        """Ourselves."""
        return cls(socket.gethostname(), os.getpid())

    @classmethod
    def read(cls, claim: Path) -> "Owner | None":
        """The owner of a claim; None where it is gone, or not written yet."""
        try:
            said = json.loads(claim.read_bytes())
            return cls(str(said["host"]), int(said["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def is_dead(self) -> bool:
        """Whether it ran on this machine and runs no more."""
        return self.host == socket.gethostname() and not process_lives(self.pid)


@contextmanager
def turn(root: Path, name: str, made: Callable[[], bool]) -> Iterator[None]:
    """Wait while another process makes something; then it is our turn, or it has been made.

    Args:
        root: the folder of the store.
        name: what is made, as a file name.
        made: whether it is there.
    """
    claim = root / FOLDER / name
    mine = False
    try:
        claim.parent.mkdir(parents=True, exist_ok=True)
        _forget_old(claim.parent)
        mine = _wait(claim, made)
    except OSError as error:
        log.debug("no claim on %s (%s)", name, error)
    if not mine:
        yield
        return
    try:
        with beating(claim, BEAT_SECONDS):
            yield
    finally:
        if Owner.read(claim) == Owner.of_this_process():
            with suppress(OSError):
                claim.unlink()


def _wait(claim: Path, made: Callable[[], bool]) -> bool:
    """Whether the claim is ours; False where there is nothing to make any more, or we have it."""
    pause, most = LOOK_SECONDS
    told, watch = False, _Watch(claim)
    while not made():
        if _write(claim):
            return True
        owner = Owner.read(claim)
        if owner == Owner.of_this_process():
            return False
        if (owner and owner.is_dead()) or watch.stale():
            _take_away(claim)
            continue
        if owner and not told:
            log.info("waiting for %s: process %d on %s makes it", claim.name, owner.pid, owner.host)
            told = True
        time.sleep(pause)
        pause = min(2 * pause, most)
    return False


def _write(claim: Path) -> bool:
    """Make a claim, unless there is one."""
    owner = Owner.of_this_process()
    try:
        file = claim.open("x")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(json.dumps({"host": owner.host, "pid": owner.pid}))
    except OSError:
        claim.unlink()
        raise
    return True


class _Watch:
    """Says when a claim has not been touched for long, by our own clock alone."""

    def __init__(self, claim: Path) -> None:
        self._claim = claim
        self._seen: tuple[int, int] | None = None
        self._since = time.monotonic()

    def stale(self) -> bool:
        """Look again."""
        try:
            status = self._claim.stat()
        except OSError:
            return False
        if (seen := (status.st_ino, status.st_mtime_ns)) != self._seen:
            self._seen, self._since = seen, time.monotonic()
        return time.monotonic() - self._since > STALE_SECONDS


def _take_away(claim: Path) -> None:
    """Remove another's claim; of several that try, one does."""
    aside = claim.with_name(own_name(f".{claim.name}"))
    with suppress(FileNotFoundError):
        os.rename(claim, aside)
        aside.unlink()


def _forget_old(folder: Path) -> None:
    """Remove what nobody has touched for a day."""
    for claim in folder.iterdir():
        with suppress(OSError):
            if time.time() - claim.stat().st_mtime > LEFTOVER_SECONDS:
                claim.unlink()
