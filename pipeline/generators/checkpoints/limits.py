"""What reading a foreign file may cost, and how it is refused."""

FLOOR = 16 << 20
"""Bytes of small objects that any file may need, however small it is."""


class RefusedError(Exception):
    """A file that cannot be read safely; says why in one line, without naming the file."""


class Budget:
    """What reading one file may allocate, in bytes.

    Large data are views of the file and cost nothing; what is decoded or built is charged here
    before it is made. Every step of a pickle is charged too, so that a file cannot ask for more
    work than its size explains.

    Args:
        size: of the file.
    """

    def __init__(self, size: int) -> None:
        self.objects = FLOOR + size // 5
        self.copies = FLOOR + size

    def spend(self, count: int) -> None:
        """Charge for small objects.

        Raises:
            RefusedError: they are more than a file of this size can need.
        """
        self.objects -= count
        if self.objects < 0:
            raise RefusedError("it builds more objects than a file of its size can need")

    def copy(self, count: int) -> None:
        """Charge for data that have to be decoded.

        Raises:
            RefusedError: they are more than the file holds.
        """
        self.copies -= count
        if self.copies < 0:
            raise RefusedError("it asks for more decoded data than the file holds")


def shown(value: object) -> str:
    """A foreign value, fit to be printed: short, without control characters."""
    if isinstance(value, tuple) and all(type(n) is int for n in value):
        value = str(value)
    if not isinstance(value, str):
        return f"a {type(value).__name__}"  # what it holds may be endless
    return ascii(value[:80])[1:-1] + ("..." if len(value) > 80 else "")
