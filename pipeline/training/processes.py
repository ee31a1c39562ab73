"""Processes that train one network together on one machine, and how they are told to stop."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Self, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import ProcessExitedException, spawn

from pipeline.errors import UserError

T = TypeVar("T")

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_REFUSED = 3  # exit code of a process that has said why in one line


def average(tensors: list[Tensor]) -> None:
    """Mean of each tensor over all processes, in place, in one message; alone, nothing."""
    if not dist.is_initialized():
        return
    flat = torch.cat([t.flatten() for t in tensors])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    offset = 0
    for t in tensors:
        t.copy_(flat[offset : offset + t.numel()].view_as(t))
        offset += t.numel()


class StopRequest:
    """Notes SIGTERM and SIGINT while it is entered; a second one of a kind acts at once."""

    def __init__(self) -> None:
        self._received = False

    def agreed(self) -> bool:
        """Whether any process was told to stop. All must ask, and all get the same answer."""
        share = torch.tensor([float(self._received)])
        average([share])
        return bool(share > 0)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._received = True
        signal.signal(number, signal.SIG_DFL)

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def launch(worker: Callable[[int, T], None], argument: T, processes: int) -> None:
    """Run ``worker(rank, argument)`` in processes that can :func:`average`.

    With one process it is the calling one. Signals to stop are handed on to the others.

    Args:
        worker: a function of a module, so that processes find it.
        argument: what all of them get; it is pickled.
        processes: how many.

    Raises:
        UserError: a process was refused something, and has said what, or was killed.
    """
    if processes == 1:
        worker(0, argument)
        return
    with tempfile.TemporaryDirectory() as folder:
        arguments = (worker, argument, processes, f"{folder}/meeting")
        context = spawn(_join, arguments, nprocs=processes, join=False)
        with _handing_on(context.pids()) as received:
            try:
                while not context.join():
                    pass
            except ProcessExitedException as error:
                if not received:  # else it was told to stop before it could do so in its own way
                    raise _ended(error) from error


def _join(
    rank: int, worker: Callable[[int, T], None], argument: T, processes: int, meeting: str
) -> None:
    dist.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=processes
    )
    try:
        worker(rank, argument)
        dist.barrier()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        os._exit(_REFUSED)  # the others wait for this process and are ended by the parent
    dist.destroy_process_group()


@contextmanager
def _handing_on(pids: list[int]) -> Iterator[list[int]]:
    """Pass SIGTERM and SIGINT on to processes, as SIGTERM; yields the list of those that came."""
    received: list[int] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    before = {number: signal.signal(number, hand_on) for number in SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(error: ProcessExitedException) -> UserError:
    if error.exit_code == _REFUSED:
        return UserError("A training process gave up for the reason above.")
    return UserError(
        f"A training process was ended from outside (exit code {error.exit_code}). "
        "The same command goes on from the last checkpoint."
    )
