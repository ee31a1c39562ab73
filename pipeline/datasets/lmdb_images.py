"""Images in an LMDB database, in LSUN's layout: every value is an encoded image."""

from pathlib import Path
from typing import Any

from pipeline.datasets.source import ImageSource, no_images, sampled
from pipeline.disk import reason
from pipeline.errors import UserError


class ImageLmdb(ImageSource):
    """Every value of an LMDB database (LSUN: WebP images under hashes), read where it lies.

    Names are the keys, in the database's order.

    Args:
        path: the folder of ``data.mdb``, or the file itself.

    Raises:
        UserError: lmdb is not installed, there is no database, or it is empty.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lmdb = _library()
        self._database = self._opened()
        with self._database.begin() as transaction:
            keys = transaction.cursor().iternext(values=False)
            self.names = [key.decode(errors="surrogateescape") for key in keys]
        if not self.names:
            raise no_images(self.path)

    def _opened(self) -> Any:
        """The database, for reading alone, without a lock file or read-ahead."""
        folder = self.path.is_dir()
        if folder and not (self.path / "data.mdb").is_file():
            raise UserError(f"dataset.path={self.path} holds no LMDB database (no data.mdb).")
        options = {"readonly": True, "lock": False, "readahead": False, "create": False}
        try:
            return self._lmdb.open(str(self.path), subdir=folder, **options)
        except self._lmdb.Error as error:
            why = reason(error)
            raise UserError(f"dataset.path={self.path} is no LMDB database ({why}).") from error

    def read(self, name: str) -> bytes:
        """The value of a key."""
        return bytes(self._value(name, bytes))

    def digest(self, name: str) -> bytes:
        """Its size and its first, middle and last bytes."""
        return bytes(self._value(name, sampled))

    def _value(self, name: str, take: Any) -> Any:
        """What is taken of a value while it may be looked at in place."""
        try:
            with self._database.begin(buffers=True) as transaction:
                return take(transaction.get(name.encode(errors="surrogateescape")))
        except self._lmdb.Error as error:
            raise self.unreadable(name, reason(error)) from error


def _library() -> Any:
    try:
        import lmdb
    except ImportError as error:
        raise UserError(
            "dataset=lmdb needs the package lmdb, which is not installed: type "
            "'uv sync --extra lmdb' (or 'pip install lmdb')."
        ) from error
    return lmdb
