"""Commands and files of README and guides, as a reader would type them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ASSIGNMENT = re.compile(r"^[A-Z_]+=")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what stands behind it, and its text."""

    language: str
    title: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command of a document: its words, and the variables set before it."""

    document: str
    words: tuple[str, ...]
    environment: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.document}: {shlex.join(self.words)}"


def blocks(document: Path) -> list[Block]:
    return [Block(m[1], m[2].strip(), m[3]) for m in _BLOCK.finditer(document.read_text("utf-8"))]


def files(document: Path) -> dict[str, str]:
    """The files that a document has its reader write, by path."""
    return {block.title: block.text for block in blocks(document) if block.title}


def commands(document: Path) -> Iterator[Command]:
    """Every command of the blocks of a shell, ``&&`` and comments taken apart."""
    for block in blocks(document):
        if block.language in ("bash", "sh", "shell"):
            for line in block.text.replace("\\\n", " ").splitlines():
                yield from _commands(document.name, shlex.split(line, comments=True))


def all_commands() -> list[Command]:
    return [command for document in DOCUMENTS for command in commands(document)]


def _commands(document: str, words: list[str]) -> Iterator[Command]:
    while words:
        end = words.index("&&") if "&&" in words else len(words)
        some, words = words[:end], words[end + 1 :]
        set_ = [word for word in some if _ASSIGNMENT.match(word) and some.index(word) == 0]
        yield Command(document, tuple(some[len(set_) :]), tuple(set_))
