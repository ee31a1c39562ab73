"""A file of the store in which a stage that trains keeps where it is."""

import io
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from pipeline.disk import Place, replace_file

SAVE_EVERY = 60.0  # seconds, about

log = logging.getLogger(__name__)


@dataclass
class CheckpointFile:
    """Keeps an unfinished training in a file of the store's own.

    Attributes:
        path: the file.
        every: seconds between two writings.
    """

    path: Path
    every: float = SAVE_EVERY
    _written: float = field(default=0.0, repr=False)

    def load(self) -> dict[str, Any] | None:
        """See :class:`Keeper`; a damaged file counts as none."""
        self._written = time.monotonic()
        if not self.path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:  # the reader fails in any way on what is no such file
            log.warning("%s is damaged (%s): training begins anew", self.path, error)
            return None
        log.info("training goes on at step %d (%s)", state["step"], self.path)
        return state

    def save(self, state: dict[str, Any]) -> None:
        """See :class:`Keeper`.

        Raises:
            UserError: the disk is full, or the store cannot be written.
        """
        if time.monotonic() - self._written < self.every:
            return
        written = io.BytesIO()
        torch.save(state, written)
        with Place("store", self.path.parent, "store").writing():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, written.getvalue())
        self._written = time.monotonic()

    def discard(self) -> None:
        """Forget it: the training has come to its end."""
        self.path.unlink(missing_ok=True)
