"""The store: what a stage made is kept under a hash of everything that determines it.

An entry is a folder ``ROOT/STAGE/KEY`` that appears all at once, by a rename, when its last byte is
on the disk. Nothing is ever locked: of writers of the same entry the first to finish wins, which is
all that a folder shared by many machines needs. A claim tells others to wait for the one at work.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.claims import turn
from pipeline.disk import Place, sync_folder, takes_nothing
from pipeline.entries import MANIFEST, DamagedError, check, seal
from pipeline.errors import UserError
from pipeline.keys import key
from pipeline.leftovers import DAMAGED, PARTIAL, beating, discard, own_name, tidy

__all__ = ["Artefact", "Store", "key"]

log = logging.getLogger(__name__)

ATTEMPTS = 5


@dataclass(frozen=True)
class Artefact:
    """What a stage made.

    Attributes:
        path: the folder of its files; to be read, never written.
        key: the hash it is kept under.
        seconds: how long it took to make, now or back then.
        fresh: whether it was made now, rather than found.
    """

    path: Path
    key: str
    seconds: float
    fresh: bool


class Store:
    """A folder of artefacts, safe for many writers at once and against kills at any moment."""

    def __init__(self, root: str | Path) -> None:
        """Name the folder; nothing is made or checked until something has to be written.

        Args:
            root: the folder, which other processes and machines may share.
        """
        self.root = Path(root).expanduser().absolute()
        self._place = Place("store", self.root, "store")

    def get(
        self,
        stage: str,
        key: str,
        make: Callable[[Path], object],
        settings: Mapping[str, object] | None = None,
    ) -> Artefact:
        """What a stage made, found or else made now.

        An entry that is cut short, altered or incomplete is made again.

        Args:
            stage: the name of the stage.
            key: the hash from :func:`key`.
            make: writes the files into the empty folder that it is given.
            settings: what is written into the manifest, for people to read.

        Raises:
            UserError: the store cannot be written, or its disk is full.
        """
        entry = self.root / stage / key
        if (seconds := _find(entry, key)) is not None:
            return Artefact(entry, key, seconds, fresh=False)
        with turn(self.root, f"{stage}-{key}", lambda: os.path.lexists(entry / MANIFEST)):
            if (seconds := _whole(entry, key)) is not None:
                return Artefact(entry, key, seconds, fresh=False)
            return self._make(entry, key, make, settings)

    def _make(
        self,
        entry: Path,
        key: str,
        make: Callable[[Path], object],
        settings: Mapping[str, object] | None,
    ) -> Artefact:
        """Fill a folder of our own and rename it into place."""
        with self._partial(entry.parent) as partial:
            seconds = self._fill(partial, key, make, settings)
            with self._place.writing():
                other = _publish(partial, entry, key)
        if other is not None:
            return Artefact(entry, key, other, fresh=False)
        return Artefact(entry, key, seconds, fresh=True)

    def _fill(
        self,
        partial: Path,
        key: str,
        make: Callable[[Path], object],
        settings: Mapping[str, object] | None,
    ) -> float:
        """Make the files of an entry, and its manifest; gives the seconds the making took."""
        begin = time.perf_counter()
        try:
            make(partial)
        except Exception as error:
            if takes_nothing(error) and not isinstance(error, UserError):
                raise self._place.refuse(error) from error
            raise
        seconds = time.perf_counter() - begin
        with self._place.writing():
            seal(partial, key, settings, seconds)
        return seconds

    @contextmanager
    def _partial(self, folder: Path) -> Iterator[Path]:
        """A folder of our own to fill; whatever happens, it is gone afterwards."""
        partial = folder / own_name(PARTIAL)
        with self._place.writing():
            folder.mkdir(parents=True, exist_ok=True)
            partial.mkdir()
        tidy(folder)
        try:
            with beating(partial):
                yield partial
        finally:
            discard(partial)


def _find(entry: Path, key: str) -> float | None:
    """The seconds a whole entry took to make; None where there is none, or a damaged one."""
    if not os.path.lexists(entry):
        return None
    try:
        return check(entry, key)
    except DamagedError as damage:
        name = f"{entry.parent.name}/{entry.name}"
        log.warning("store entry %s is damaged (%s): computing it again", name, damage)
        return None


def _publish(partial: Path, entry: Path, key: str) -> float | None:
    """Rename a finished entry into place, unless a whole one of another writer is there.

    Returns:
        None, or the seconds that the other writer's took.
    """
    for _ in range(ATTEMPTS):
        try:
            os.rename(partial, entry)
        except OSError:
            if not os.path.lexists(entry):
                raise
        else:
            sync_folder(entry.parent)
            return None
        if (seconds := _whole(entry, key)) is not None:
            return seconds
        _set_aside(entry, key)
    raise OSError(f"the entry {entry.name} is damaged and cannot be replaced")


def _whole(entry: Path, key: str) -> float | None:
    try:
        return check(entry, key)
    except DamagedError:
        return None


def _set_aside(entry: Path, key: str) -> None:
    """Take a damaged entry away, unless another writer put a whole one in its place meanwhile."""
    aside = entry.with_name(own_name(DAMAGED))
    try:
        os.rename(entry, aside)
    except FileNotFoundError:
        return
    if _whole(aside, key) is not None:
        with suppress(OSError):
            os.rename(aside, entry)
    discard(aside)
