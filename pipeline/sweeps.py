"""What Hydra leaves out of a sweep: a record of every job, and one table at the end."""

import logging
import traceback
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from pipeline.errors import UserError
from pipeline.records import write_json

log = logging.getLogger(__name__)


class JobRecord(Callback):
    """Writes ``status.json`` into every job's folder, and the traceback into a failed one's log.

    Hydra's own log has no traceback, and its hook for the end of a multirun is left out when a job
    fails; so the table of a sweep is made again after each of its jobs, from the files on disk.
    """

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
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                self._collate(Path(HydraConfig.get().sweep.dir))
        except (UserError, OSError) as trouble:
            log.warning("the record of the job could not be written: %s", trouble)

    def _collate(self, folder: Path) -> None:
        from pipeline.report.collate import collate  # brings torch

        collate(folder)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Print the table of the sweep."""
        table = Path(config.hydra.sweep.dir) / "table.md"
        if table.exists():
            print(f"\n{table.read_text()}\ntable: {table.with_suffix('.html')}")
