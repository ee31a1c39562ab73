"""The derivative of a function at a point, recorded as the linear operations that it consists of.

Forward mode computes a value and its derivative side by side, and all of it again for every
direction. Of what it runs only the operations on the tangent are kept here, with everything else
as their constants, and of these only the ones that do something: forward mode also copies, and adds
zeros. A column of an image's Jacobian then costs what an image costs, where forward mode itself
takes up to twice as long (``scripts/benchmark.py jacobian``).

``torch.func.linearize`` records by a compiler's tracer and leaves the copies in: its recording
takes as long as hundreds of columns of a small generator, this one as some forty.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten
from torch.utils.weak import WeakTensorKeyDictionary

aten = torch.ops.aten

_COPIES = {
    aten.alias.default,
    aten.clone.default,
    aten.copy.default,
    aten.detach.default,
    aten._to_copy.default,
}
_VIEWS = {aten.expand.default, aten.view.default, aten._unsafe_view.default}
_QUESTIONS = {aten._has_same_storage_numel.default, aten.is_same_size.default}
_LAYOUT_FREE = dict.fromkeys((aten.view.default, aten._unsafe_view.default), aten.reshape.default)


class NotRecordableError(Exception):
    """The derivative is no fixed sequence of operations that return new values."""


@dataclass(frozen=True)
class _Slot:
    """Stands for a value that depends on the tangent."""

    index: int


@dataclass(frozen=True)
class _Operation:
    """One call, its arguments flat; constants as they are, other values as slots."""

    call: Callable[..., Any]
    leaves: list[Any]
    layout: TreeSpec
    results: list[int]


@dataclass(frozen=True)
class Recording:
    """A linear function: what the derivative does to a tangent.

    Attributes:
        operations: in the order of their calls.
        result: slot of the derivative; None where it is zero.
        value: of the function at the point.
    """

    operations: Sequence[_Operation]
    result: int | None
    value: Tensor

    def along(self, tangent: Tensor) -> Tensor:
        """The derivative along a tangent; works under ``vmap`` and ``vjp``."""
        if self.result is None:
            return torch.zeros_like(self.value) + 0 * tangent.sum()
        values: dict[int, Any] = {0: tangent}
        for operation, done in zip(self.operations, self._last_uses, strict=True):
            leaves = [values[x.index] if isinstance(x, _Slot) else x for x in operation.leaves]
            args, kwargs = tree_unflatten(leaves, operation.layout)
            results = tree_flatten(operation.call(*args, **kwargs))[0]
            values.update(zip(operation.results, results, strict=True))
            for index in done:
                del values[index]
        derivative: Tensor = values[self.result]
        return derivative

    @property
    def num_bytes(self) -> int:
        """Memory that the constants take, those of the network included."""
        storages = {
            leaf.untyped_storage().data_ptr(): leaf.untyped_storage().nbytes()
            for operation in self.operations
            for leaf in operation.leaves
            if isinstance(leaf, Tensor)
        }
        return sum(storages.values())

    @cached_property
    def _last_uses(self) -> list[list[int]]:
        """Per operation, the slots that no later one reads."""
        last = {r: k for k, operation in enumerate(self.operations) for r in operation.results}
        for k, operation in enumerate(self.operations):
            last |= {x.index: k for x in operation.leaves if isinstance(x, _Slot)}
        done: list[list[int]] = [[] for _ in self.operations]
        for index, k in last.items():
            if index != self.result:
                done[k].append(index)
        return done


def record(function: Callable[[Tensor], Tensor], point: Tensor) -> Recording:
    """The derivative of a function at a point.

    On a CPU the recording's constants lie with their channels last, the layout in which
    convolutions are fastest there.

    Raises:
        NotRecordableError: something on the way changes a tensor that is looked at elsewhere too,
            depends on strides, or is not linear in the tangent.
    """
    random = torch.Generator().manual_seed(0)
    tangent = torch.randn(point.shape, generator=random, dtype=point.dtype).to(point.device)
    recorder = _Recorder(tangent)
    with torch.no_grad(), quiet(), forward_ad.dual_level(), recorder:
        dual = function(forward_ad.make_dual(point, tangent))
        value, derivative = forward_ad.unpack_dual(dual)
    slot = None if derivative is None else recorder.slots.get(derivative)
    recording = Recording(recorder.operations, slot, value.clone())
    with torch.no_grad():
        _verify(recording, tangent, torch.zeros_like(value) if derivative is None else derivative)
    return recording


@contextmanager
def quiet() -> Iterator[None]:
    """Torch compiles its forward-mode rules on first use, by its own deprecated function."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`torch.jit.script` is")
        yield


class _Recorder(TorchDispatchMode):
    """Runs everything and keeps the operations that depend on the tangent."""

    def __init__(self, tangent: Tensor) -> None:
        super().__init__()
        self.operations: list[_Operation] = []
        self.slots = WeakTensorKeyDictionary({tangent: 0})
        self._laid_out = WeakTensorKeyDictionary()
        self._count = 1

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Call an operation, and keep it if it must be."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        leaves, layout = tree_flatten((args, kwargs))
        slots = [self.slots.get(x) if isinstance(x, Tensor) else None for x in leaves]
        results = tree_flatten(out)[0]
        if all(slot is None for slot in slots) or _is_about_shapes(func, results):
            return out
        if func._schema.is_mutable:
            func = self._out_of_place(func, leaves[0], out)
        if func is aten.as_strided.default:  # it depends on the layout, which may change
            raise NotRecordableError(str(func))
        same = _unchanged(func, leaves, slots, out)
        if same is not None:
            self.slots[out] = same
            return out
        for result in results:
            if not isinstance(result, Tensor):
                raise NotRecordableError(str(func))
            self.slots[result] = self._count
            self._count += 1
        keep = self._constant if func is not aten.convolution.default else lambda x: x
        named = [
            keep(x) if slot is None else _Slot(slot) for x, slot in zip(leaves, slots, strict=True)
        ]
        indices = [self.slots[result] for result in results]
        self.operations.append(_Operation(_LAYOUT_FREE.get(func, func), named, layout, indices))
        return out

    def _constant(self, x: Any) -> Any:
        """An argument that does not depend on the tangent, in the layout that is fastest."""
        if not isinstance(x, Tensor) or x.ndim != 4 or x.device.type != "cpu":
            return x
        if x not in self._laid_out:
            self._laid_out[x] = x.contiguous(memory_format=torch.channels_last)
        return self._laid_out[x]

    def _out_of_place(self, func: Any, changed: Any, out: Any) -> Any:
        """The operation that returns what another one leaves in its first argument."""
        name = func._schema.name.removeprefix("aten::")
        packet = getattr(aten, name.removesuffix("_"), None)
        found = getattr(packet, func._overloadname, None)
        place = changed.untyped_storage().data_ptr()
        views = [x for x in self.slots if x.untyped_storage().data_ptr() == place]
        if not name.endswith("_") or found is None or out is not changed or len(views) > 1:
            raise NotRecordableError(str(func))
        return found


def _verify(recording: Recording, tangent: Tensor, derivative: Tensor) -> None:
    """Refuse a recording that lost track of the tangent, or whose constants changed afterwards."""
    error = (recording.along(tangent) - derivative).abs().max()
    if not error <= 1e-3 * derivative.abs().max():
        raise NotRecordableError("the recorded derivative is another")
    if recording.along(torch.zeros_like(tangent)).any():
        raise NotRecordableError("a zero tangent does not give zero")


def _is_about_shapes(func: Any, results: Sequence[Any]) -> bool:
    """Whether an operation only asks what a tensor looks like."""
    return func in _QUESTIONS or all(
        isinstance(x, Tensor) and x.device.type == "meta" for x in results
    )


def _unchanged(
    func: Any, leaves: Sequence[Any], slots: Sequence[int | None], out: Any
) -> int | None:
    """The slot of an argument that an operation returns as it is, a copy, or plus zero."""
    dependent = [k for k, slot in enumerate(slots) if slot is not None]
    if func is aten.copy.default:
        dependent = [1]  # whatever it is copied over
    given = leaves[dependent[0]]
    if len(dependent) > 1 or not isinstance(out, Tensor):
        return None
    if out.shape != given.shape or out.dtype != given.dtype or out.device != given.device:
        return None
    others = [x for k, x in enumerate(leaves) if k not in dependent]
    zero_added = func is aten.add.Tensor and not any(_is_nonzero(x) for x in others)
    return slots[dependent[0]] if func in _COPIES | _VIEWS or zero_added else None


def _is_nonzero(x: Any) -> bool:
    return bool(x.any()) if isinstance(x, Tensor) else x != 0
