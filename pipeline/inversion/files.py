"""Where pictures to invert lie."""

from pathlib import Path

from pipeline.datasets.source import SUFFIXES, is_image
from pipeline.errors import UserError


def image_files(given: str | Path | None) -> list[Path]:
    """The pictures of a path: the file itself, or those of a folder in the order of their names.

    Raises:
        UserError: no path is given, there is none, or the folder holds no picture.
    """
    if given is None or not str(given):
        raise UserError(
            "codes=inversion needs pictures: add codes.images=PATH, a file or a folder."
        )
    path = Path(given).expanduser()
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"codes.images={given}: there is no such file or folder.")
    files = sorted(f for f in path.iterdir() if is_image(f.name) and f.is_file())
    if not files:
        raise UserError(
            f"codes.images={given}: the folder holds no picture; their names must end in one of "
            f"{', '.join(SUFFIXES)}."
        )
    return files
