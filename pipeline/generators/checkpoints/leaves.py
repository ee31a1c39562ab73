"""What a foreign file is built of while it is read: inert stand-ins that carry data only."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.generators.checkpoints.limits import RefusedError, shown

MAX_DIMENSIONS, MAX_EMPTY = 16, 1 << 20
NUMPY_DTYPES = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")


@dataclass(frozen=True)
class Admitted:
    """A global that a file may name, with what stands in for it.

    Attributes:
        name: module and name.
        call: what a call of it gives; None where it is only ever named.
        dtype: the type of the elements, if it is a class of storages.
    """

    name: str
    call: Callable[..., Any] | None = None
    dtype: torch.dtype | None = None


@dataclass(frozen=True, eq=False)
class Text:
    """A long text, left in the file: it may be source code, which nobody needs to decode."""

    utf8: memoryview


class Stateful(ABC):
    """Something that a file gives its state after it was made."""

    @abstractmethod
    def set_state(self, state: Any) -> None:
        """Take over a state; raises :class:`RefusedError` if it is not of the expected kind."""


class Record(dict[Any, Any], Stateful):
    """An object of a foreign class: the name of the class and what the object held."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def set_state(self, state: Any) -> None:
        """Take over the attributes of the object."""
        if not isinstance(state, dict):
            raise RefusedError(f"the state of a '{shown(self.kind)}' is no mapping")
        self.update(state)


class Leaf(ABC):
    """Numbers that lie in the file."""

    @abstractmethod
    def tensor(self) -> Tensor:
        """The numbers as a tensor that shares the memory of the file where it can.

        Raises:
            RefusedError: more is claimed than the file holds.
        """


@dataclass
class Storage:
    """The elements that tensors are cut from; ``data`` is filled in when its place is known."""

    dtype: torch.dtype
    count: int
    data: memoryview | None = None

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.count * self.dtype.itemsize

    def elements(self) -> Tensor:
        """The elements ``[count]``, without a copy."""
        if self.data is None or len(self.data) < self.size:
            raise RefusedError("a tensor's data are missing or truncated")
        if not self.count:
            return torch.empty(0, dtype=self.dtype)
        if self.dtype == torch.bool:
            return torch.frombuffer(self.data, dtype=torch.uint8, count=self.count) != 0
        return torch.frombuffer(self.data, dtype=self.dtype, count=self.count)


@dataclass(frozen=True)
class StoredTensor(Leaf):
    """A tensor: a storage, where in it the tensor starts, its shape and its strides."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self) -> None:
        check_shape(self.shape)
        check_shape(self.strides)
        if len(self.strides) != len(self.shape) or type(self.offset) is not int or self.offset < 0:
            raise RefusedError("the layout of a tensor is damaged")

    def tensor(self) -> Tensor:
        """A view of the storage."""
        if not prod(self.shape):
            return torch.empty(self.shape, dtype=self.storage.dtype)
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if max(last + 1, prod(self.shape)) > self.storage.count:
            raise RefusedError(f"a tensor of shape {shown(self.shape)} does not fit its data")
        return self.storage.elements().as_strided(self.shape, self.strides, self.offset)


class StoredDtype(Stateful):
    """The type of a NumPy array's elements: plain numbers only."""

    def __init__(self, code: Any, _align: Any = False, _copy: Any = True) -> None:
        if not isinstance(code, str) or code.lstrip("<>=|") not in NUMPY_DTYPES:
            raise RefusedError(f"arrays of NumPy's type '{shown(code)}' are not plain numbers")
        self.dtype = np.dtype(code)

    def set_state(self, state: Any) -> None:
        """Take over the byte order, the only part of the state that plain numbers have."""
        if type(state) is not tuple or len(state) < 2 or state[1] not in ("<", ">", "=", "|"):
            raise RefusedError("the state of a NumPy type is damaged")
        self.dtype = self.dtype.newbyteorder(state[1])


@dataclass
class StoredArray(Stateful, Leaf):
    """A NumPy array: the type of its elements, its shape, their order and the data."""

    dtype: StoredDtype | None = None
    shape: tuple[int, ...] = ()
    fortran: bool = False
    data: memoryview = field(default_factory=lambda: memoryview(b""))

    def set_state(self, state: Any) -> None:
        """Take over what NumPy's ``__setstate__`` does."""
        if type(state) is not tuple or len(state) != 5 or not isinstance(state[2], StoredDtype):
            raise RefusedError("the state of a NumPy array is damaged")
        _, self.shape, self.dtype, fortran, data = state
        self.fortran, self.data = bool(fortran), as_bytes(data)
        check_shape(self.shape)

    def array(self) -> np.ndarray[Any, Any]:
        """The array, without a copy."""
        if self.dtype is None or prod(self.shape) * self.dtype.dtype.itemsize != len(self.data):
            raise RefusedError(f"an array of shape {shown(self.shape)} does not fit its data")
        if not prod(self.shape):
            return np.empty(self.shape, self.dtype.dtype)
        flat = np.frombuffer(self.data, self.dtype.dtype)
        return flat.reshape(self.shape, order="F" if self.fortran else "C")

    def tensor(self) -> Tensor:
        """The array in the machine's byte order; a view of the file where that is the file's."""
        array = self.array()
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))


def as_bytes(data: Any) -> memoryview:
    """Data of an array; those that Python 2 wrote come as text, one character per byte."""
    if isinstance(data, memoryview):
        return data
    if isinstance(data, str):
        return memoryview(bytearray(data, "latin-1"))
    raise RefusedError(f"the data of an array are a {type(data).__name__}")


def check_shape(shape: Any) -> None:
    """Refuse what is no shape, or one so large that its product alone could hurt."""
    if type(shape) is not tuple or len(shape) > MAX_DIMENSIONS:
        raise RefusedError("the shape of a tensor is damaged")
    if not all(type(n) is int and 0 <= n < 1 << 48 for n in shape):
        raise RefusedError(f"a tensor has the impossible shape {shown(shape)}")
    if 0 in shape and max(shape) > MAX_EMPTY:
        raise RefusedError(f"an empty tensor has the impossible shape {shown(shape)}")
