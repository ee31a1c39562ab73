"""Where pictures come from: encoded images under names, in an order that never changes."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pipeline.errors import UserError

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
SAMPLED = 4096  # bytes of the beginning, the middle and the end that stand for a content


class ImageSource(ABC):
    """A set of encoded images.

    Attributes:
        path: where they lie.
        names: in the order they are read in, which depends on the names alone.
    """

    path: Path
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The encoded image of a name.

        Raises:
            UserError: it cannot be read.
        """

    @abstractmethod
    def digest(self, name: str) -> bytes:
        """What stands for an image's content: its size and a checksum, or some of its bytes."""

    def fingerprint(self, names: Sequence[str]) -> str:
        """Hash of the names and contents of some images, 16 hex digits.

        It is cheap: of large sets it does not read everything. Where a format keeps no checksums, a
        change that leaves the size of a file and its first, middle and last 4 KiB as they were goes
        unseen.

        Raises:
            UserError: an image cannot be read.
        """
        whole = hashlib.sha256()
        for name in names:
            content = self.digest(name)
            whole.update(f"\n{name}\n{len(content)}\n".encode(errors="surrogateescape") + content)
        return whole.hexdigest()[:16]

    def unreadable(self, name: str, reason: object) -> UserError:
        """The error for one image of the set."""
        return UserError(
            f"dataset.path={self.path}: the image '{name}' cannot be read ({reason}): mend it or "
            "take it out."
        )


def sampled(data: bytes | memoryview) -> bytes:
    """Size and three pieces of a content."""
    starts = (0, max(0, len(data) // 2 - SAMPLED // 2), max(0, len(data) - SAMPLED))
    pieces = [bytes(data[start : start + SAMPLED]) for start in starts]
    return b"".join([len(data).to_bytes(8, "big"), *pieces])


def is_image(name: str) -> bool:
    """Whether a name is that of an image, and neither it nor a folder above is hidden."""
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not hidden and name.lower().endswith(SUFFIXES)


def required_path(path: str | Path | None, dataset: str) -> Path:
    """The path of a dataset, which the user has to give.

    Raises:
        UserError: it was not given, or nothing is there.
    """
    if path is None or not str(path):
        raise UserError(f"dataset={dataset} needs images: add dataset.path=PATH.")
    found = Path(path).expanduser()
    if not found.exists():
        raise UserError(f"dataset={dataset}: there is nothing at dataset.path={path}.")
    return found


def no_images(path: Path) -> UserError:
    """The error for a set without images."""
    return UserError(
        f"dataset.path={path} holds no images: names must end in one of {', '.join(SUFFIXES)}."
    )
