"""Fetching an official file: the first address that gives it, verified before it gets its name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from pipeline.disk import is_full, reason, sync_file, sync_folder
from pipeline.errors import UserError
from pipeline.weights import cache
from pipeline.weights.archives import extract
from pipeline.weights.checksums import RECORD, recorded
from pipeline.weights.file import WeightsFile
from pipeline.weights.partial import Partial
from pipeline.weights.registry import registered
from pipeline.weights.transfer import Transfer, UnavailableError

MIRROR = "PIPELINE_WEIGHTS_MIRROR"


@dataclass(frozen=True)
class Source:
    """An address and what it gives.

    Attributes:
        member: name of the file in the zip archive it gives; None where it gives the file itself.
    """

    address: str
    member: str | None


@dataclass(frozen=True)
class Fetched:
    """A file that is here and the right one.

    Attributes:
        address: where it came from; None where it was here before.
    """

    path: Path
    address: str | None


def fetch(
    name: str,
    where: Path | None = None,
    mirror: str | None = None,
    transfer: Transfer | None = None,
) -> Fetched:
    """Bring an official file into the weights folder, unless it is there.

    What arrives is kept as ``FILE.*.partial`` until it is whole and verified; a fetch that was cut
    goes on from there.

    Args:
        name: what it is registered under.
        where: the folder; None is the one of :func:`pipeline.weights.cache.folder`.
        mirror: an address under which files lie by their names, in place of the official ones;
            None is ``PIPELINE_WEIGHTS_MIRROR``, where that is set.
        transfer: how.

    Raises:
        UserError: the name is unknown; no address gives the file, or only another one; the file
            that is there is another one; or the folder cannot be written.
    """
    wanted, folder = registered(name), where or cache.folder()
    path = folder / wanted.file
    if path.is_file():
        cache.check(name, path)
        return Fetched(path, None)
    failures = []
    with _writing(folder, wanted):
        folder.mkdir(parents=True, exist_ok=True)
        for source in sources(wanted, mirror or os.environ.get(MIRROR)):
            try:
                _bring(source, wanted, path, transfer or Transfer())
                cache.check(name, path)
                return Fetched(path, source.address)
            except UnavailableError as error:
                failures.append(f"{source.address}: {error}")
    told = f" ({'; '.join(failures)})" if failures else ""
    raise UserError(
        f"The weights '{name}' could not be fetched{told}. To have them all the same, "
        f"{wanted.source} and put it at {path}, or give a mirror with {MIRROR}=ADDRESS."
    )


def sources(wanted: WeightsFile, mirror: str | None) -> tuple[Source, ...]:
    """Where a file is to be had: on the mirror, where there is one, else officially.

    Raises:
        UserError: the mirror is no address.
    """
    if not mirror:
        return tuple(Source(address, wanted.member) for address in wanted.addresses)
    if not mirror.startswith(("http://", "https://")):
        raise UserError(f"{MIRROR}={mirror}: give an address such as https://host/folder.")
    return (Source(f"{mirror.rstrip('/')}/{quote(wanted.file)}", None),)


def _bring(source: Source, wanted: WeightsFile, path: Path, transfer: Transfer) -> None:
    """Fetch, unpack, verify and name a file from one source."""
    own = sha256(source.address.encode()).hexdigest()[:8]  # what two servers send is not mixed
    with Partial.opened(path.with_name(f"{path.name}.{own}.partial")) as partial:
        if source.member is None:
            transfer.complete(partial, source.address, wanted.bytes)
            _settle(partial, wanted, path)
            return
        transfer.complete(partial, source.address, None)
        with Partial.opened(path.with_name(f"{path.name}.{own}.member.partial")) as member:
            member.restart()
            try:
                extract(partial.path, source.member, member)
                _settle(member, wanted, path)
            except UnavailableError:
                partial.path.unlink(missing_ok=True)
                member.path.unlink(missing_ok=True)
                raise


def _settle(partial: Partial, wanted: WeightsFile, path: Path) -> None:
    """Give a file its name, if it is the right one; else remove it."""
    known = wanted.sha256 or recorded(path)
    if wanted.bytes not in (None, partial.size):
        why = f"the file has {partial.size} bytes, not {wanted.bytes}"
    elif known not in (None, partial.sha256):
        first = "" if wanted.sha256 else f", as in {path.parent / RECORD} since the first one seen"
        why = f"the file has the sha256 {partial.sha256}, not {known}{first}"
    else:
        sync_file(partial.path)
        os.replace(partial.path, path)
        sync_folder(path.parent)
        for leftover in path.parent.glob(f"{path.name}.*.partial"):
            leftover.unlink(missing_ok=True)
        return
    partial.path.unlink(missing_ok=True)
    raise UnavailableError(why)


@contextmanager
def _writing(folder: Path, wanted: WeightsFile) -> Iterator[None]:
    """Turn a failure to write into the error that says what to do."""
    try:
        yield
    except OSError as error:
        other = "or choose another folder with PIPELINE_WEIGHTS=PATH."
        if is_full(error):
            room = f"{wanted.size} are needed" if wanted.bytes else "there is no room"
            raise UserError(
                f"The disk of the weights folder {folder} is full ({room} for {wanted.file}): "
                f"free some space and fetch it again, it goes on where it was, {other}"
            ) from error
        raise UserError(
            f"Cannot write to the weights folder {folder} ({reason(error)}): make it writable, "
            f"{other}"
        ) from error
