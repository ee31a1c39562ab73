"""A server of files that misbehaves as it is told to."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What a server has, and how it answers.

    Attributes:
        files: content by path.
        address: of the server.
        cuts: bytes after which the next answers break off, one entry for each answer.
        statuses: statuses of the next answers, before any file is sent.
        ranges: whether it knows ranges.
        sized: whether it says how long an answer is.
        kind: content type of every answer.
        asked: paths asked for, and the range.
    """

    files: dict[str, bytes]
    address: str = ""
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    ranges: bool = True
    sized: bool = True
    kind: str = "application/octet-stream"
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """The site at an address of this machine, while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            answer(self, site)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer(request: BaseHTTPRequestHandler, site: Site) -> None:
    """One answer."""
    ranges = request.headers.get("Range")
    site.asked.append((request.path, ranges))
    if site.statuses and (status := site.statuses.pop(0)) != 200:
        return reply(request, site, status, b"<html>error</html>", kind="text/html")
    content = site.files.get(request.path)
    if content is None:
        return reply(request, site, 404, b"<html>not here</html>", kind="text/html")
    kind = "text/html; charset=utf-8" if content.startswith(b"<") else site.kind
    start = re.fullmatch(r"bytes=(\d+)-", ranges or "")
    if not start or not site.ranges or kind != site.kind:
        return reply(request, site, 200, content, kind=kind)
    first, total = int(start[1]), len(content)
    if first >= total:
        return reply(request, site, 416, b"", f"bytes */{total}")
    return reply(request, site, 206, content[first:], f"bytes {first}-{total - 1}/{total}")


def reply(
    request: BaseHTTPRequestHandler,
    site: Site,
    status: int,
    body: bytes,
    extent: str | None = None,
    kind: str | None = None,
) -> None:
    """Status, headers, and as much of the body as is to be sent."""
    request.send_response(status)
    request.send_header("Content-Type", kind or site.kind)
    if site.sized:
        request.send_header("Content-Length", str(len(body)))
    if extent:
        request.send_header("Content-Range", extent)
    request.end_headers()
    request.wfile.write(body[: site.cuts.pop(0)] if site.cuts and status < 400 else body)
