"""The entries of the store: a folder of files with a manifest that says what belongs in it."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import __version__
from pipeline.disk import replace_file, sync_file, sync_folder
from pipeline.errors import UserError
from pipeline.records import plain

if TYPE_CHECKING:
    from torch import Tensor

MANIFEST = "manifest.json"
FORMAT = 1
HASHED_BYTES = 64 * 2**20


class DamagedError(Exception):
    """An entry is not what was written: says which file, and what is wrong with it."""


def seal(folder: Path, key: str, settings: Mapping[str, object] | None, seconds: float) -> None:
    """Bring a folder's files to the disk, and write the manifest as the last of them.

    Raises:
        OSError: the disk is full, or fails.
        ValueError: there is a file of the manifest's name.
    """
    if (folder / MANIFEST).exists():
        raise ValueError(f"an artefact may not hold a file named {MANIFEST}: it is the store's own")
    readers = folder.stat().st_mode & 0o444
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        sync_file(path)
        path.chmod(path.stat().st_mode | readers)  # safetensors and others write for the owner only
        name = path.relative_to(folder).as_posix()
        files[name] = {"bytes": path.stat().st_size, "sha256": _sha256(path)}
    manifest = {
        "format": FORMAT,
        "key": key,
        "files": files,
        "settings": plain(settings),
        "seconds": seconds,
        "version": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    for inner in (path for path in folder.rglob("*") if path.is_dir()):
        sync_folder(inner)
    replace_file(folder / MANIFEST, json.dumps(manifest, indent=2).encode())


def check(folder: Path, key: str) -> float:
    """Make sure that an entry is whole: sizes of all files, sha256 of those up to 64 MiB.

    Returns:
        The seconds it took to make.

    Raises:
        DamagedError: it is not.
    """
    seconds, files = _manifest(folder, key)
    for name, size, digest in files:
        path = folder / name
        try:
            found = path.stat().st_size
            if found != size:
                raise DamagedError(f"file {name} has {found} of {size} bytes")
            if size <= HASHED_BYTES and _sha256(path) != digest:
                raise DamagedError(f"file {name} is not what was written")
        except FileNotFoundError as error:
            raise DamagedError(f"file {name} is missing") from error
        except OSError as error:
            raise DamagedError(f"file {name} cannot be read, {error.strerror}") from error
    return seconds


def _manifest(folder: Path, key: str) -> tuple[float, list[tuple[str, int, str]]]:
    """Seconds, and name, size and sha256 of every file."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if manifest["format"] != FORMAT or manifest["key"] != key:
            raise DamagedError(f"{MANIFEST} is of another entry or format")
        items = manifest["files"].items()
        files = [(str(name), int(said["bytes"]), str(said["sha256"])) for name, said in items]
        return float(manifest["seconds"]), files
    except FileNotFoundError as error:
        raise DamagedError(f"file {MANIFEST} is missing") from error
    except OSError as error:
        raise DamagedError(f"file {MANIFEST} cannot be read, {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"file {MANIFEST} is garbage") from error


def save_tensors(path: Path, tensors: Mapping[str, "Tensor"]) -> None:
    """Write tensors of any device and layout as one safetensors file."""
    from safetensors.torch import save

    held = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    path.write_bytes(save(held))


def load_tensors(path: Path) -> dict[str, "Tensor"]:
    """The tensors of a file of an artefact, on the CPU.

    Raises:
        UserError: the file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error


def load_json(path: Path) -> Any:
    """The content of a JSON file of an artefact.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        return json.loads(path.read_bytes())
    except (ValueError, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(
        f"The artefact file {path} cannot be read ({str(error).splitlines()[0]}): "
        f"delete the folder {path.parent} and run the same command again."
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
