"""How the program ends: one line for what is no fault of its own, a traceback for what is."""

import errno
import logging
import os
import signal
from collections.abc import Iterator

import pytest
from safetensors import SafetensorError

from pipeline.attempts import attempt
from pipeline.entry import MISTAKE, TRACEBACKS, told_plainly
from pipeline.errors import UserError

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
READ_ONLY = SafetensorError(f"I/O error: {os.strerror(errno.EROFS)} (os error 30)")


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a program may set for all of itself, and a test may not."""
    monkeypatch.setenv(TRACEBACKS, "0")
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr(logging, "raiseExceptions", True)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("error", "beginning"),
    [
        (UserError("A mistake."), "A mistake."),
        (FULL, "A disk takes nothing"),
        (READ_ONLY, "A disk takes nothing"),
        (
            RuntimeError('Could not detect "srun", are you indeed on a slurm cluster?'),
            "The launcher",
        ),
        (ConnectionError("Could not find any running Ray instance. Start one."), "The launcher"),
    ],
    ids=["user", "full", "read-only", "slurm", "ray"],
)
def test_what_is_no_fault_is_one_line(
    error: Exception, beginning: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, told_plainly():
        raise error
    assert ended.value.code == MISTAKE
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {beginning}")
    assert printed.count("\n") == 1
    assert not logging.raiseExceptions  # a log on a full disk stays silent


def test_a_fault_is_shown_in_full() -> None:
    with pytest.raises(OSError, match="no such thing"), told_plainly():
        raise OSError(errno.ENOENT, "no such thing")


def raising(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(("error", "shown"), [(FULL, False), (ValueError("odd"), True)])
def test_a_report_that_fails_costs_a_warning(
    error: Exception, shown: bool, caplog: pytest.LogCaptureFixture
) -> None:
    attempt("the report", lambda: raising(error))
    (record,) = caplog.records
    assert "the report failed" in record.message and "numbers are safe" in record.message
    assert bool(record.exc_info) is shown
