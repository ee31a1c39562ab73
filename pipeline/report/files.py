"""Text files that are either whole or not there."""

import os
from pathlib import Path


def write_text(text: str, path: Path) -> None:
    """Write a text file under a temporary name, then rename it.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
