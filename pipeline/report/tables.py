"""A table of results: named rows, columns with units, and cells that say why they are empty."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.metrics.base import Estimate
from pipeline.report.glossary import Better, metric_info
from pipeline.report.numbers import MISSING, Shown, show_estimate, show_number


@dataclass(frozen=True)
class Missing:
    """An empty cell and the reason why it is empty."""

    reason: str


Cell = Estimate | Missing | str | float | int | None
"""None is a cell that is empty by design."""


@dataclass(frozen=True)
class Column:
    """A column of numbers or words.

    Attributes:
        name: identifier, used in files.
        label: what people read; the name where it is empty.
        unit: what it is measured in.
        better: which way is better; None where the column has no best value.
    """

    name: str
    label: str = ""
    unit: str = ""
    better: Better | None = None

    @classmethod
    def of_metric(cls, name: str) -> "Column":
        """The column of a metric."""
        info = metric_info(name)
        return cls(name, info.label, info.unit, info.better)

    @property
    def heading(self) -> str:
        """Label, arrow towards the better values, and unit."""
        arrow = {"higher": " ↑", "lower": " ↓", None: ""}[self.better]
        unit = f" ({self.unit})" if self.unit else ""
        return f"{self.label or self.name}{unit}{arrow}"


@dataclass(frozen=True)
class Row:
    """One line: its labels, its cells, and where to read more (relative to the table)."""

    labels: Sequence[str]
    cells: Sequence[Cell]
    link: str | None = None


@dataclass(frozen=True)
class Table:
    """Results side by side.

    Attributes:
        title: what the table shows.
        headings: of the labels, e.g. ``("method", "region")``.
        columns: of the cells.
        rows: each with as many labels and cells as there are headings and columns.
        notes: what a reader has to know, e.g. what all rows have in common.
        grouped: rows are compared among those with the same first so many labels.

    Raises:
        ValueError: a row has another number of labels or cells.
    """

    title: str
    headings: Sequence[str]
    columns: Sequence[Column]
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    grouped: int = 0

    def __post_init__(self) -> None:
        shape = (len(self.headings), len(self.columns))
        for row in self.rows:
            if (len(row.labels), len(row.cells)) != shape:
                raise ValueError(
                    f"the row {tuple(row.labels)} has {len(row.labels)} labels and "
                    f"{len(row.cells)} cells; the table has {shape[0]} and {shape[1]}"
                )

    def best(self) -> set[tuple[int, int]]:
        """Row and column of every best value; fewer than two numbers have none."""
        groups: dict[tuple[str, ...], list[int]] = {}
        for index, row in enumerate(self.rows):
            groups.setdefault(tuple(row.labels[: self.grouped]), []).append(index)
        columns = range(len(self.columns))
        return {
            (r, c) for c in columns for rows in groups.values() for r in self._best_rows(c, rows)
        }

    def samples(self) -> int | None:
        """The n that all estimates share, if they do."""
        counts = {c.n for row in self.rows for c in row.cells if isinstance(c, Estimate)}
        return counts.pop() if len(counts) == 1 else None

    def reasons(self) -> list[tuple[str, str]]:
        """Why cells are empty: where, and the reason."""
        found: dict[tuple[str, str], list[str]] = {}
        for row in self.rows:
            named = zip(self.headings, row.labels, strict=True)
            where = ", ".join(f"{heading} {label}" for heading, label in named if label)
            for column, cell in zip(self.columns, row.cells, strict=True):
                if isinstance(cell, Missing):
                    found.setdefault((where, cell.reason), []).append(column.label or column.name)
        every = len(self.columns)
        return [
            (where if len(names) == every else f"{where}: {', '.join(names)}", reason)
            for (where, reason), names in found.items()
        ]

    def _best_rows(self, column: int, rows: Sequence[int]) -> list[int]:
        better = self.columns[column].better
        values = {i: cell_value(self.rows[i].cells[column]) for i in rows}
        known = {i: v for i, v in values.items() if v is not None and not math.isnan(v)}
        if better is None or len(known) < 2:
            return []
        best = max(known.values()) if better == "higher" else min(known.values())
        return [i for i, v in known.items() if v == best]


def cell_value(cell: Cell) -> float | None:
    """The number in a cell, if it holds one."""
    if isinstance(cell, Estimate):
        return cell.value
    return None if cell is None or isinstance(cell, str | Missing) else float(cell)


def show_cell(cell: Cell) -> Shown:
    """A cell in digits or words."""
    match cell:
        case Estimate():
            return show_estimate(cell)
        case None | Missing():
            return Shown(MISSING, None)
        case str():
            return Shown(cell, None)
        case int():
            return Shown(str(cell).replace("-", "−"), None)
        case float() if cell == round(cell, 3) and abs(cell) < 1e5:  # as a paper prints it
            return Shown(f"{cell:g}".replace("-", "−"), None)
        case float():
            return show_number(cell, 4)


def sample_count(table: Table, cell: Cell) -> str:
    """``(n = 200)`` after estimates, where the rows differ in it."""
    return f" (n = {cell.n})" if isinstance(cell, Estimate) and table.samples() is None else ""


def table_notes(table: Table) -> list[str]:
    """Everything to be said below a table: intervals, n, notes, and why cells are empty."""
    estimates = any(isinstance(c, Estimate) for row in table.rows for c in row.cells)
    shared = table.samples()
    counted = f"; n = {shared} throughout" if shared is not None else ""
    lines = [f"In brackets: 95 % intervals{counted}."] if estimates else []
    return [*lines, *table.notes, *(f"{where}: {why}." for where, why in table.reasons())]
