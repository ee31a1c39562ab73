"""The columns of a tall matrix, written as they come and read by rows: in memory, or in a file."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from pipeline.disk import Place


class ColumnStore(Protocol):
    """Where the columns of a matrix ``[d, rows]`` are kept."""

    def write(self, start: int, block: Tensor) -> None:
        """Keep columns ``[m, rows]`` from number ``start`` on."""

    def read(self, rows: slice) -> Tensor:
        """These rows of all columns, ``[d, n]``."""


@contextmanager
def column_store(columns: int, like: Tensor, max_bytes: int) -> Iterator[ColumnStore]:
    """A place for columns: memory, or a temporary file where they take more than ``max_bytes``.

    The file has no name and goes with the context, also when the process is killed.

    Args:
        columns: how many there will be.
        like: one column ``[rows]``: its length, dtype and device.
        max_bytes: bound on what is held in memory.

    Raises:
        UserError: there is no room for the file.
    """
    num_bytes = columns * like.nbytes
    if num_bytes <= max_bytes:
        yield _Memory(like.new_empty(columns, len(like)))
        return
    place = Place("temporary folder", Path(tempfile.gettempdir()), "TMPDIR")
    with place.writing(), tempfile.TemporaryFile(dir=place.folder) as file:
        if shutil.disk_usage(place.folder).free < num_bytes:  # before the work, not in the middle
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        yield _File(file, columns, like)


@dataclass(frozen=True, eq=False)
class _Memory:
    held: Tensor

    def write(self, start: int, block: Tensor) -> None:
        self.held[start : start + len(block)] = block

    def read(self, rows: slice) -> Tensor:
        return self.held[:, rows]


@dataclass(frozen=True, eq=False)
class _File:
    file: BufferedRandom
    columns: int
    like: Tensor

    def write(self, start: int, block: Tensor) -> None:
        self.file.seek(start * self.like.nbytes)
        self.file.write(block.cpu().contiguous().numpy().data)

    def read(self, rows: slice) -> Tensor:
        band = torch.empty(self.columns, rows.stop - rows.start, dtype=self.like.dtype)
        for number, column in enumerate(band.numpy()):
            element = number * len(self.like) + rows.start
            self.file.seek(element * self.like.element_size())
            self.file.readinto(column.data)
        return band.to(self.like.device)
