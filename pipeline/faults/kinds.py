"""Kinds of faults: what happens to a command, and that it is over when the command is given again.

Moments, places and amounts are drawn from a seeded generator, so that a fault can be repeated.
"""

import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from threading import Thread
from typing import ClassVar

from pipeline.faults.bench import PATIENCE, Bench, Place
from pipeline.faults.commands import KILLED, Ended


@dataclass(frozen=True)
class Struck:
    """What a fault was, and how the commands ended that it struck.

    Attributes:
        what: in words.
        runs: the commands, and how each ended.
        missed: whether it came too late, when all had ended.
    """

    what: str
    runs: tuple[tuple[Place, Ended], ...]
    missed: bool = False


class Kind(ABC):
    """A kind of fault."""

    name: ClassVar[str]

    def missing(self) -> str | None:
        """Why it cannot be injected here; None where it can."""
        return None

    @abstractmethod
    @contextmanager
    def striking(self, bench: Bench, place: Place, random: Random) -> Iterator[Struck]:
        """Run a command under the fault; inside the ``with`` statement the fault is over."""


class Kill(Kind):
    """SIGKILL at any moment, of a command that starts from nothing or from a part."""

    name = "kill"

    @contextmanager
    def striking(self, bench: Bench, place: Place, random: Random) -> Iterator[Struck]:
        """See :class:`Kind`."""
        moment = random.uniform(0, bench.prefill(place, random))
        command = place.start()
        missed = not sleep(moment, command.running)
        command.kill()
        bench.learn(missed)
        yield Struck(f"killed after {moment:.2f} s", ((place, command.wait(PATIENCE)),), missed)


class Network(Kind):
    """W&B online towards a server that refuses, that never answers, or that hangs up."""

    name = "network"
    WAYS = ("refuses", "never answers", "hangs up")

    @contextmanager
    def striking(self, bench: Bench, place: Place, random: Random) -> Iterator[Struck]:
        """See :class:`Kind`."""
        bench.prefill(place, random)
        way = random.choice(self.WAYS)
        with _server(way) as port:
            online = replace(
                place,
                further=("logger=wandb", "logger.mode=online"),
                environment={
                    "WANDB_BASE_URL": f"http://127.0.0.1:{port}",
                    "WANDB_API_KEY": "0" * 40,
                    "WANDB_MODE": "online",
                },
            )  # fmt: skip
            yield Struck(f"a server that {way}", ((online, online.run()),))


class Corruption(Kind):
    """Files of a finished store cut, altered, emptied or removed, before the command or during."""

    name = "corrupt"

    @contextmanager
    def striking(self, bench: Bench, place: Place, random: Random) -> Iterator[Struck]:
        """See :class:`Kind`."""
        bench.fill(place)
        files = sorted(p for p in place.store.rglob("*") if p.is_file() and "/." not in str(p))
        chosen = random.sample(files, min(len(files), random.randint(1, 3)))
        during = random.random() < 0.3
        command = place.start() if during else None
        if command is not None:
            sleep(random.uniform(0, 0.5 * bench.seconds[place.setting.name]), command.running)
        done = [damage(file, random) for file in chosen]
        ended = (command or place.start()).wait(PATIENCE)
        yield Struck(f"{'during: ' if during else ''}{'; '.join(done)}", ((place, ended),))


class Writers(Kind):
    """Several commands on one store at once, of which one may be killed."""

    name = "writers"

    @contextmanager
    def striking(self, bench: Bench, place: Place, random: Random) -> Iterator[Struck]:
        """See :class:`Kind`."""
        left = bench.prefill(place, random)
        count, victim = random.randint(2, 3), random.choice((0, None))
        others = [random.choice(bench.settings) for _ in range(count - 1)]
        places = [place]
        for number, setting in enumerate(others):
            own = Place.under(place.root / f"writer-{number}", setting)
            places.append(replace(own, store=place.store))
        commands = []
        for each in places:
            commands.append(each.start())
            time.sleep(random.uniform(0, 0.3))
        if victim is not None:
            bench.learn(not sleep(random.uniform(0, left), commands[0].running))
            commands[0].kill()
        ended = [command.wait(PATIENCE) for command in commands]
        what = f"{count} commands{', one killed' if ended[0].code == KILLED else ''}"
        yield Struck(what, tuple(zip(places, ended, strict=True)))


def damage(file: Path, random: Random) -> str:
    """Spoil a file in a random way; says how."""
    try:
        data = bytearray(file.read_bytes())
    except FileNotFoundError:  # a command put another entry in its place
        return f"{file.name} was gone"
    way = random.choice(("cut", "flipped", "removed", "emptied", "overwritten", "lengthened"))
    if way == "removed":
        file.unlink(missing_ok=True)
        return f"{file.name} removed"
    if way == "flipped" and data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    changed: Mapping[str, bytes] = {
        "cut": bytes(data[: random.randrange(len(data) + 1)]),
        "emptied": b"",
        "overwritten": random.randbytes(len(data)),
        "lengthened": bytes(data) + random.randbytes(7),
    }
    try:
        file.write_bytes(changed.get(way, bytes(data)))
    except FileNotFoundError:
        return f"{file.name} was gone"
    return f"{file.name} {way}"


@contextmanager
def _server(way: str) -> Iterator[int]:
    """The port of a local server of a kind."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        if way == "refuses":
            listener.close()
        else:
            listener.listen()
        if way == "hangs up":
            stack.enter_context(_hanging_up(listener))
        yield port


@contextmanager
def _hanging_up(listener: socket.socket) -> Iterator[None]:
    """Close every connection as soon as it is there."""

    def serve() -> None:
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return

    thread = Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def sleep(seconds: float, running: Callable[[], bool]) -> bool:
    """Sleep while a command runs; says whether it still does."""
    end = time.monotonic() + seconds
    while running():
        if time.monotonic() >= end:
            return True
        time.sleep(min(0.02, max(0.0, end - time.monotonic())))
    return False
