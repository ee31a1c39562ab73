"""Methods side by side: the same pictures, at the same change of one attribute."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from pipeline.errors import UserError
from pipeline.explore.rendering import Choice, Measured
from pipeline.explore.session import Session
from pipeline.explore.wish import Wish


@dataclass(frozen=True, eq=False)
class Compared:
    """What one method does.

    Attributes:
        method: its name.
        refused: why there is nothing else; empty where there is.
        direction: the one that carries the attribute.
        matched: whether the change wanted is reached; None for methods whose strengths are no
            changes of attributes, which are shown at a strength of 1.
        images: the pictures after the edit ``[n, 3, H, W]``.
        numbers: over the samples measured.
    """

    method: str
    refused: str = ""
    direction: str = ""
    matched: bool | None = None
    images: Tensor | None = None
    numbers: Measured | None = None


def compare(
    session: Session,
    wish: Wish,
    methods: Sequence[str],
    change: float,
    pictures: Sequence[str],
    count: int,
) -> list[Compared]:
    """Every method at the same change of the wish's attribute; one that cannot says why.

    Args:
        session: keeps what is found.
        wish: generator, region and attribute; its method does not count.
        methods: names.
        change: of the attribute, in standard deviations of the data.
        pictures: to show.
        count: samples to measure.

    Raises:
        UserError: no attribute or no method is given.
    """
    if wish.attribute is None or not methods:
        raise UserError("Choose an attribute and at least one method to compare.")
    asked = wish.along(wish.attribute, change)
    return [_compared(session, replace(asked, method=m), pictures, count) for m in methods]


def _compared(session: Session, wish: Wish, pictures: Sequence[str], count: int) -> Compared:
    try:
        number = session.discover(wish)
        session.calibrate(number)
        found = session.found(number)
        choice, known = Choice(found.selected), found.calibration
        matched = known.reached(choice.direction, 1.0) if known and known.units else None
        images = session.strip(number, choice, [choice.strength], pictures)[:, 0]
        numbers = session.measure(number, choice, count)
        name = found.edit(choice.direction).name
        return Compared(wish.method, "", name, matched, images, numbers)
    except UserError as error:
        return Compared(wish.method, str(error))
