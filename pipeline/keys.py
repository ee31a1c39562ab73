"""What the store files results under: a hash of everything that determines them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum


def key(stage: str, version: int, settings: Mapping[str, object], upstream: Sequence[str]) -> str:
    """The hash that the result of a stage is kept under, 64 hex digits.

    Args:
        stage: the name of the stage.
        version: the version of its code, raised whenever its results change.
        settings: what its result depends on: None, bool, int, float, str, enums, and lists,
            tuples, mappings (in any order) and dataclasses of them.
        upstream: the keys of what it takes, in order, and the fingerprints of weights.

    Raises:
        TypeError: a setting is of another type. Paths are refused because a path is not what the
            file holds: put a hash of the content there.
    """
    said = {"settings": settings, "stage": stage, "upstream": list(upstream), "version": version}
    text = json.dumps(_canonical(said), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: object) -> object:
    """A setting in the one form that is hashed; enums, StrEnums among them, as their values."""
    if isinstance(value, Enum):
        return _canonical(value.value)
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_canonical(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _canonical(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {_canonical(name): _canonical(item) for name, item in value.items()}
    raise TypeError(f"a {type(value).__name__} cannot be part of a store key: {value!r}")
