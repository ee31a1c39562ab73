"""One file out of a zip archive that nobody vouches for."""

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from pipeline.weights.partial import BLOCK, Partial
from pipeline.weights.transfer import UnavailableError, require_space

EXPANSION = 4  # weights hardly compress: what grows more than this is no weights
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def extract(archive: Path, member: str, target: Partial) -> None:
    """Write a member of an archive to a file of our own choosing; no path in it counts.

    Args:
        archive: a zip file.
        member: name of the file in it, in whatever folder.
        target: where to.

    Raises:
        OSError: the disk is full.
        UnavailableError: it is no sound archive, or has no such member, or one out of proportion.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entry = _entry(opened, member)
            limit = EXPANSION * archive.stat().st_size + BLOCK
            if entry.file_size > limit:
                raise UnavailableError(f"the archive's {member} is out of proportion to it")
            require_space(target.path, entry.file_size)
            with opened.open(entry) as source:
                while block := source.read(BLOCK):
                    target.write(block)
    except DAMAGED as error:
        raise UnavailableError(f"it is no sound zip archive ({error})") from error


def _entry(archive: zipfile.ZipFile, member: str) -> zipfile.ZipInfo:
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    found = [entry for entry in files if PurePosixPath(entry.filename).name == member]
    if len(found) != 1:
        names = ", ".join(entry.filename for entry in files[:8])
        raise UnavailableError(f"the archive has {len(found)} files {member} (it has: {names})")
    return found[0]
