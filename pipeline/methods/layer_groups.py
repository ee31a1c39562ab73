"""Groups of w+ layers that global directions are looked for and used in.

SeFa's groups (Shen & Zhou 2021, Sec. 4.1) are the layers 0-1, 2-5 and the rest: pose and shape,
parts, colour. GANSpace's edits name a range of layers each.
"""

from collections.abc import Sequence

from pipeline.errors import UserError
from pipeline.methods.latents import LayerRange, resolve_layers

Group = tuple[int, int | None]
"""A half-open range of w+ layers; None is the end."""


def as_groups(groups: Sequence[Sequence[int | None]] | None) -> tuple[Group, ...]:
    """Groups as pairs; None is one group of all layers.

    Raises:
        UserError: there is none, or one is no pair of increasing numbers.
    """
    pairs = [tuple(group) for group in ([[0, None]] if groups is None else groups)]
    if not pairs or not all(_is_range(pair) for pair in pairs):
        raise UserError(
            f"groups={_listed(pairs)}: give half-open ranges [first, last] of w+ layers, null for "
            "the end, e.g. groups=[[0,2],[2,6],[6,null]], or groups=null for all layers."
        )
    return tuple((first, last) for first, last in pairs if first is not None)


def resolve_groups(groups: Sequence[Group], num_ws: int) -> tuple[LayerRange, ...]:
    """The ranges themselves, checked against a generator.

    Raises:
        UserError: one reaches beyond, or begins at, the last of its layers.
    """
    ranges = []
    for first, last in groups:
        if first >= num_ws:
            raise UserError(
                f"groups={_listed(groups)}: this generator's w+ layers end before {first}, "
                f"there are {num_ws}."
            )
        ranges.append(resolve_layers((first, num_ws if last is None else last), num_ws))
    return tuple(ranges)


def _is_range(pair: tuple[int | None, ...]) -> bool:
    if len(pair) != 2 or pair[0] is None or pair[0] < 0:
        return False
    return pair[1] is None or pair[0] < pair[1]


def _listed(groups: Sequence[tuple[int | None, ...]]) -> list[list[int | None]]:
    return [list(group) for group in groups]
