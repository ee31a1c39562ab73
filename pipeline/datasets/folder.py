"""Images in a folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.datasets.source import SAMPLED, ImageSource, is_image, no_images
from pipeline.disk import reason
from pipeline.errors import UserError


class ImageFolder(ImageSource):
    """Every image below a folder, at any depth; hidden files and other files are passed over.

    Names are paths relative to the folder, in the order of their characters.

    Args:
        path: the folder.

    Raises:
        UserError: it is no folder, cannot be read, or holds no image.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise UserError(f"dataset.path={path} is no folder; a zip file is read by dataset=zip.")
        self.names = sorted(filter(is_image, self._files()))
        if not self.names:
            raise no_images(self.path)

    def _files(self) -> Iterator[str]:
        for folder, _, files in os.walk(self.path, onerror=self._refuse):
            below = Path(folder).relative_to(self.path)
            yield from ((below / file).as_posix() for file in files)

    def _refuse(self, error: OSError) -> None:
        raise UserError(
            f"dataset.path={self.path}: the folder '{error.filename}' cannot be read "
            f"({reason(error)})."
        ) from error

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise self.unreadable(name, reason(error)) from error

    def digest(self, name: str) -> bytes:
        """Its size and its first, middle and last bytes."""
        try:
            with (self.path / name).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                pieces = [size.to_bytes(8, "big")]
                for start in (0, size // 2 - SAMPLED // 2, size - SAMPLED):
                    file.seek(max(0, start))
                    pieces.append(file.read(SAMPLED))
        except OSError as error:
            raise self.unreadable(name, reason(error)) from error
        return b"".join(pieces)
