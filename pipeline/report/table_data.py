"""Tables for programs: CSV and JSON, with exact numbers."""

import csv
import io
import json
import math

from pipeline.metrics.base import Estimate
from pipeline.report.tables import Cell, Missing, Row, Table, table_notes


def to_csv(table: Table) -> str:
    """Exact numbers; a column with intervals gets ``_lo``, ``_hi`` and ``_n`` beside it.

    The last column says why cells are empty.
    """
    wide = [any(isinstance(r.cells[c], Estimate) for r in table.rows) for c in _columns(table)]
    head = list(table.headings)
    for column, estimated in zip(table.columns, wide, strict=True):
        extra = [f"{column.name}_{end}" for end in ("lo", "hi", "n")] if estimated else []
        head += [column.name, *extra]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*head, "missing"])
    for row in table.rows:
        cells = [x for c, w in zip(row.cells, wide, strict=True) for x in _csv_cell(c, w)]
        writer.writerow([*row.labels, *cells, _csv_reasons(table, row)])
    return buffer.getvalue()


def to_json(table: Table) -> str:
    """Exact numbers, as a list of rows; what is not a finite number is null."""
    best = table.best()
    rows = [
        {
            "labels": dict(zip(table.headings, row.labels, strict=True)),
            "cells": {
                table.columns[c].name: _json_cell(row.cells[c]) | {"best": (r, c) in best}
                for c in _columns(table)
            },
            "link": row.link,
        }
        for r, row in enumerate(table.rows)
    ]
    columns = [
        {"name": c.name, "label": c.label or c.name, "unit": c.unit, "better": c.better}
        for c in table.columns
    ]
    full = {"title": table.title, "columns": columns, "rows": rows, "notes": table_notes(table)}
    return json.dumps(full, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _columns(table: Table) -> range:
    return range(len(table.columns))


def _csv_cell(cell: Cell, estimated: bool) -> list[str]:
    if isinstance(cell, Estimate):
        return [repr(cell.value), *map(repr, cell.ci95), str(cell.n)]
    single = "" if cell is None or isinstance(cell, Missing) else str(cell)
    return [single, *[""] * 3] if estimated else [single]


def _csv_reasons(table: Table, row: Row) -> str:
    pairs = zip(table.columns, row.cells, strict=True)
    reasons = {c.name: cell.reason for c, cell in pairs if isinstance(cell, Missing)}
    if len(reasons) == len(row.cells) and len(set(reasons.values())) == 1:
        return next(iter(reasons.values()))
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())


def _json_cell(cell: Cell) -> dict[str, object]:
    match cell:
        case Estimate():
            interval = [_finite(end) for end in cell.ci95]
            return {"value": _finite(cell.value), "ci95": interval, "n": cell.n}
        case Missing():
            return {"value": None, "missing": cell.reason}
        case str() | None:
            return {"value": cell}
        case int() | float():
            return {"value": _finite(cell)}


def _finite(x: float) -> float | None:
    return x if math.isfinite(x) else None
