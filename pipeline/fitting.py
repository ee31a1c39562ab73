"""Whether the parts of a run fit each other, as far as configurations tell: no network is loaded.

A method's or generator's configuration may say in the comment that opens it which spaces there are,
e.g. ``# Spaces: s; of stylegan, stylegan2; needs an attribute``. A method works in any one of them,
in those of ``method.space`` where that is set, ``pixels`` being there always. Behind ``of`` stand
architectures: those that a method is made for, or the one that a generator has. What is not told is
left to the run, which asks the networks themselves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError, unknown_name
from pipeline.regions.frames import in_frame

MARK, PIXELS, EMBEDDED = "# Spaces:", "pixels", "procfaces"
NEEDS_ATTRIBUTE, NEEDS_PARTS = "needs an attribute", "needs parts"


@dataclass(frozen=True)
class Fit:
    """What a configuration says of itself.

    Attributes:
        spaces: where a method can edit, or what a generator offers; none where it is not told.
        architectures: a method's, or a generator's; none where any will do, or it is not told.
        attribute: whether a method is of no use without an attribute.
        parts: whether it looks for the parts of a face, which the embedded domain's parser finds.
    """

    spaces: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    attribute: bool = False
    parts: bool = False

    @classmethod
    def of(cls, text: str) -> "Fit":
        """What the text of a configuration says."""
        lines = (line for line in text.splitlines() if line.startswith(MARK))
        parts = [part.strip() for part in next(lines, MARK).removeprefix(MARK).split(";")]
        made_for = [part.removeprefix("of ") for part in parts[1:] if part.startswith("of ")]
        needs = NEEDS_ATTRIBUTE in parts, NEEDS_PARTS in parts
        return cls(_names(parts[0]), _names(",".join(made_for)), *needs)


def fit_of(group: str, name: str, folders: Iterable[Path]) -> Fit:
    """What a choice says of itself.

    Args:
        group: ``method`` or ``generator``.
        name: the choice.
        folders: where configurations lie, the first that has it counts.
    """
    files = (folder / group / f"{name}.yaml" for folder in folders)
    found = next((file for file in files if file.is_file()), None)
    return Fit() if found is None else Fit.of(found.read_text("utf-8"))


def check_spaces(method: str, needs: Fit, generator: str, has: Fit, space: str | None) -> None:
    """Refuse a method that has nowhere to edit a generator.

    Args:
        method: its name.
        needs: what it says of itself.
        generator: its name.
        has: what it says of itself.
        space: the space that the method is told to use; None where that is left to it.

    Raises:
        UserError: says what would do.
    """
    if not needs.spaces or not has.spaces:
        return
    wanted = [space] if space is not None and space in needs.spaces else list(needs.spaces)
    possible = [name for name in needs.spaces if name in has.spaces]
    offered = f"generator={generator} offers {', '.join(has.spaces)}"
    if PIXELS not in wanted and not set(wanted) & set(has.spaces):
        told = space is not None and possible
        hint = f"add method.space={possible[0]}" if told else "take another generator or method"
        raise UserError(f"method={method} edits in {' or '.join(wanted)}; {offered}: {hint}.")
    if needs.architectures and not set(needs.architectures) & set(has.architectures):
        known = ", ".join(needs.architectures)
        raise UserError(
            f"method={method} is made for {known}; generator={generator} is a "
            f"{', '.join(has.architectures)}: take a generator of these."
        )


def check_attribute(
    method: str, needs: Fit, attribute: str | None, frame: str, readable: Iterable[str]
) -> None:
    """Refuse an attribute that nobody reads, or a method that has none to go by.

    Args:
        method: its name.
        needs: what it says of itself.
        attribute: the run's.
        frame: the kind of pictures.
        readable: the attributes that can be read off them.

    Raises:
        UserError: says which can be asked for.
    """
    known = sorted(readable)
    if attribute is None and needs.attribute:
        one = known[0] if known else "NAME"
        raise UserError(f"method={method} needs an attribute: add attribute={one}.")
    if attribute is None or attribute in known:
        return
    if not known:
        raise UserError(
            f"attribute={attribute}: no attribute can be read off pictures framed as '{frame}'; "
            "leave it out, and choose with direction=INDEX."
        )
    raise unknown_name("attribute", attribute, known)


def check_region(region: Mapping[str, Any], frame: str) -> None:
    """Refuse a region that such pictures do not have.

    Raises:
        UserError: says what would do.
    """
    in_frame(region, frame)
    if "parts" in region and frame != EMBEDDED:
        raise UserError(
            f"region={region['name']} is found by a parser, which only the embedded domain has: "
            "use a box, e.g. region=box region.centre=[0.7,0.5] region.size=[0.2,0.3]."
        )


def check_parts(method: str, needs: Fit, frame: str) -> None:
    """Refuse a method that looks for parts of pictures in which nothing finds them.

    Raises:
        UserError: says so.
    """
    if needs.parts and frame != EMBEDDED:
        raise UserError(
            f"method={method} compares with the parts of a face, and only the embedded domain has "
            "a parser: take another method, e.g. method=resefa."
        )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
