"""What is asked for on the page, as the overrides of a run: the page can do nothing else."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from omegaconf import DictConfig

from pipeline.errors import UserError
from pipeline.preflight import planned

DIGITS = 3  # of fractions that are drawn: a thousandth of the image is finer than a hand
Point = tuple[float, float]


@dataclass(frozen=True)
class Wish:
    """A generator, how its edits are found, and where.

    Attributes:
        generator: as in ``conf/generator``; likewise ``method`` and ``region``.
        edit: an edit with a name, as in ``conf/edit``, in place of a method.
        box: a rectangle that was drawn, (top, left, bottom, right) as fractions of the image; it
            takes the place of the region.
        outline: a closed outline that was drawn, (row, column) fractions; likewise.
        attribute: that the direction shall carry; None leaves the choice to the calibration.
        options: further overrides, as on the command line.
    """

    generator: str = "stylegan2_procfaces"
    method: str = "resefa"
    region: str = "mouth"
    edit: str | None = None
    box: tuple[float, float, float, float] | None = None
    outline: tuple[Point, ...] = ()
    attribute: str | None = None
    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: dict[str, Any]) -> Self:
        """The wish of a page: these attributes by name, options as one line, all may be missing.

        Raises:
            UserError: a value is of no use.
        """
        try:
            return cls(
                **{k: str(given[k]) for k in ("generator", "method", "region") if given.get(k)},
                edit=given.get("edit") or None,
                box=_box(given["box"]) if given.get("box") else None,
                outline=tuple((float(y), float(x)) for y, x in given.get("outline") or ()),
                attribute=given.get("attribute") or None,
                options=tuple(shlex.split(given.get("options") or "")),
            )
        except (TypeError, ValueError) as error:
            raise UserError(f"The page asked for what cannot be understood ({error}).") from error

    def overrides(self) -> list[str]:
        """The same as a command line says it."""
        found = [f"edit={self.edit}"] if self.edit else [f"method={self.method}"]
        attribute = [] if self.attribute is None else [f"attribute={self.attribute}"]
        return [
            f"generator={self.generator}",
            *found,
            *self._region(),
            *attribute,
            *self.options,
        ]

    def command(self) -> str:
        """The run that finds and measures the same."""
        return f"python run.py {shlex.join(self.overrides())}"

    def along(self, attribute: str, change: float) -> "Wish":
        """The same for an attribute, that a strength of 1 changes by so much."""
        return replace(self, attribute=attribute, options=(*self.options, f"change={change:g}"))

    def _region(self) -> list[str]:
        if self.outline:
            return ["region=polygon", f"region.vertices={_written(self.outline)}"]
        if self.box is None:
            return [f"region={self.region}"]
        top, left, bottom, right = (round(min(max(x, 0.0), 1.0), DIGITS) for x in self.box)
        centre, size = ((top + bottom) / 2, (left + right) / 2), (bottom - top, right - left)
        return [
            "region=box",
            f"region.centre=[{centre[0]:.6g},{centre[1]:.6g}]",
            f"region.size=[{size[0]:.6g},{size[1]:.6g}]",
        ]


def composed(overrides: Sequence[str]) -> DictConfig:
    """The configuration of one job, checked as ``run.py`` checks it.

    Raises:
        UserError: the first mistake found.
    """
    with planned(overrides) as plan:
        return plan.checked(plan.jobs[0])


def _box(given: Sequence[Any]) -> tuple[float, float, float, float]:
    top, left, bottom, right = (float(x) for x in given)
    return min(top, bottom), min(left, right), max(top, bottom), max(left, right)


def _written(outline: Sequence[Point]) -> str:
    """Points as Hydra reads them, kept within the image."""
    inside = [[round(min(max(x, 0.0), 1.0), DIGITS) for x in point] for point in outline]
    return "[" + ",".join(f"[{row:g},{column:g}]" for row, column in inside) + "]"
