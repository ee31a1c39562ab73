"""Which w+ rows of a SemanticStyleGAN belong to an attribute: edits of one class by its own codes.

An edit in w moves every local generator of a SemanticStyleGAN (Shi et al. 2022). Kept to the rows
of some classes, their structure and texture codes, it leaves the codes of all others alone.
"""

from collections.abc import Mapping, Sequence

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Generator, Space

OWN = "own"
"""The classes of the attribute's parts, where a generator has classes at all; else all layers."""

Classes = Sequence[str] | str | None


def as_classes(classes: Classes) -> Classes:
    """An option's value: None, :data:`OWN`, or names.

    Raises:
        UserError: it is another word, or no name at all.
    """
    if classes is None or classes == OWN:
        return classes
    if isinstance(classes, str) or not classes:
        raise UserError(
            f"classes={classes}: give names of semantic classes, e.g. classes=[mouth], '{OWN}' for "
            "those of the attribute's parts, or null for all codes."
        )
    return tuple(map(str, classes))


def rows_of(
    generator: Generator,
    classes: Classes,
    attribute: str,
    attribute_parts: Mapping[str, Sequence[str]],
) -> tuple[int, ...] | None:
    """Rows of w+ that move; None where all do.

    Args:
        generator: whose rows.
        classes: as :func:`as_classes` gives them.
        attribute: what is edited.
        attribute_parts: the parts that attributes belong to; those of names that are no class, as
            ``face``, belong to all.

    Raises:
        UserError: the generator has no such classes.
    """
    if classes is None:
        return None
    known: Mapping[str, tuple[int, int]] = getattr(generator, "class_rows", {})
    if classes == OWN:
        own = [part for part in attribute_parts.get(attribute, ()) if part in known]
        return tuple(sorted(row for name in own for row in known[name])) or None
    if not known:
        raise UserError(
            f"classes={list(classes)}: generator={generator.name} has no semantic classes; leave "
            f"classes=null, or take '{OWN}', which moves all layers of such a generator."
        )
    for name in classes:
        if name not in known:
            raise unknown_name("class", name, known)
    return tuple(sorted(row for name in classes for row in known[name]))


def require_w(space: Space, classes: Classes) -> None:
    """Refuse classes where a step is not one of w.

    Raises:
        UserError: only codes of w are held class by class.
    """
    if classes is not None and space != Space.W:
        raise UserError(
            f"classes={classes} keeps a step in w to codes of some classes: take method.space=w."
        )
