"""What is known about an official file of weights."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WeightsFile:
    """An official file of weights.

    Attributes:
        what: the network and what it was trained on.
        file: its name in the weights folder.
        addresses: where it can be had, the best first.
        bytes: its length; None where nobody recorded it.
        sha256: its checksum; None where nobody recorded it: then the first file seen counts.
        licence: the terms of the weights.
        citation: the paper to cite.
        member: its name inside the zip archive at the addresses, where they are of one.
        origin: how it comes about, where it has no address.
    """

    what: str
    file: str
    addresses: tuple[str, ...]
    bytes: int | None
    sha256: str | None
    licence: str
    citation: str
    member: str | None = None
    origin: str = ""

    @property
    def size(self) -> str:
        """Its length for people, e.g. ``"382 MB"``; ``"?"`` where nobody recorded it."""
        return "?" if self.bytes is None else megabytes(self.bytes)

    @property
    def source(self) -> str:
        """Where it comes from, in words."""
        if not self.addresses:
            return self.origin
        inside = f" (a zip archive: the file is {self.member} in it)" if self.member else ""
        return "get " + " or ".join(self.addresses) + inside


def megabytes(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e6:.3g} MB" if size < 1e8 else f"{size / 1e6:.0f} MB"
