"""Where official files of weights lie, and whether they are the right ones.

They are looked for in the folder ``PIPELINE_WEIGHTS`` names, else ``~/.cache/local-gan-editing``.
Nothing is downloaded here; :mod:`pipeline.weights.download` does that when it is told to.
"""

import logging
import os
from pathlib import Path

from pipeline.disk import reason
from pipeline.errors import UserError
from pipeline.weights.checksums import RECORD, record, recorded, sha256
from pipeline.weights.file import WeightsFile
from pipeline.weights.pages import mistaken
from pipeline.weights.registry import registered

COMMAND = "python scripts/fetch_weights.py"

log = logging.getLogger(__name__)


def folder() -> Path:
    """The folder weights lie in; it need not exist."""
    return Path(os.environ.get("PIPELINE_WEIGHTS") or "~/.cache/local-gan-editing").expanduser()


def find(name: str) -> Path | None:
    """The file registered under a name, unchecked, or None where it is absent.

    Raises:
        UserError: nothing is registered under the name.
    """
    path = folder() / registered(name).file
    return path if path.is_file() else None


def locate(name: str) -> Path:
    """The file registered under a name, unchecked: a look that costs nothing.

    Raises:
        UserError: it is absent, or the name is unknown.
    """
    path = find(name)
    if path is None:
        raise missing(name, folder())
    return path


def require(name: str) -> Path:
    """The file registered under a name, with its length and checksum verified.

    Raises:
        UserError: it is absent or not the official file, or the name is unknown.
    """
    path = locate(name)
    check(name, path)
    return path


def check(name: str, path: Path) -> None:
    """Refuse a file that is not the registered one.

    Where no checksum was published, the file counts that was seen first, and this is said.

    Args:
        name: what it is registered under.
        path: the file.

    Raises:
        UserError: its length or its checksum differs, or it cannot be read.
    """
    wanted = registered(name)
    try:
        problem = _problem(path, wanted)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({reason(error)}).") from error
    if problem:
        fetch = f"type '{COMMAND} {name}'" if wanted.addresses else wanted.source
        raise UserError(f"{path} {problem}. Delete it and {fetch}.")


def _problem(path: Path, wanted: WeightsFile) -> str | None:
    """Why a file is not the registered one; None where it is, or where it is the first one seen."""
    length = path.stat().st_size
    if wanted.bytes not in (None, length):
        why = "the download is incomplete or it is another file"
        return f"has {length} bytes, not {wanted.bytes}: {why}"
    with path.open("rb") as file:
        if what := mistaken(file.read(512)):
            return f"is {what}, not weights: the download failed"
    found, known = sha256(path), wanted.sha256 or recorded(path)
    if known is None:
        remember(path, found)
        return None
    if found == known:
        return None
    note = f" (if you changed it on purpose, delete its line in {path.parent / RECORD})"
    why = "it is another file" + ("" if wanted.sha256 else note)
    return f"has the sha256 {found}, not {known}: {why}"


def remember(path: Path, checksum: str) -> None:
    """Record the checksum of a file of which none was published, and say so."""
    note = path.parent / RECORD
    try:
        record(path, checksum)
    except OSError as error:
        log.warning("%s: its sha256 cannot be recorded in %s (%s)", path, note, reason(error))
        return
    log.info(
        "%s: no checksum was published; its sha256 %s is recorded in %s and must stay",
        path.name,
        checksum,
        note,
    )


def missing(name: str, where: Path) -> UserError:
    """The error for an absent file: which one, where it comes from and where it belongs."""
    wanted = registered(name)
    size = f" ({wanted.size})" if wanted.bytes else ""
    fetch = f"type '{COMMAND} {name}', or " if wanted.addresses else ""
    return UserError(
        f"The weights '{name}' are missing: there is no {wanted.file}{size} in {where}. To have "
        f"it, {fetch}{wanted.source} and put it at {where / wanted.file}. Terms: {wanted.licence}."
    )
