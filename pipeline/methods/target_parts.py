"""Where an edit of an attribute belongs: Style Intervention's masks (Liu et al. 2020, Eq. 9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from pipeline.errors import UserError, unknown_name
from pipeline.regions.region import nearest_pixels

FOREGROUND = "foreground"
"""Everything but the background: for attributes of the whole face, as age (Sec. 4.3)."""
BACKGROUND = "background"


@dataclass(frozen=True)
class Target:
    """The parts that an edit may change.

    Attributes:
        parts: their ids.
        margin: pixels around them that it may change too, as a share of the image's height: what
            grows, as an opening mouth, leaves the part that was there before.
    """

    parts: tuple[int, ...]
    margin: float = 0.0

    def outside(self, labels: Tensor, resolution: int) -> Tensor:
        """What should stay, 1 there and 0 elsewhere: float32 ``[n, resolution, resolution]``.

        Args:
            labels: part ids ``[n, H, W]`` of the images before the edit.
            resolution: height and width of the images.
        """
        height, width = labels.shape[-2:]
        rows, columns = nearest_pixels(height, resolution), nearest_pixels(width, resolution)
        seen = labels[:, rows.to(labels.device)][:, :, columns.to(labels.device)]
        wanted = torch.tensor(self.parts, device=seen.device, dtype=seen.dtype)
        inside = torch.isin(seen, wanted).float()
        reach = round(self.margin * resolution)
        if reach:
            inside = max_pool2d(inside[:, None], 2 * reach + 1, stride=1, padding=reach)[:, 0]
        return 1 - inside


def target_parts(
    attribute: str,
    table: Mapping[str, Sequence[str]],
    known: Mapping[str, Sequence[str]],
    parts: Sequence[str],
) -> tuple[int, ...]:
    """Ids of the parts that an attribute belongs to.

    Args:
        attribute: by name.
        table: parts by attribute, where they differ from what the domain says.
        known: the domain's parts by attribute; names that are no part stand for the foreground.
        parts: names of all parts, by id.

    Raises:
        UserError: the table names an unknown part, or nothing is known of the attribute.
    """
    names = table.get(attribute)
    if names is None:
        told = known.get(attribute)
        if told is None:
            raise UserError(
                f"Nothing says which parts attribute={attribute} belongs to: give them, e.g. "
                f"method.parts.{attribute}=[{FOREGROUND}]."
            )
        names = told if all(name in parts for name in told) else [FOREGROUND]
    if FOREGROUND in names:
        return tuple(i for i, name in enumerate(parts) if name != BACKGROUND)
    for name in names:
        if name not in parts:
            raise unknown_name("part", name, [*parts, FOREGROUND])
    return tuple(parts.index(name) for name in names)
