"""Foreign files: told apart by their content, never by their name, and read into a flat mapping."""

import mmap
import struct
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from pipeline.disk import reason
from pipeline.errors import UserError
from pipeline.generators.checkpoints.flat import flatten
from pipeline.generators.checkpoints.limits import Budget, RefusedError
from pipeline.generators.checkpoints.nvidia import is_nvidia, nvidia_names, nvidia_tree
from pipeline.generators.checkpoints.tensorflow import (
    is_tensorflow,
    tensorflow_names,
    tensorflow_tree,
)
from pipeline.generators.checkpoints.torch_stream import (
    is_legacy,
    nested_names,
    read_legacy,
    read_zip,
    torch_names,
)
from pipeline.generators.checkpoints.unpickle import unpickle

WINDOW = 512
MISFITS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a file that is not what it seems makes torch, NumPy or a family's code raise."""

PICKLES = (b"\x80", b"(", b"c", b"]", b"}", b"l", b"d")
"""What pickles start with: their protocol, or what they hold where they are of protocol 0 or 1."""

MISTAKEN = (
    (
        b"version https://git-lfs",
        "it is a pointer of Git LFS: fetch the file itself (git lfs pull)",
    ),
    (b"\x1f\x8b", "it is compressed with gzip: unpack it first"),
    (b"BZh", "it is compressed with bzip2: unpack it first"),
    (b"\xfd7zXZ", "it is compressed with xz: unpack it first"),
    (b"7z\xbc\xaf", "it is a 7-zip archive: unpack it first"),
    (b"Rar!", "it is a RAR archive: unpack it first"),
    (b"\x89HDF", "it is an HDF5 file; no generator known here comes as one"),
)
PAGE = (
    "it is a web page, not weights: the download failed (a login, a quota or a moved address); "
    "download it again and look at what arrives"
)


def refuse(path: str | Path, why: object) -> UserError:
    """The error for a file that cannot be used: one line, whatever names the file holds."""
    text = f"checkpoint={path}: {str(why)[:1000]}."
    return UserError("".join(c if c.isprintable() else "?" for c in text))


def map_file(path: Path) -> memoryview:
    """The bytes of a file, mapped into memory; writing to them does not reach the file.

    Raises:
        UserError: there is no such file, or it cannot be read, or it is empty.
    """
    try:
        if not path.is_file():
            raise refuse(path, "it is no file" if path.exists() else "there is no such file")
        with path.open("rb") as file:
            if not file.seek(0, 2):
                raise refuse(path, "it is empty: the download failed; get it again")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    except OSError as error:
        raise refuse(path, f"it cannot be read ({reason(error)})") from error


def is_safetensors(data: memoryview) -> bool:
    """Whether a file starts with the length of a JSON header and the header's first brace."""
    if len(data) < 9 or bytes(data[8:9]) != b"{":
        return False
    (length,) = struct.unpack("<Q", data[:8])
    return bool(length < 1 << 32)


def read_content(path: Path, data: memoryview) -> dict[str, Any]:
    """The content of a foreign file, flat; large tensors share the memory of the file.

    Args:
        path: the file, for errors.
        data: its bytes.

    Raises:
        UserError: it is damaged, holds anything but plain data, or is no file of weights.
    """
    try:
        if is_safetensors(data):
            return _safetensors(path)
        content = flatten(_tree(data, Budget(len(data))), len(data))
        _forget(data)
        return content
    except RefusedError as refused:
        raise refuse(path, refused) from refused
    except MISFITS as error:
        raise refuse(path, f"it is damaged ({reason(error)[:200]})") from error


def _tree(data: memoryview, budget: Budget) -> Any:
    start = bytes(data[:WINDOW])
    _refuse_mistaken(start)
    if start.startswith(b"PK"):
        return read_zip(data, budget)
    if is_legacy(data):
        return read_legacy(data, torch_names(budget), budget)
    if start[257:262] == b"ustar":
        raise RefusedError("it is a tar archive: unpack it and give the file of weights inside")
    if start[:1] not in PICKLES:
        raise RefusedError("it is no file of weights: neither a pickle, nor zip, nor safetensors")
    names = nested_names(budget) | nvidia_names() | tensorflow_names()
    tree, _ = unpickle(data, names, budget)
    if is_tensorflow(tree):
        return tensorflow_tree(tree)
    return nvidia_tree(tree) if is_nvidia(tree) else tree


def _forget(data: memoryview) -> None:
    """Give back the memory of what was read of a mapped file; the file still holds it."""
    if isinstance(data.obj, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        data.obj.madvise(mmap.MADV_DONTNEED)


def _refuse_mistaken(start: bytes) -> None:
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise RefusedError(PAGE)
    for sign, what in MISTAKEN:
        if start.startswith(sign):
            raise RefusedError(what)


def _safetensors(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise RefusedError(f"it is damaged ({reason(error)})") from error
