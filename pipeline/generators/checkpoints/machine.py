"""The stack, the memo and the budget of a pickle that is being read."""

import pickle
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.generators.checkpoints.leaves import Admitted, Record, Stateful, Text
from pipeline.generators.checkpoints.limits import Budget, RefusedError, shown

LONG_TEXT, LONG_STRING, LONG_LINE, LONG_INTEGER = 1024, 256, 4096, 255
STEP, OBJECT, MAPPING, ITEM, CALL = 32, 64, 128, 96, 256
"""What steps and objects are charged, in bytes."""


class Machine:
    """What the opcodes of a pickle work on.

    Args:
        data: the bytes from the pickle's first one on; what follows the pickle is not touched.
        admitted: the globals that the pickle may name.
        budget: what it may cost.
        persistent: gives the object of a persistent id.
    """

    def __init__(
        self,
        data: memoryview,
        admitted: Mapping[str, Admitted],
        budget: Budget,
        persistent: Callable[[Any], Any],
    ) -> None:
        self.data, self.admitted, self.budget = data, admitted, budget
        self.persistent, self.position = persistent, 0
        self.stack: list[Any] = []
        self.outer: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def take(self, count: int) -> memoryview:
        """The next bytes, as a view."""
        left = len(self.data) - self.position
        if count > left:
            raise RefusedError(
                f"it is truncated or damaged: {count} bytes claimed, {left} are left"
            )
        self.position += count
        return self.data[self.position - count : self.position]

    def integer(self, width: int, signed: bool = False) -> int:
        """The next whole number, of so many bytes."""
        return int.from_bytes(self.take(width), "little", signed=signed)

    def line(self) -> str:
        """The rest of the line, as protocol 0 and GLOBAL write it."""
        window = bytes(self.data[self.position : self.position + LONG_LINE])
        end = window.find(b"\n")
        if end < 0:
            raise RefusedError("a line of its pickle is too long or truncated")
        self.position += end + 1
        return window[:end].decode("utf-8")

    def push(self, value: Any, cost: int = OBJECT) -> None:
        """Put a new object on the stack."""
        self.budget.spend(cost)
        self.stack.append(value)

    def push_text(self, count: int) -> None:
        """Put a text of so many bytes on the stack; a long one stays in the file."""
        raw = self.take(count)
        if count > LONG_TEXT:
            self.push(Text(raw), CALL)
        else:
            self.push(str(raw, "utf-8", "surrogatepass"), OBJECT + 4 * count)

    def push_bytes(self, count: int) -> None:
        """Put data on the stack, as a view."""
        self.push(self.take(count), CALL)

    def push_string(self, count: int) -> None:
        """Put a string of Python 2 on the stack: text if short, else data."""
        raw = self.take(count)
        self.push(str(raw, "latin-1") if count <= LONG_STRING else raw, CALL)

    def push_long(self, width: int) -> None:
        """Put a whole number of so many bytes on the stack."""
        if width > LONG_INTEGER:
            raise RefusedError(f"a whole number in it claims {width} bytes")
        self.push(self.integer(width, signed=True), OBJECT + width)

    def push_line(self, unquote: bool) -> None:
        """Put a text of protocol 0 on the stack; one with escapes is refused, not decoded."""
        text = self.line()
        if "\\" in text:
            raise RefusedError("it holds escaped text of pickle protocol 0")
        self.push(text[1:-1] if unquote else text, OBJECT + 4 * len(text))

    def push_text_integer(self) -> None:
        """Put a number or truth value of protocol 0 on the stack."""
        text = self.line()
        self.push(text == "01" if text in ("00", "01") else int(text.rstrip("L")[:LONG_INTEGER]))

    def push_global(self, module: Any, name: Any) -> None:
        """Put the stand-in of a global on the stack."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise RefusedError("it asks for a global whose name is no text")
        asked = f"{module}.{name}"
        if asked not in self.admitted:
            raise RefusedError(
                f"it asks for '{shown(asked)}', and only tensors, arrays and plain containers are "
                "let in; nothing of it was run"
            )
        self.push(self.admitted[asked])

    def call(self, function: Any, arguments: Any, keywords: Any = None) -> None:
        """Put on the stack what a stand-in gives."""
        if not isinstance(function, Admitted) or type(arguments) is not tuple or keywords:
            raise RefusedError("it calls something that is no function")
        if function.call is None:
            raise RefusedError(f"it calls '{function.name}', which may only be named")
        self.push(function.call(*arguments), CALL)

    def mark(self) -> None:
        """Begin a group of objects."""
        self.budget.spend(OBJECT)
        self.outer.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Any]:
        """Everything since the last mark."""
        items, self.stack = self.stack, self.outer.pop()
        return items

    def pop(self) -> None:
        """Drop the top of the stack, which may be a mark."""
        if self.stack:
            self.stack.pop()
        else:
            self.stack = self.outer.pop()

    def pack(self, count: int) -> None:
        """Make a tuple of so many objects."""
        if len(self.stack) < count:
            raise RefusedError("its pickle is damaged: a tuple lacks items")
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.push(items)

    def extend(self, items: list[Any]) -> None:
        """Add to the list on top of the stack."""
        if type(self.stack[-1]) is not list:
            raise RefusedError("it appends to something that is no list")
        self.stack[-1].extend(items)

    def put_items(self, items: list[Any]) -> None:
        """Add keys and values, in turn, to the mapping on top of the stack."""
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise RefusedError("it puts items into something that is no mapping")
        for key, value in zip(items[::2], items[1::2], strict=True):
            self.budget.spend(ITEM)
            target[plain_key(key)] = value

    def remember(self, place: int) -> None:
        """Keep the top of the stack under a number."""
        self.budget.spend(ITEM)
        self.memo[place] = self.stack[-1]

    def recall(self, place: int) -> None:
        """Put on the stack what is kept under a number."""
        self.stack.append(self.memo[place])

    def build(self) -> None:
        """Give the object below its state; a plain mapping's attributes are dropped."""
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Record):
            self.budget.spend(ITEM * len(state))
        if isinstance(target, Stateful):
            target.set_state(state)
        elif not isinstance(target, dict):
            raise RefusedError(f"it gives a state to a {type(target).__name__}")

    def check_protocol(self) -> None:
        """Refuse protocols that are not known."""
        if (protocol := self.integer(1)) > pickle.HIGHEST_PROTOCOL:
            raise RefusedError(f"its pickle protocol {protocol} is not known")

    def check_frame(self) -> None:
        """Refuse a frame that is longer than the file."""
        count, left = self.integer(8), len(self.data) - self.position
        if count > left:
            raise RefusedError(
                f"it is truncated or damaged: {count} bytes claimed, {left} are left"
            )


def plain_key(key: Any) -> Any:
    """A key of a mapping, if it is a plain value.

    Raises:
        RefusedError: it is anything else; nested keys could take for ever to hash.
    """
    if not isinstance(key, str | int | float | None):
        raise RefusedError(f"a mapping in it has a {type(key).__name__} as a key")
    return key
