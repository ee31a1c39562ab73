"""Files of ``torch.save``, zip and legacy, read without ``torch.load``.

``torch.load(weights_only=True)`` would do for many of them, but it copies legacy files, lets a
pickle of a few bytes ask for any amount of memory (``bytearray`` is on its list, memo and zip
records are unbounded), and stops at what checkpoints do hold: ``argparse.Namespace``, NumPy
numbers, and the streams nested in NVIDIA's pickles, which its unpickler would hand to the
unrestricted ``torch.storage._load_from_bytes``.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

from pipeline.generators.checkpoints.archive import Archive
from pipeline.generators.checkpoints.leaves import Admitted, Storage, StoredTensor
from pipeline.generators.checkpoints.limits import Budget, RefusedError, shown
from pipeline.generators.checkpoints.machine import ITEM
from pipeline.generators.checkpoints.unpickle import unpickle
from pipeline.generators.checkpoints.vocabulary import plain_names

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
STORAGES = {
    "Float": torch.float32,
    "Double": torch.float64,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
}


def torch_names(budget: Budget) -> dict[str, Admitted]:
    """The globals that a stream of ``torch.save`` may name, with their stand-ins."""
    names = plain_names(budget)
    calls: dict[str, Callable[..., Any]] = {
        "torch._utils._rebuild_tensor": _tensor,
        "torch._utils._rebuild_tensor_v2": _tensor,
        "torch._utils._rebuild_parameter": _parameter,
        "torch._utils._rebuild_parameter_with_state": _parameter,
        "torch.Size": partial(_size, budget),
    }
    names |= {name: Admitted(name, call) for name, call in calls.items()}
    types = {f"torch.{name}Storage": dtype for name, dtype in STORAGES.items()}
    types |= {f"torch.{where}UntypedStorage": torch.uint8 for where in ("", "storage.")}
    return names | {name: Admitted(name, None, dtype) for name, dtype in types.items()}


def nested_names(budget: Budget) -> dict[str, Admitted]:
    """The same for pickles that hold each storage as a stream of its own."""
    name, names = "torch.storage._load_from_bytes", torch_names(budget)
    return names | {name: Admitted(name, partial(_nested, names, budget))}


def is_legacy(data: memoryview) -> bool:
    """Whether data start like a legacy stream: with a pickle of the magic number."""
    magic = MAGIC.to_bytes(10, "little")
    return len(data) > 14 and bytes(data[:1]) == b"\x80" and data[2:14] == b"\x8a\x0a" + magic


def read_legacy(data: memoryview, names: Mapping[str, Admitted], budget: Budget) -> Any:
    """The object of a legacy stream: five pickles, then the storages one after the other.

    Args:
        data: the stream.
        names: what it may name, as :func:`torch_names` gives it.
        budget: what it may cost.

    Raises:
        RefusedError: it is damaged or holds anything but plain data.
    """
    storages: dict[str, Storage] = {}
    found, position = [], 0
    for _ in range(5):
        value, length = unpickle(data[position:], names, budget, partial(_legacy_storage, storages))
        found.append(value)
        position += length
    _, protocol, system, content, keys = found
    if protocol != PROTOCOL or not isinstance(system, dict) or not isinstance(keys, list):
        raise RefusedError("its torch stream is damaged")
    if system.get("little_endian") is not True:
        raise RefusedError("it was written by a machine of the other byte order")
    _place(storages, keys, data[position:])
    return content


def read_zip(data: memoryview, budget: Budget) -> Any:
    """The object of a zip file of ``torch.save``.

    Raises:
        RefusedError: it is damaged or holds anything but plain data.
    """
    archive = Archive(data, budget)
    roots = [name[: -len("data.pkl")] for name in archive.entries if name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise RefusedError("it is a zip archive, but none of torch.save")
    root = roots[0]
    if f"{root}constants.pkl" in archive.entries:
        raise RefusedError("it is a TorchScript program, not a file of weights")
    if (
        f"{root}byteorder" in archive.entries
        and bytes(archive.read(f"{root}byteorder")) != b"little"
    ):
        raise RefusedError("it was written by a machine of the other byte order")
    find = partial(_zip_storage, archive, root, {})
    return unpickle(archive.read(f"{root}data.pkl"), torch_names(budget), budget, find)[0]


def _claim(name: Any, fields: int) -> tuple[torch.dtype, str, int]:
    """Type, key and number of elements that a persistent id asks for."""
    if type(name) is not tuple or len(name) < 5 or len(name) > fields or name[0] != "storage":
        raise RefusedError("it has a persistent id that is no storage")
    kind, key, count = name[1], name[2], name[4]
    if not isinstance(kind, Admitted) or kind.dtype is None or any(x is not None for x in name[5:]):
        raise RefusedError("it has a storage of an unknown kind")
    if not isinstance(key, str) or type(count) is not int or count < 0:
        raise RefusedError("it has a damaged storage")
    return kind.dtype, key, count


def _legacy_storage(storages: dict[str, Storage], name: Any) -> Storage:
    dtype, key, count = _claim(name, 6)
    storage = storages.setdefault(key, Storage(dtype, count))
    if (storage.dtype, storage.count) != (dtype, count):
        raise RefusedError("it describes a storage in two ways")
    return storage


def _zip_storage(archive: Archive, root: str, known: dict[str, Storage], name: Any) -> Storage:
    dtype, key, count = _claim(name, 5)
    if key not in known:
        known[key] = Storage(dtype, count, archive.read(f"{root}data/{key}"))
    if (known[key].dtype, known[key].count) != (dtype, count):
        raise RefusedError("it describes a storage in two ways")
    return known[key]


def _place(storages: dict[str, Storage], keys: list[Any], data: memoryview) -> None:
    """Give each storage of a legacy stream its part of the data, in the order of the keys."""
    position = 0
    for key in keys:
        storage = storages.get(key) if isinstance(key, str) else None
        if storage is None or int.from_bytes(data[position : position + 8], "little") != (
            storage.count
        ):
            raise RefusedError("it is truncated or damaged: the sizes of its tensors do not agree")
        storage.data = data[position + 8 : position + 8 + storage.size]
        position += 8 + storage.size
        if len(storage.data) < storage.size:
            raise RefusedError(f"it is truncated: a storage of {storage.size} bytes ends behind it")


def _nested(names: Mapping[str, Admitted], budget: Budget, data: Any) -> Storage:
    """The storage in a stream inside a pickle (the real one would unpickle anything)."""
    if not isinstance(data, memoryview) or not is_legacy(data):
        raise RefusedError("it holds a nested stream that torch.save did not write")
    storage = read_legacy(data, names, budget)
    if not isinstance(storage, Storage):
        raise RefusedError(f"it holds a nested {type(storage).__name__} where a storage belongs")
    return storage


def _tensor(
    storage: Any, offset: Any, shape: Any, strides: Any, *_gradient_and_hooks: Any
) -> StoredTensor:
    if not isinstance(storage, Storage):
        raise RefusedError(f"a tensor in it is cut from {shown(storage)}")
    return StoredTensor(storage, offset, shape, strides)


def _size(budget: Budget, items: Any) -> tuple[Any, ...]:
    if not isinstance(items, list | tuple):
        raise RefusedError("a size in it is damaged")
    budget.spend(ITEM * len(items))
    return tuple(items)


def _parameter(tensor: Any, *_gradient_hooks_and_state: Any) -> StoredTensor:
    if not isinstance(tensor, StoredTensor):
        raise RefusedError(f"a parameter in it is {shown(tensor)}")
    return tensor
