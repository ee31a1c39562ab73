"""The page's server: one person, one machine; nothing is fetched from anywhere else."""

import logging
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UserError
from pipeline.explore.answers import Answers
from pipeline.explore.session import Session
from pipeline.records import plain

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

STATIC = Path(__file__).parent / "static"
STYLE = Path(__file__).parents[1] / "report" / "templates" / "style.css"
QUICK = ("render", "strips", "gallery")  # go on while something slow is at work
LOCAL = ("127.0.0.1", "localhost", "[::1]")
MOST = 64 * 2**20  # bytes of a photograph
OWN = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
HEADERS = {
    "Content-Security-Policy": OWN + "'self'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

log = logging.getLogger(__name__)


def application(session: Session, host: str = LOCAL[0]) -> "Starlette":
    """The page and its questions.

    Other sites' pages get nothing: questions come as JSON and to a host of this name only.

    Args:
        session: answers.
        host: that the server listens on.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.responses import FileResponse
    from starlette.routing import Route

    async def file(path: Path, _request: "Request") -> "Response":
        return FileResponse(path, headers=HEADERS)

    answers = Answers(session)
    slow, quick = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
    files = {"/": STATIC / "index.html", "/style.css": STYLE}
    files |= {f"/{name}": STATIC / name for name in ("explore.css", "explore.js")}
    routes = [Route(url, partial(file, path)) for url, path in files.items()]
    for name, answer in answers.questions().items():
        pool = quick if name in QUICK else slow
        routes.append(Route(f"/api/{name}", _asked(answer, pool), methods=["POST"]))
    routes.append(Route("/api/photograph", _sent(answers, slow), methods=["POST"]))
    anyone = host in ("0.0.0.0", "::")  # noqa: S104 - the user's own wish
    hosts = ["*"] if anyone else [*LOCAL, host]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, hosts)])


def serve(session: Session, host: str, port: int) -> None:
    """Serve the page until it is interrupted.

    Raises:
        UserError: the extra is missing, or the port is taken.
    """
    try:
        import uvicorn
    except ImportError:
        raise UserError(
            "The page needs two packages that are not here: uv sync --extra explore, or pip "
            "install '.[explore]'."
        ) from None
    config = uvicorn.Config(application(session, host), host, port, log_level="warning")
    try:
        listening = config.bind_socket()
    except SystemExit:
        raise UserError(f"Nothing can listen on {host}:{port}: try another --port.") from None
    print(f"http://{host}:{listening.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run([listening])


def _asked(
    answer: Callable[[dict[str, Any]], dict[str, Any]], pool: ThreadPoolExecutor
) -> Callable[["Request"], Awaitable["Response"]]:
    """A question of JSON."""

    async def respond(request: "Request") -> "Response":
        if request.headers.get("content-type") != "application/json":
            return _response({"error": "Questions come as JSON."}, 415)
        asked = await request.json()
        return await _answered(lambda: answer(asked), pool)

    return respond


def _sent(
    answers: Answers, pool: ThreadPoolExecutor
) -> Callable[["Request"], Awaitable["Response"]]:
    """A photograph, as the bytes of its file."""

    async def respond(request: "Request") -> "Response":
        if request.headers.get("content-type") != "application/octet-stream":
            return _response({"error": "A photograph comes as bytes."}, 415)
        if int(request.headers.get("content-length", 0)) > MOST:
            return _response({"error": f"The file is larger than {MOST // 2**20} MiB."}, 400)
        content, asked = await request.body(), dict(request.query_params)
        return await _answered(lambda: answers.photograph(asked, content), pool)

    return respond


async def _answered(answer: Callable[[], dict[str, Any]], pool: ThreadPoolExecutor) -> "Response":
    """The answer; of a mistake one line, of a fault its kind, with the traceback in the log."""
    try:
        return _response(await get_running_loop().run_in_executor(pool, answer))
    except UserError as error:
        return _response({"error": " ".join(str(error).split())}, 400)
    except Exception as error:  # the page goes on whatever one question meets
        log.exception("a question could not be answered")
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        return _response({"error": f"A fault of the program, see its terminal ({told})."}, 500)


def _response(content: dict[str, Any], status: int = 200) -> "Response":
    from starlette.responses import JSONResponse

    return JSONResponse(plain(content), status, HEADERS)
