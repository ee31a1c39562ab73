"""What Hydra leaves out of a sweep: a record of every job, and one table at the end."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from pipeline.attempts import attempt
from pipeline.errors import UserError
from pipeline.records import write_json

log = logging.getLogger(__name__)


class JobRecord(Callback):
    """Writes ``status.json`` into every job's folder, and the traceback into a failed one's log.

    Hydra's own log has no traceback, and its hook for the end of a multirun is left out when a job
    fails; so the table of a sweep is made again after each of its jobs, from the files on disk, and
    told by :func:`summing_up`.

    Attributes:
        sweep: configuration of the sweep that this program runs; None where it runs none.
    """

    sweep: ClassVar[DictConfig | None] = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Remember the sweep until the program ends."""
        JobRecord.sweep = config

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Write how the job ended; in a sweep, bring the table up to date."""
        folder = Path(HydraConfig.get().runtime.output_dir)
        error = None
        if job_return.status == JobStatus.FAILED:
            failure = job_return._return_value
            error = str(failure) if isinstance(failure, UserError) else repr(failure)
            if not isinstance(failure, UserError):  # that one is told when the program ends
                log.error("%s", "".join(traceback.format_exception(failure)))
        status = {"status": "failed" if error else "completed", "error": error}
        try:
            write_json(folder / "status.json", status)
        except UserError as trouble:
            log.warning("the record of the job could not be written: %s", trouble)
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            sweep = Path(HydraConfig.get().sweep.dir)
            attempt("the table of the sweep", partial(_collate, sweep, config))


def _collate(folder: Path, config: DictConfig) -> None:
    """Bring the table of a sweep up to date; where a result is reproduced, that one's.

    Jobs that end at the same time all do this. Whoever writes last must have seen the others, so
    each looks again afterwards.
    """
    seen = None
    while (ended := _ended(folder)) != seen:
        seen = ended
        _collate_once(folder, config)


def _ended(folder: Path) -> dict[str, int]:
    """When each job of a sweep ended."""
    records = [*folder.glob("*/status.json"), *folder.glob("*/*/status.json")]
    return {str(record): record.stat().st_mtime_ns for record in records}


def _collate_once(folder: Path, config: DictConfig) -> None:
    from pipeline.report.collate import collate  # brings torch
    from pipeline.reproductions.collate import collate_reproduction, reproduction_of

    if reproduction := reproduction_of(config):
        collate_reproduction(folder, reproduction)
    else:
        collate(folder)


@contextmanager
def summing_up() -> Iterator[None]:
    """Tell the results of a sweep at its end, also when some of its jobs failed."""
    try:
        yield
    finally:
        if JobRecord.sweep is not None:
            attempt("the summary of the sweep", partial(_tell, JobRecord.sweep))


def _tell(config: DictConfig) -> None:
    """Print the table of a sweep, and the verdicts where a result is reproduced."""
    folder = Path(config.hydra.sweep.dir)
    if not (folder / "table.md").exists():
        return
    attempt("the table of the sweep", partial(_collate_once, folder, config))  # jobs ran elsewhere
    if config.get("reproduction") is None:
        print(f"\n{(folder / 'table.md').read_text()}\ntable: {folder / 'table.html'}")
        return
    from pipeline.reproductions.collate import reproduction_of
    from pipeline.reproductions.telling import tell

    if reproduction := reproduction_of(config):
        tell(folder, reproduction, config)
