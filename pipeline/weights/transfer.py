"""From one address to one file over HTTP: resumed where it was cut, tried again where it may help.

A server that knows no ranges sends the whole again; one that closes too early is asked for the
rest; a web page in place of the file is refused, but for the question Google Drive asks first.
"""

import errno
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import requests

from pipeline.weights.pages import confirmation, mistaken, title
from pipeline.weights.partial import Partial

PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Answers that may be another one a moment later."""

BLOCK = 1 << 16
"""Bytes that are written at a time; what was received of one when the connection is cut is lost."""

PAGE_LIMIT = 1 << 20
UNSATISFIABLE = 416

Report = Callable[[int, int | None], None]
"""Called with the bytes that are here and those there are in all, where that is known."""


class UnavailableError(Exception):
    """An address does not give the file; says why."""


class _PassingError(Exception):
    """An attempt failed, and the next may not."""


def silent(_done: int, _total: int | None) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Transfer:
    """How files are fetched.

    Attributes:
        report: told about progress.
        attempts: that may fail in a row, without a byte more, before an address is given up.
        pause: seconds between the first two of them; then twice as long each time.
        timeout: seconds to wait for a connection, and for the next bytes.
    """

    report: Report = silent
    attempts: int = 3
    pause: float = 0.5
    timeout: tuple[float, float] = (10.0, 60.0)
    headers: dict[str, str] = field(
        default_factory=lambda: {"Accept-Encoding": "identity", "User-Agent": "local-gan-editing"}
    )

    def complete(self, partial: Partial, address: str, length: int | None) -> None:
        """Fetch what a partial file lacks.

        Args:
            partial: the file.
            address: of the whole.
            length: bytes of the whole, where that is known.

        Raises:
            OSError: the file cannot be written.
            UnavailableError: the address does not give it.
        """
        if length is not None and partial.size == length:
            return
        most, failures = partial.size, 0
        with requests.Session() as session:
            session.headers.update(self.headers)
            while True:
                try:
                    return self._go_on(session, partial, address, length)
                except (_PassingError, requests.RequestException) as error:
                    failures = 1 if partial.size > most else failures + 1
                    most = max(most, partial.size)
                    if failures >= self.attempts or isinstance(error, ValueError):
                        raise UnavailableError(_why(error)) from error
                time.sleep(self.pause * 2 ** (failures - 1))

    def _go_on(
        self, session: requests.Session, partial: Partial, address: str, length: int | None
    ) -> None:
        """One attempt."""
        with self._open(session, address, partial.size) as response:
            start, total = _extent(response)
            if response.status_code == UNSATISFIABLE:
                if total == partial.size:
                    return
                partial.restart()
                raise _PassingError("it has fewer bytes than are here")
            if length is not None and total not in (None, length):
                raise UnavailableError(f"the file there has {total} bytes, not {length}")
            if length is None and total is None and not _ends_visibly(response):
                raise UnavailableError("the server does not say how long the file is")
            if start != partial.size:
                partial.restart()
            if start != partial.size:
                raise _PassingError("it sends another part than was asked for")
            require_space(partial.path, (total or 0) - partial.size)
            self._stream(response, partial, total)
        if total is not None and partial.size != total:
            raise _PassingError(f"the connection was cut after {partial.size} of {total} bytes")

    def _stream(self, response: requests.Response, partial: Partial, total: int | None) -> None:
        for block in response.iter_content(BLOCK):
            if partial.size == 0 and (what := mistaken(block)):
                raise UnavailableError(f"{what} came instead of the file")
            partial.write(block)
            self.report(partial.size, total)

    def _open(self, session: requests.Session, address: str, start: int) -> requests.Response:
        """The answer that holds the file, or the rest of it."""
        response = self._ask(session, address, start)
        if not _sends_page(response):
            return response
        if start:  # a part of a page says nothing
            response.close()
            response = self._ask(session, address, 0)
        with response:
            page = _text(response)
        form = confirmation(page, response.url)
        if form is None:
            said = f" ('{title(page)}')" if title(page) else ""
            raise UnavailableError(f"a web page{said} came instead of the file")
        response = self._ask(session, form.address, start, form.fields)
        if _sends_page(response):
            raise UnavailableError("a web page came instead of the file, twice")
        return response

    def _ask(
        self,
        session: requests.Session,
        address: str,
        start: int,
        fields: dict[str, str] | None = None,
    ) -> requests.Response:
        ranges = {"Range": f"bytes={start}-"} if start else {}
        response = session.get(
            address, params=fields, headers=ranges, stream=True, timeout=self.timeout
        )
        if response.status_code in PASSING:
            raise _PassingError(f"HTTP {response.status_code}")
        if response.status_code >= 400 and response.status_code != UNSATISFIABLE:
            raise UnavailableError(f"HTTP {response.status_code} {response.reason}".rstrip())
        return response


def require_space(path: Path, size: int) -> None:
    """Refuse to begin what the disk has no room for.

    Raises:
        OSError: it is too small.
    """
    if size > shutil.disk_usage(path.parent).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _sends_page(response: requests.Response) -> bool:
    if response.status_code == UNSATISFIABLE:
        return False
    return "text/html" in response.headers.get("Content-Type", "").lower()


def _text(response: requests.Response) -> str:
    start: bytes = next(response.iter_content(PAGE_LIMIT), b"")
    return start.decode(errors="replace")


def _extent(response: requests.Response) -> tuple[int, int | None]:
    """The first byte that an answer holds, and the bytes of the whole where they are known."""
    ranges = re.fullmatch(
        r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", "")
    )
    if ranges:
        return int(ranges[1] or 0), None if ranges[2] == "*" else int(ranges[2])
    length = response.headers.get("Content-Length", "")
    as_it_is = response.status_code == 200 and "Content-Encoding" not in response.headers
    return 0, int(length) if as_it_is and length.isdecimal() else None


def _ends_visibly(response: requests.Response) -> bool:
    """Whether an answer of unknown length shows where it ends, so that a cut does not pass."""
    return "chunked" in response.headers.get("Transfer-Encoding", "").lower()


def _why(error: Exception) -> str:
    """A failure in a few words, without the address that the message around it names."""
    reasons: tuple[tuple[type[Exception], str], ...] = (
        (_PassingError, str(error)),
        (requests.exceptions.SSLError, "its certificate cannot be verified"),
        (requests.exceptions.ProxyError, "the proxy does not answer"),
        (requests.exceptions.Timeout, "no answer in time"),
        (requests.exceptions.ChunkedEncodingError, "the connection was cut"),
        (requests.exceptions.ConnectionError, "the connection failed"),
        (ValueError, "it is no address"),
    )
    known = (text for kind, text in reasons if isinstance(error, kind))
    return next(known, type(error).__name__)
