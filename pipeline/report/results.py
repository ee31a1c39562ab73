"""What reproductions found, kept small enough for the repository, and as Markdown.

A reproduction's folder has ``claims.json``, ``table.json`` and ``multirun.yaml``; of these the
claims, the rows that the paper has numbers for, and how they were made are kept.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from pipeline.errors import UserError

REPORTED = ("reported", "paper_")  # how columns of the paper's numbers begin
OWN = ("experiment=", "hydra.", "hydra/", "store=", "logger=")  # no part of what was measured
MARKS = {"holds": "holds", "does not hold": "**does not hold**", "not decided": "not decided"}
Results = dict[str, Any]


def collected(folder: Path) -> tuple[str, Results]:
    """The name of the experiment of a sweep's folder, and what is kept of it.

    Raises:
        UserError: it holds no reproduction.
    """
    name, changed = _asked(folder)
    try:
        claims = json.loads((folder / "claims.json").read_bytes())
        table = json.loads((folder / "table.json").read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder} holds no finished reproduction ({error}): give the folder of "
            "python run.py experiment=NAME."
        ) from error
    return name, {
        "title": table["title"],
        "changed": changed,
        **_made(folder),
        "claims": [{k: c[k] for k in ("text", "verdict", "evidence")} for c in claims],
        "columns": table["columns"],
        "rows": [_kept(row) for row in table["rows"] if _is_reported(row["cells"])],
    }


def claims_table(results: Mapping[str, Results]) -> str:
    """The claims of every experiment with their verdicts, in Markdown."""
    lines = ["| experiment | the paper says | here | by |", "| --- | --- | --- | --- |"]
    for name, found in sorted(results.items()):
        for claim in found["claims"]:
            cells = f"`{name}`", claim["text"], MARKS[claim["verdict"]], claim["evidence"]
            lines.append(f"| {' | '.join(map(_escaped, cells))} |")
    return "\n".join(lines) if len(lines) > 2 else "No reproduction has been collected yet."


def numbers_page(results: Mapping[str, Results]) -> str:
    """A page with every number that a paper reports beside the measured one, in Markdown."""
    parts = [
        "# Numbers beside the papers'",
        "Made by `scripts/update_readme.py` from the folders of experiments. Other pictures, other "
        "networks and other judges than the papers': what can be compared is the order.",
    ]
    for name, found in sorted(results.items()):
        if found["rows"]:
            parts += [f"## {name}", f"{found['title']}. {_how(found)}", _numbers(found)]
    return "\n\n".join(parts) + "\n"


def _asked(folder: Path) -> tuple[str, list[str]]:
    """The experiment of a sweep, and what of it was overridden."""
    try:
        hydra: Any = OmegaConf.load(folder / "multirun.yaml").hydra
        name, given = hydra.runtime.choices.experiment, list(hydra.overrides.task)
    except (OSError, AttributeError) as error:
        raise UserError(f"{folder} is no folder of a sweep: it has no multirun.yaml.") from error
    if name is None:
        raise UserError(f"{folder} is a sweep of no experiment: give one of experiment=NAME.")
    return str(name), [str(text) for text in given if not str(text).startswith(OWN)]


def _made(folder: Path) -> Results:
    """When, with which code and on what the jobs ran."""
    records = [_read(file) for file in sorted(folder.glob("*/metrics.json"))]
    surroundings = [record.get("environment") or {} for record in records]
    commits = {str((s.get("git") or {}).get("commit", ""))[:7] for s in surroundings} - {""}
    return {
        "jobs": len(records),
        "generators": sorted({str(record.get("generator")) for record in records}),
        "commits": sorted(commits),
    }


def _read(file: Path) -> Results:
    try:
        found: Results = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found


def _is_reported(cells: Mapping[str, Any]) -> bool:
    return any(c.get("value") is not None for k, c in cells.items() if k.startswith(REPORTED))


def _kept(row: Mapping[str, Any]) -> Results:
    keys = ("value", "ci95", "n", "missing")
    cells = {k: {key: c[key] for key in keys if key in c} for k, c in row["cells"].items()}
    return {"labels": row["labels"], "cells": cells}


def _how(found: Results) -> str:
    changed = f" with {', '.join(found['changed'])}" if found["changed"] else ""
    commit = f", commit {', '.join(found['commits'])}" if found["commits"] else ""
    return f"{found['jobs']} jobs on {', '.join(found['generators'])}{changed}{commit}."


def _numbers(found: Results) -> str:
    columns: Sequence[Mapping[str, Any]] = found["columns"]
    labels = list(found["rows"][0]["labels"])
    arrows = {"higher": " ↑", "lower": " ↓"}
    heads = [f"{c['label']}{arrows.get(c['better'], '')}" for c in columns]
    lines = [[*labels, *heads], ["---"] * (len(labels) + len(heads))]
    for row in found["rows"]:
        cells = [_cell(row["cells"].get(c["name"], {})) for c in columns]
        lines.append([*(str(row["labels"].get(label, "")) for label in labels), *cells])
    return "\n".join(f"| {' | '.join(map(_escaped, line))} |" for line in lines)


def _cell(cell: Mapping[str, Any]) -> str:
    value, ends = cell.get("value"), cell.get("ci95") or [None, None]
    if not isinstance(value, int | float):
        return str(value or cell.get("missing") or "")
    if None in ends:
        return f"{value:.4g}"
    return f"{value:.3g} [{ends[0]:.3g}, {ends[1]:.3g}]"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
