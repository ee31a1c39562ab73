"""Web pages that come instead of a file: the question of Google Drive, a login, a quota."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin


@dataclass
class Form:
    """A form with nothing to fill in.

    Attributes:
        address: where it leads.
        fields: what it sends there.
    """

    address: str
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    """Picks the title and the forms out of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.forms: dict[str, Form] = {}
        self._form: Form | None = None
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where forms and the title begin, and the fields of forms."""
        given = {name: value or "" for name, value in attrs}
        self._in_title = tag == "title"
        if tag == "form":
            self._form = self.forms.setdefault(given.get("id", ""), Form(given.get("action", "")))
        elif tag == "input" and self._form is not None and "name" in given:
            self._form.fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Note where they end."""
        self._in_title = False
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        """Collect the title."""
        if self._in_title:
            self.title += data


def mistaken(start: bytes) -> str | None:
    """What came in the place of weights, judged by how it begins; None where nothing speaks so."""
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "a web page"
    return "a pointer of Git LFS" if start.startswith(b"version https://git-lfs") else None


def confirmation(page: str, address: str) -> Form | None:
    """The form by which Google Drive asks whether a file too large for its virus scan is wanted.

    Args:
        page: the page.
        address: where it is from.
    """
    form = _read(page).forms.get("download-form")
    return None if form is None else Form(urljoin(address, form.address), form.fields)


def title(page: str) -> str:
    """The title of a page in one line, shortened."""
    return " ".join(_read(page).title.split())[:80]


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    return reader
