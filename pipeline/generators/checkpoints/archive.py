"""The records of an uncompressed zip archive, as views of the file."""

import struct
import zlib
from dataclasses import dataclass

from pipeline.generators.checkpoints.limits import Budget, RefusedError, shown

END, END64, LOCATOR, ENTRY, LOCAL = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\1\2", b"PK\3\4"
COMMENT = 1 << 16
ENTRY_COST = 512
FULL = 0xFFFFFFFF


@dataclass(frozen=True)
class Entry:
    """Where a record lies, and the checksum that the archive gives it (0: none was taken)."""

    start: int
    size: int
    crc: int
    method: int


class Archive:
    """A zip archive in memory.

    Args:
        data: the archive.
        budget: what its directory may cost.

    Raises:
        RefusedError: the directory is missing or damaged.
    """

    def __init__(self, data: memoryview, budget: Budget) -> None:
        self.data, self.budget = data, budget
        self.entries: dict[str, Entry] = {}
        try:
            for name, entry in _directory(data, budget):
                if name in self.entries:
                    raise RefusedError(f"its record '{shown(name)}' is there twice")
                self.entries[name] = entry
        except (struct.error, ValueError, IndexError) as error:
            raise RefusedError("its zip directory is damaged") from error

    def read(self, name: str) -> memoryview:
        """The content of a record, verified.

        Raises:
            RefusedError: it is missing, compressed or damaged.
        """
        entry = self.entries.get(name)
        if entry is None:
            raise RefusedError(f"it is incomplete: the record '{shown(name)}' is missing")
        if entry.method:
            raise RefusedError(
                f"its record '{shown(name)}' is compressed, which torch.save never does"
            )
        content = self._content(entry, name)
        self.budget.copy(entry.size)  # records that overlap would be summed up again and again
        if entry.crc and zlib.crc32(content) != entry.crc:
            raise RefusedError(f"it is damaged: the record '{shown(name)}' has the wrong checksum")
        return content

    def _content(self, entry: Entry, name: str) -> memoryview:
        head = self.data[entry.start : entry.start + 30]
        if len(head) < 30 or head[:4] != LOCAL:
            raise RefusedError(
                f"it is damaged: the record '{shown(name)}' is not where it should be"
            )
        names, extra = struct.unpack("<2H", head[26:30])
        start = entry.start + 30 + names + extra
        if start + entry.size > len(self.data):
            raise RefusedError(f"it is truncated: the record '{shown(name)}' ends behind the file")
        return self.data[start : start + entry.size]


def _directory(data: memoryview, budget: Budget) -> list[tuple[str, Entry]]:
    count, position = _end(data)
    budget.spend(ENTRY_COST * count)
    found = []
    for _ in range(count):
        head = struct.unpack("<4s3H H2H3L5H2L", data[position : position + 46])
        if head[0] != ENTRY:
            raise RefusedError("its zip directory is damaged")
        method, crc, packed, size = head[4], *head[7:10]
        names, extra, comment, offset = *head[10:13], head[16]
        name = str(data[position + 46 : position + 46 + names], "utf-8")
        fields = data[position + 46 + names : position + 46 + names + extra]
        if FULL in (packed, size, offset):
            size, offset = _wide(fields, packed, size, offset)
        found.append((name, Entry(offset, size, crc, method)))
        position += 46 + names + extra + comment
    return found


def _end(data: memoryview) -> tuple[int, int]:
    """Number of records, and where the directory starts."""
    start = max(0, len(data) - 22 - COMMENT)
    place = bytes(data[start:]).rfind(END)
    if place < 0:
        raise RefusedError(
            "it is truncated: the directory at the end of its zip archive is missing"
        )
    place += start
    count, _, offset, comment = struct.unpack("<H2LH", data[place + 10 : place + 22])
    if place + 22 + comment != len(data):
        raise RefusedError("it is truncated, or something follows its zip archive")
    locator = data[max(0, place - 20) : place]
    if locator[:4] == LOCATOR:
        (wide,) = struct.unpack("<Q", locator[8:16])
        if data[wide : wide + 4] != END64:
            raise RefusedError("its zip directory is damaged")
        count, _, offset = struct.unpack("<3Q", data[wide + 32 : wide + 56])
    return count, offset


def _wide(fields: memoryview, packed: int, size: int, offset: int) -> tuple[int, int]:
    """Size and offset of a record that needs 64 bits for them."""
    while len(fields) >= 4:
        kind, length = struct.unpack("<2H", fields[:4])
        if kind == 1:
            words = iter(struct.unpack(f"<{length // 8}Q", fields[4 : 4 + length // 8 * 8]))
            size = next(words, -1) if size == FULL else size
            packed = next(words, -1) if packed == FULL else packed
            offset = next(words, -1) if offset == FULL else offset
            if min(size, packed, offset) < 0:
                break
            return size, offset
        fields = fields[4 + length :]
    raise RefusedError("its zip directory is damaged")
