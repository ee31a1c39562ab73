"""Runs stages: knows keys, store, timing, progress and logging, and nothing of what they do."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from pipeline.records import MetricsLog
from pipeline.stages.base import Progress as Report
from pipeline.stages.base import Stage
from pipeline.store import Store, key

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result(Generic[T]):
    """What a stage gave, and the key that later stages depend on."""

    value: T
    key: str


@dataclass
class Time:
    """Seconds that the stages of one name took to make, and whether all came from the store."""

    seconds: float = 0.0
    cached: bool = True


@dataclass
class Runner:
    """Runs stages one after the other, each only where the store does not have its result.

    Attributes:
        store: where results are kept.
        record: gets a line per finished stage.
        times: per name of a stage, in the order of their first run.
    """

    store: Store
    record: MetricsLog
    times: dict[str, Time] = field(default_factory=dict)

    def run(self, stage: Stage[T], upstream: Sequence[str] = ()) -> Result[T]:
        """The result of a stage, found or made.

        Args:
            stage: the stage.
            upstream: the keys of the results it was given.
        """
        settings = dict(stage.settings())
        own = key(stage.name, stage.version, settings, upstream)
        with _progress(stage.name) as report:
            artefact = self.store.get(
                stage.name,
                own,
                lambda folder: stage.save(stage.compute(report), folder),
                settings,
            )
        self._note(stage.name, artefact.seconds, artefact.fresh)
        # Also what was made just now is read back, so that a resumed run sees the same bytes.
        return Result(stage.load(artefact.path), own)

    def _note(self, name: str, seconds: float, fresh: bool) -> None:
        time = self.times.setdefault(name, Time())
        time.seconds += seconds
        time.cached &= not fresh
        self.record.write({"stage": name, "seconds": round(seconds, 3), "from_store": not fresh})
        log.info("%-9s %6.1f s%s", name, seconds, "" if fresh else " back then, from the store")


@contextmanager
def _progress(name: str) -> Iterator[Report]:
    """A bar with the remaining time on a terminal; elsewhere nothing, the log has a line each."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
