"""Pickles written by hand, opcode by opcode."""

import pickle as p
import struct
from typing import Any

from pipeline.generators.checkpoints.limits import Budget
from pipeline.generators.checkpoints.nvidia import nvidia_names
from pipeline.generators.checkpoints.tensorflow import tensorflow_names
from pipeline.generators.checkpoints.torch_stream import nested_names
from pipeline.generators.checkpoints.unpickle import unpickle

ONE = p.BININT1 + b"\x01"


def read(data: bytes, budget: Budget | None = None) -> Any:
    """The object of a pickle, with every global admitted that any file may name."""
    budget = budget or Budget(len(data))
    names = nested_names(budget) | nvidia_names() | tensorflow_names()
    return unpickle(memoryview(bytearray(data)), names, budget)[0]


def text(value: str) -> bytes:
    raw = value.encode()
    return p.BINUNICODE + struct.pack("<I", len(raw)) + raw


def data(value: bytes) -> bytes:
    return p.BINBYTES + struct.pack("<I", len(value)) + value


def named(module: str, name: str) -> bytes:
    return p.GLOBAL + f"{module}\n{name}\n".encode()


def called(module: str, name: str, *arguments: bytes) -> bytes:
    return named(module, name) + p.MARK + b"".join(arguments) + p.TUPLE + p.REDUCE


def whole(*parts: bytes) -> bytes:
    return p.PROTO + b"\x04" + b"".join(parts) + p.STOP
