"""How the program ends: a user's mistake in one line, an interruption in one, a fault in full."""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from pipeline.allocator import keep_freed_memory
from pipeline.disk import Place, reason, takes_nothing
from pipeline.errors import UserError
from pipeline.preflight import preflight, wants_help
from pipeline.records import OUTPUT_KEY

MISTAKE, INTERRUPTED, TERMINATED = 2, 130, 143
NO_CLUSTER = ('Could not detect "srun"', "Could not find any running Ray instance")  # of launchers
TRACEBACKS = "PIPELINE_TRACEBACKS"  # what HYDRA_FULL_ERROR was before it was set here


def sweep_first(arguments: Sequence[str]) -> list[str]:
    """The same arguments with ``-m`` in front: Hydra does not find it behind an override."""
    flags = [a for a in arguments if a in ("-m", "--multirun")]
    return [*flags, *(a for a in arguments if a not in flags)]


def answered(arguments: Sequence[str]) -> bool:
    """Print what can be asked for, where the command line asks that (``--list``, ``--help``).

    Raises:
        UserError: the rest of the command line has a mistake.
    """
    if "--list" in arguments:
        from pipeline.listing import listing

        print(listing())
        return True
    if not {"-h", "--help"}.intersection(arguments):
        return False
    from pipeline.helping import help_text

    print(help_text(arguments))
    return True


def validated(arguments: Sequence[str]) -> int | None:
    """Print what is to be expected of a command line, where it asks that (``--validate``).

    Returns:
        The exit status: 0 where every job can run, else that of a mistake; None where it does not
        ask.

    Raises:
        UserError: it has a mistake that concerns all jobs.
    """
    if "--validate" not in arguments:
        return None
    from pipeline.validation import validate

    found = validate(arguments)
    print("\n".join(found.lines()))
    return 0 if found.good else MISTAKE


def check(arguments: Sequence[str]) -> None:
    """Check a command line before any work, unless it only asks for help.

    Raises:
        UserError: it has a mistake.
    """
    if not wants_help(arguments):
        preflight(arguments)


@contextmanager
def told_plainly() -> Iterator[None]:
    """End the program with one line for what is no fault of the program's.

    With HYDRA_FULL_ERROR=1 set, a mistake shows its traceback all the same.
    """
    os.environ.setdefault(TRACEBACKS, os.environ.get("HYDRA_FULL_ERROR", "0"))
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints errors itself and hides their origin
    signal.signal(signal.SIGTERM, _terminate)
    logging.raiseExceptions = False  # a log that does not fit on a full disk is no fault
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except Exception as error:
        if (mistake := _no_fault(error)) is None:
            raise
        _tell(mistake)


@contextmanager
def job() -> Iterator[None]:
    """End a single run as :func:`told_plainly` does; a job of a sweep fails and others go on."""
    keep_freed_memory()
    try:
        yield
    except Exception as error:
        if (mistake := _no_fault(error)) is None:
            raise
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            raise mistake from error
        _tell(mistake)


def _no_fault(error: Exception) -> UserError | None:
    """A mistake, no cluster, or a disk that takes nothing, in words; None for a fault."""
    if isinstance(error, UserError):
        return error
    if any(words in str(error) for words in NO_CLUSTER):
        return UserError(
            f"The launcher finds no cluster from here ({reason(error)}): give the command where "
            "one can be reached, or rehearse it with hydra/launcher=slurm_local or ray_local."
        )
    if not takes_nothing(error):
        return None
    if HydraConfig.initialized():
        folder = Path(HydraConfig.get().runtime.output_dir)
        return Place("output folder", folder, OUTPUT_KEY).refuse(error)
    return UserError(  # Hydra's own files
        f"A disk takes nothing ({reason(error)}): free some space or make it writable and run the "
        "same command again, or choose another folder with hydra.run.dir=PATH, of a sweep with "
        "hydra.sweep.dir=PATH."
    )


def _tell(error: UserError) -> None:
    if os.environ[TRACEBACKS] == "1":
        raise error
    print(f"error: {error}", file=sys.stderr)
    sys.exit(MISTAKE)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """Leave through the cleaning up of everything that is open."""
    print("terminated: the same command goes on from here", file=sys.stderr)
    sys.exit(TERMINATED)
