"""Images in a zip file."""

import zlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from pipeline.datasets.source import ImageSource, is_image, no_images
from pipeline.disk import reason
from pipeline.errors import UserError

DAMAGED = (BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError, zlib.error)
"""What the library raises for broken, encrypted and unknown members."""


class ImageZip(ImageSource):
    """Every image of a zip file, read where it lies; hidden members and others are passed over.

    Names are those of the members, in the order of their characters. The checksums that a zip keeps
    of all bytes make the content hash exact and free.

    Args:
        path: the file.

    Raises:
        UserError: it is no zip file, or holds no image.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._zip = ZipFile(self.path)
        except (BadZipFile, OSError) as error:
            why = "a folder is read by dataset=folder" if self.path.is_dir() else reason(error)
            raise UserError(f"dataset.path={path} is no zip file ({why}).") from error
        self._members = {m.filename: m for m in self._zip.infolist() if is_image(m.filename)}
        self.names = sorted(self._members)
        if not self.names:
            raise no_images(self.path)

    def read(self, name: str) -> bytes:
        """The bytes of a member, checked against its checksum."""
        try:
            return self._zip.read(self._members[name])
        except DAMAGED as error:
            raise self.unreadable(name, reason(error)) from error

    def digest(self, name: str) -> bytes:
        """Its size and its checksum."""
        member = self._members[name]
        return f"{member.file_size} {member.CRC:08x}".encode()
