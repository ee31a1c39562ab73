"""Faults of disks: one that fills up, and folders that cannot be written."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

from pipeline.faults.bench import PATIENCE, Bench, Place
from pipeline.faults.commands import Ended
from pipeline.faults.kinds import Kind, Struck, sleep

ROOMY = 2**28
LEAST = 2**14
PARTS = (("store",), ("out",), ("store", "out"))


class Disk:
    """A small disk in memory, mounted in a folder."""

    def __init__(self, folder: Path) -> None:
        """Name the folder."""
        self.folder = folder

    @contextmanager
    def mounted(self, size: int) -> Iterator[None]:
        """Mount it; at the end it is gone with all that is on it."""
        self.folder.mkdir(parents=True)
        _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.folder))
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False)

    def resize(self, size: int) -> None:
        """Make room."""
        _mount("-o", f"remount,size={size}", str(self.folder))

    def freeze(self) -> bool:
        """Make it read-only; False while a file is open for writing."""
        try:
            _mount("-o", "remount,ro", str(self.folder))
        except subprocess.CalledProcessError:
            return False
        return True

    def thaw(self) -> None:
        """Make it writable again."""
        _mount("-o", "remount,rw", str(self.folder))


class DiskKind(Kind):
    """A kind of fault that needs a disk of its own."""

    def missing(self) -> str | None:
        """Mounting takes the rights of root."""
        if os.name != "posix" or os.geteuid() != 0:
            return "mounting a small disk takes the rights of root"
        return None if _can_mount() else "this system lets nobody mount a tmpfs"


class FullDisk(DiskKind):
    """A disk that fills up under store, results or both; afterwards there is room again."""

    name = "full"

    @contextmanager
    def striking(self, bench: Bench, place: Place, random: Random) -> Iterator[Struck]:
        """See :class:`Kind`."""
        parts = random.choice(PARTS)
        need = sum(bench.size(place.setting, part) for part in parts)
        size = random.randint(LEAST, max(LEAST + 1, need))
        disk = Disk(place.root / "disk")
        with disk.mounted(size):
            moved = on(disk, place, parts)
            if "store" not in parts:
                bench.prefill(moved, random)
            ended = moved.run()
            disk.resize(ROOMY)
            what = f"{size / 1e3:.0f} of {need / 1e3:.0f} kB for {' and '.join(parts)}"
            yield Struck(what, ((moved, ended),))


class ReadOnly(DiskKind):
    """A store or results that cannot be written, or a store that no longer can be."""

    name = "read-only"

    @contextmanager
    def striking(self, bench: Bench, place: Place, random: Random) -> Iterator[Struck]:
        """See :class:`Kind`."""
        what = random.choice(("store all along", "out all along", "store meanwhile"))
        part = what.split()[0]
        disk = Disk(place.root / "disk")
        with disk.mounted(ROOMY):
            moved = on(disk, place, (part,))
            moment = random.uniform(0, bench.prefill(moved, random))
            if what.endswith("all along"):
                struck, ended = disk.freeze(), moved.run()
            else:
                struck, ended = _frozen_meanwhile(bench, disk, moved, moment)
                what += f", from {moment:.2f} s"
            disk.thaw()
            yield Struck(f"read-only: {what}", ((moved, ended),), missed=not struck)


def _frozen_meanwhile(bench: Bench, disk: Disk, place: Place, moment: float) -> tuple[bool, Ended]:
    """Run a command whose disk becomes read-only; whether it did in time, and how it ended."""
    command = place.start()
    sleep(moment, command.running)
    while not (frozen := disk.freeze()) and command.running():
        time.sleep(0.01)  # a file is open for writing
    in_time = frozen and command.running()
    bench.learn(not in_time)
    return in_time, command.wait(PATIENCE)


def on(disk: Disk, place: Place, parts: tuple[str, ...]) -> Place:
    """A place with its store, its results or both on a disk."""
    folders = {part: disk.folder / part for part in parts}
    return replace(place, **folders)  # type: ignore[arg-type]


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def _can_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Disk(Path(folder) / "disk").mounted(LEAST):
                return True
        except (subprocess.CalledProcessError, OSError):
            return False
