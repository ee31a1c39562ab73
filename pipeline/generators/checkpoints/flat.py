"""Foreign objects made flat: nested keys joined with dots, tensors cut from the file."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from pipeline.generators.checkpoints.leaves import Leaf, Storage, Text
from pipeline.generators.checkpoints.limits import FLOOR, RefusedError

MAX_NODES, MAX_DEPTH, MAX_NAME = 200_000, 40, 1000
MAX_SHARING = 2.2
"""How often the bytes of a file may be claimed: a network and its average may share them, and
those of half precision count twice."""

Flat = dict[str, Any]


def flatten(tree: Any, size: int) -> Flat:
    """The leaves of an object, by the keys and indices that lead to them.

    Long texts and data that are no array, such as source code, are left out, and so is None.

    Args:
        tree: what was read from a file.
        size: of the file, which the tensors may not exceed by much.

    Returns:
        Tensors, plain values, and lists of plain values.

    Raises:
        RefusedError: the object is nested without end, or claims more than the file holds.
    """
    flat: Flat = {}
    claimed = 0
    for name, leaf in _leaves(tree):
        if name in flat:
            raise RefusedError("two of its entries have the same name")
        flat[name] = leaf.tensor() if isinstance(leaf, Leaf) else leaf
        if isinstance(flat[name], Tensor):
            claimed += 4 * flat[name].numel()  # in float32, as networks are
    if claimed > MAX_SHARING * size + FLOOR:
        raise RefusedError(f"its tensors claim {claimed} bytes, and the file has only {size}")
    return flat


def _leaves(tree: Any) -> Iterator[tuple[str, Any]]:
    pending, nodes = [("", tree, 0)], 0
    while pending:
        name, value, depth = pending.pop()
        nodes += 1
        if nodes > MAX_NODES or depth > MAX_DEPTH or len(name) > MAX_NAME:
            raise RefusedError("its content is nested or repeated without end")
        nodes += len(value) if isinstance(value, list | tuple | dict) else 0
        if isinstance(value, dict):
            children = list(value.items())
        elif isinstance(value, list | tuple) and not all(map(is_plain, value)):
            children = list(enumerate(value))
        else:
            if not isinstance(value, Text | memoryview | Storage | None):
                yield name, value
            continue
        prefix = f"{name}." if depth else ""
        pending += [(f"{prefix}{key}", child, depth + 1) for key, child in reversed(children)]


def is_plain(value: Any) -> bool:
    """Whether a value is a number, a truth value, a short text or None."""
    return value is None or isinstance(value, bool | int | float | str)
