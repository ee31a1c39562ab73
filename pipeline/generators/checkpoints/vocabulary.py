"""The globals that any foreign file may name: plain containers, bytes and NumPy's arrays."""

import argparse
from codecs import getincrementaldecoder
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from pipeline.generators.checkpoints.leaves import (
    Admitted,
    Record,
    StoredArray,
    StoredDtype,
    Text,
    as_bytes,
    check_shape,
)
from pipeline.generators.checkpoints.limits import Budget, RefusedError, shown
from pipeline.generators.checkpoints.machine import ITEM, plain_key

CHUNK = 1 << 20
NAMESPACE = f"{argparse.Namespace.__module__}.{argparse.Namespace.__qualname__}"


def plain_names(budget: Budget) -> dict[str, Admitted]:
    """The stand-ins of the globals that carry no code, by name.

    Args:
        budget: what decoding may cost.
    """
    calls: dict[str, Callable[..., Any] | None] = {
        "collections.OrderedDict": partial(_mapping, budget),
        "builtins.set": partial(_items, budget),
        "__builtin__.set": partial(_items, budget),
        "builtins.bytes": _no_bytes,
        "__builtin__.bytes": _no_bytes,
        "_codecs.encode": partial(_encode, budget),
        NAMESPACE: partial(Record, NAMESPACE),
        "dnnlib.util.EasyDict": partial(_mapping, budget),
        "numpy.dtype": StoredDtype,
        "numpy.ndarray": None,
    }
    for core in ("numpy.core", "numpy._core"):
        calls[f"{core}.multiarray._reconstruct"] = _empty_array
        calls[f"{core}.multiarray.scalar"] = _scalar
        calls[f"{core}.numeric._frombuffer"] = _array
    return {name: Admitted(name, call) for name, call in calls.items()}


def _mapping(budget: Budget, pairs: Any = ()) -> dict[Any, Any]:
    """An ordered dictionary; Python 2 gives its items in the call."""
    if not isinstance(pairs, list | tuple):
        raise RefusedError("an ordered dictionary in it is damaged")
    budget.spend(ITEM * len(pairs))
    return {plain_key(key): value for key, value in pairs}


def _items(budget: Budget, items: Any = ()) -> list[Any]:
    """A set, as a list: it is never hashed."""
    if not isinstance(items, list | tuple):
        raise RefusedError("a set in it is damaged")
    budget.spend(ITEM * len(items))
    return list(items)


def _no_bytes() -> memoryview:
    """Empty bytes, as Python 3 writes them into pickles of protocol 2."""
    return memoryview(b"")


def _encode(budget: Budget, text: Any, encoding: Any) -> memoryview:
    """Bytes as Python 3 writes them into pickles of protocol 2: each one a character."""
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str | Text):
        raise RefusedError("it encodes text in an unknown way")
    raw = memoryview(text.encode()) if isinstance(text, str) else text.utf8
    budget.copy(len(raw))
    decoder, data = getincrementaldecoder("utf-8")(), bytearray()
    for start in range(0, len(raw), CHUNK):
        last = start + CHUNK >= len(raw)
        data += decoder.decode(raw[start : start + CHUNK], last).encode("latin-1")
    return memoryview(data)


def _empty_array(_kind: Any, _shape: Any, _type: Any) -> StoredArray:
    """An array that gets its content by the state that follows."""
    return StoredArray()


def _scalar(dtype: Any, data: Any) -> Any:
    """A NumPy number, as a plain one."""
    if not isinstance(dtype, StoredDtype) or len(as_bytes(data)) != dtype.dtype.itemsize:
        raise RefusedError("a NumPy number in it is damaged")
    return np.frombuffer(as_bytes(data), dtype.dtype)[0].item()


def _array(data: Any, dtype: Any, shape: Any, order: Any) -> StoredArray:
    """An array as NumPy writes it with pickle protocol 5."""
    if not isinstance(dtype, StoredDtype) or order not in ("C", "F"):
        raise RefusedError(f"a NumPy array in it has the order {shown(order)}")
    check_shape(shape)
    return StoredArray(dtype, shape, order == "F", as_bytes(data))
