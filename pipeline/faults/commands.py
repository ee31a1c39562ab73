"""Commands as a user gives them, started from a process that has loaded everything already.

A command spends most of its first seconds importing torch. A fork of a warm process goes through
``run.py`` from its first line all the same, in a session of its own that can be killed as a whole.
"""

import multiprocessing
import os
import runpy
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

RUN = Path(__file__).parents[2] / "run.py"
LOADED = [
    "pipeline.job",
    "pipeline.stages.calibration",
    "pipeline.domains.procfaces",
    "pipeline.methods.resefa",
    "pipeline.generators.weights",
    "pipeline.report.html",
    "pipeline.report.tables",
    "pipeline.report.sheets",
    "pipeline.report.collate",
    "matplotlib.figure",
    "sklearn.svm",
    "wandb",
]
TRACEBACK = "Traceback (most recent call last)"
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit status; negative for a signal, None where it had to be ended for taking long.
        printed: all that it printed.
        seconds: that it took.
    """

    code: int | None
    printed: str
    seconds: float

    @property
    def traceback(self) -> bool:
        """Whether the user saw one."""
        return TRACEBACK in self.printed


class Command:
    """A command that runs."""

    def __init__(
        self,
        arguments: Sequence[str],
        printed: Path,
        environment: Mapping[str, str] | None = None,
        program: Path = RUN,
    ) -> None:
        """Start it.

        Args:
            arguments: of the program.
            printed: the file that gets what it prints.
            environment: variables that are set for it.
            program: a Python script.
        """
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(LOADED)
        self._printed = printed
        self._begun = time.monotonic()
        given = (str(program), list(arguments), str(printed), dict(environment or {}))
        self._process: ForkServerProcess = context.Process(target=_as_user, args=given)
        self._process.start()

    def kill(self) -> None:
        """End it, and all that it started, at once and without a word (SIGKILL)."""
        number = self._process.pid
        if number is None or not self._process.is_alive():
            return
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(number, signal.SIGKILL)

    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    def wait(self, seconds: float) -> Ended:
        """Wait for its end; it is killed after so many seconds."""
        try:
            self._process.join(seconds)
        except BaseException:
            self.kill()
            raise
        late = self._process.is_alive()
        if late:
            self.kill()
            self._process.join()
        code = None if late else self._process.exitcode
        taken = time.monotonic() - self._begun
        text = self._printed.read_text(errors="replace") if self._printed.exists() else ""
        self._process.close()
        return Ended(code, text, taken)


def _as_user(program: str, arguments: list[str], printed: str, environment: dict[str, str]) -> None:
    """What ``python PROGRAM ARGUMENTS`` does, its output in a file."""
    os.setsid()
    os.chdir(Path(program).parent)
    os.environ.update(environment)
    descriptor = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    sys.argv = [Path(program).name, *arguments]
    sys.path.insert(0, str(Path(program).parent))
    runpy.run_path(program, run_name="__main__")
