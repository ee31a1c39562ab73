"""Reads a page the way a browser does, but forgives nothing."""

from html.parser import HTMLParser

VOID = {"meta", "img", "input", "br"}


class Page(HTMLParser):
    """What a page consists of; refuses tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: dict[str, list[tuple[float, str]]] = {}
        self.words = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.section = str(dict(attrs)["id"])
            self.sections[self.section] = []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag without content."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Closes the tag that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text; that of a number belongs to its section, a power of ten to both ends before it."""
        self.words += data
        if data.startswith("] ×"):
            ends = self.sections[self.section]
            ends[-2:] = [(exact, text + data[1:]) for exact, text in ends[-2:]]
        if self.open and self.open[-1] == "data":
            exact = float(str(self.tags[-1][1]["value"]))
            self.sections[self.section].append((exact, data))

    def attributes(self, tag: str, name: str) -> list[str]:
        """An attribute of all tags that have it."""
        return [str(a[name]) for t, a in self.tags if t == tag and name in a]
