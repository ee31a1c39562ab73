"""The peak memory of a piece of work, measured in a process of its own."""

import ctypes
import gc
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import torch

Prepared = Callable[[], object]

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_bytes(prepare: Callable[..., Prepared], *arguments: object) -> int | None:
    """By how much a piece of work raises the memory of a fresh process above what it starts with.

    Resident memory on a CPU (Linux only; elsewhere None), torch's allocations where CUDA is in use.

    Args:
        prepare: called with the arguments in the new process; returns the work. Both must be
            importable: a function of a module and values that pickle.
        arguments: of ``prepare``.

    Raises:
        RuntimeError: the process failed.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(sender, prepare, arguments))
    process.start()
    sender.close()
    try:
        found: int | None = receiver.recv()
    except EOFError:
        raise RuntimeError("the process whose memory was to be measured failed") from None
    finally:
        process.join()
    return found


def _measure(
    sender: Connection, prepare: Callable[..., Prepared], arguments: tuple[object, ...]
) -> None:
    torch.set_num_threads(1)
    work = prepare(*arguments)
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        sender.send(torch.cuda.max_memory_allocated() - before)
    elif _RESET.exists():
        _give_back_free_memory()
        _RESET.write_text("5")  # the peak starts from here
        before = _resident("VmRSS")
        work()
        sender.send(_resident("VmHWM") - before)
    else:
        sender.send(None)


def _resident(field: str) -> int:
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return 1024 * int(lines[field].split()[0])


def _give_back_free_memory() -> None:
    """So that memory freed before does not hide what is taken now."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
