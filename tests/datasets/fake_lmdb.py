"""As much of the lmdb package as reading takes, over a dictionary."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class Transaction:
    def __init__(self, contents: Mapping[bytes, bytes], buffers: bool) -> None:
        self.contents, self.buffers = dict(sorted(contents.items())), buffers

    def cursor(self) -> "Transaction":
        return self

    def iternext(self, values: bool) -> Iterator[bytes]:
        assert not values
        return iter(self.contents)

    def get(self, key: bytes) -> bytes | memoryview:
        value = self.contents[key]
        return memoryview(value) if self.buffers else value


class Environment:
    def __init__(self, contents: Mapping[bytes, bytes]) -> None:
        self.contents = contents

    @contextmanager
    def begin(self, buffers: bool = False) -> Iterator[Transaction]:
        yield Transaction(self.contents, buffers)


def fake_lmdb(contents: Mapping[bytes, bytes]) -> ModuleType:
    """A module whose databases all hold the same."""

    def opened(path: str, **options: Any) -> Environment:
        assert options["readonly"] and not options["lock"] and not options["create"]
        return Environment(contents)

    module: Any = ModuleType("lmdb")
    module.open, module.Error = opened, RuntimeError
    return module  # type: ignore[no-any-return]
