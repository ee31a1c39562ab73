"""An interpreter of pickles that builds plain data and runs nothing of the file's choosing.

Python's own ``pickle.Unpickler`` with an overridden ``find_class`` is not enough: it allocates
what a length prefix or a memo index claims before it looks whether the file is that long, it
hashes keys of any nesting in C (which crashes on deep ones and never ends on shared ones), it
takes extension codes from a cache past ``find_class``, and it copies every string. Here each of
the opcodes of protocols 0 to 5 is a line or a few; large data stay views of the file; what is
built is charged to a budget; keys are plain; and the only things ever called are the stand-ins
of the caller's list.
"""

import pickle as p
import struct
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.generators.checkpoints.leaves import Admitted
from pipeline.generators.checkpoints.limits import Budget, RefusedError
from pipeline.generators.checkpoints.machine import CALL, MAPPING, OBJECT, STEP, Machine

Action = Callable[[Machine], Any]

DAMAGED = (LookupError, AttributeError, TypeError, ValueError, OverflowError, struct.error)
"""What a damaged pickle makes the machine or a stand-in raise."""


def _no_persistent_ids(_: Any) -> Any:
    raise RefusedError("it has persistent ids, which only belong into files of torch.save")


def unpickle(
    data: memoryview,
    admitted: Mapping[str, Admitted],
    budget: Budget,
    persistent: Callable[[Any], Any] = _no_persistent_ids,
) -> tuple[Any, int]:
    """The object of a pickle and the pickle's length.

    Args:
        data: the bytes from the pickle's first one on; what follows the pickle is not touched.
        admitted: the globals that the pickle may name.
        budget: what it may cost.
        persistent: gives the object of a persistent id.

    Returns:
        The object, made of plain values, lists (sets too), tuples, dictionaries and stand-ins.

    Raises:
        RefusedError: the pickle names anything else, is damaged, or costs too much.
    """
    machine = Machine(data, admitted, budget, persistent)
    try:
        while (code := machine.take(1)[0]) != p.STOP[0]:
            budget.spend(STEP)
            ACTIONS[code](machine)
        return machine.stack.pop(), machine.position
    except DAMAGED as error:
        raise RefusedError(f"its pickle is damaged at byte {machine.position}") from error


def _reduce(machine: Machine) -> None:
    arguments, function = machine.stack.pop(), machine.stack.pop()
    machine.call(function, arguments)


def _new_with_keywords(machine: Machine) -> None:
    keywords, arguments, function = (machine.stack.pop() for _ in range(3))
    machine.call(function, arguments, keywords)


def _new_from_group(machine: Machine) -> None:
    function, *arguments = machine.pop_mark()
    machine.call(function, tuple(arguments))


def _new_from_names(machine: Machine) -> None:
    arguments = machine.pop_mark()
    machine.push_global(machine.line(), machine.line())
    machine.call(machine.stack.pop(), tuple(arguments))


def _global_from_stack(machine: Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.push_global(module, name)


def _dictionary(machine: Machine) -> None:
    items = machine.pop_mark()
    machine.push({}, MAPPING)
    machine.put_items(items)


def _put_item(machine: Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    machine.put_items([key, value])


def _persistent(machine: Machine, name: Any) -> None:
    machine.push(machine.persistent(name), CALL)


def _refuse_extension(machine: Machine, code: int) -> None:
    raise RefusedError(f"it asks for the global with extension code {code}")


def _refuse_buffer(_: Machine) -> None:
    raise RefusedError("it refers to buffers outside the file")


def _grouped(kind: type[list[Any]] | type[tuple[Any, ...]]) -> Action:
    def action(machine: Machine) -> None:
        items = machine.pop_mark()
        machine.push(kind(items), OBJECT + 8 * len(items))

    return action


def _sized(width: int, act: Callable[[Machine, int], None]) -> Action:
    """An opcode that a whole number of so many bytes follows."""
    return lambda machine: act(machine, machine.integer(width))


OPCODES: dict[bytes, Action] = {
    # frame and stack
    p.PROTO: Machine.check_protocol,
    p.FRAME: Machine.check_frame,
    p.MARK: Machine.mark,
    p.POP: Machine.pop,
    p.POP_MARK: Machine.pop_mark,
    p.DUP: lambda m: m.stack.append(m.stack[-1]),
    # plain values
    p.NONE: lambda m: m.push(None, 8),
    p.NEWTRUE: lambda m: m.push(True, 8),
    p.NEWFALSE: lambda m: m.push(False, 8),
    p.BININT1: _sized(1, Machine.push),
    p.BININT2: _sized(2, Machine.push),
    p.BININT: lambda m: m.push(m.integer(4, signed=True)),
    p.LONG1: _sized(1, Machine.push_long),
    p.LONG4: _sized(4, Machine.push_long),
    p.BINFLOAT: lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    p.INT: Machine.push_text_integer,
    p.LONG: Machine.push_text_integer,
    p.FLOAT: lambda m: m.push(float(m.line())),
    # text and data
    p.SHORT_BINUNICODE: _sized(1, Machine.push_text),
    p.BINUNICODE: _sized(4, Machine.push_text),
    p.BINUNICODE8: _sized(8, Machine.push_text),
    p.SHORT_BINBYTES: _sized(1, Machine.push_bytes),
    p.BINBYTES: _sized(4, Machine.push_bytes),
    p.BINBYTES8: _sized(8, Machine.push_bytes),
    p.BYTEARRAY8: _sized(8, Machine.push_bytes),
    p.SHORT_BINSTRING: _sized(1, Machine.push_string),
    p.BINSTRING: _sized(4, Machine.push_string),
    p.STRING: lambda m: m.push_line(unquote=True),
    p.UNICODE: lambda m: m.push_line(unquote=False),
    # containers; a set is a list here, because it would hash what it holds
    p.EMPTY_TUPLE: lambda m: m.push(()),
    p.TUPLE1: lambda m: m.pack(1),
    p.TUPLE2: lambda m: m.pack(2),
    p.TUPLE3: lambda m: m.pack(3),
    p.TUPLE: _grouped(tuple),
    p.FROZENSET: _grouped(tuple),
    p.EMPTY_LIST: lambda m: m.push([]),
    p.EMPTY_SET: lambda m: m.push([]),
    p.LIST: _grouped(list),
    p.APPEND: lambda m: m.extend([m.stack.pop()]),
    p.APPENDS: lambda m: m.extend(m.pop_mark()),
    p.ADDITEMS: lambda m: m.extend(m.pop_mark()),
    p.EMPTY_DICT: lambda m: m.push({}, MAPPING),
    p.DICT: _dictionary,
    p.SETITEM: _put_item,
    p.SETITEMS: lambda m: m.put_items(m.pop_mark()),
    # memo
    p.PUT: lambda m: m.remember(int(m.line()[:20])),
    p.BINPUT: _sized(1, Machine.remember),
    p.LONG_BINPUT: _sized(4, Machine.remember),
    p.MEMOIZE: lambda m: m.remember(len(m.memo)),
    p.GET: lambda m: m.recall(int(m.line()[:20])),
    p.BINGET: _sized(1, Machine.recall),
    p.LONG_BINGET: _sized(4, Machine.recall),
    # whatever could call something
    p.GLOBAL: lambda m: m.push_global(m.line(), m.line()),
    p.STACK_GLOBAL: _global_from_stack,
    p.REDUCE: _reduce,
    p.NEWOBJ: _reduce,
    p.NEWOBJ_EX: _new_with_keywords,
    p.OBJ: _new_from_group,
    p.INST: _new_from_names,
    p.BUILD: Machine.build,
    p.PERSID: lambda m: _persistent(m, m.line()),
    p.BINPERSID: lambda m: _persistent(m, m.stack.pop()),
    p.EXT1: _sized(1, _refuse_extension),
    p.EXT2: _sized(2, _refuse_extension),
    p.EXT4: _sized(4, _refuse_extension),
    p.NEXT_BUFFER: _refuse_buffer,
    p.READONLY_BUFFER: lambda m: None,
}

ACTIONS = {opcode[0]: action for opcode, action in OPCODES.items()}
