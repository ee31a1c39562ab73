"""README's tables are what the configuration and the collected results make of them."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.fitting import Fit
from pipeline.report.capabilities import architectures, cell
from pipeline.report.results import claims_table, collected, numbers_page
from scripts import update_readme
from scripts.update_readme import README, kept, old, updated, written

CLAIM = {"text": "a | b", "verdict": "holds", "evidence": "2 > 1", "numbers": {}, "parts": []}
COLUMNS = [
    {"name": "id", "label": "ID", "unit": "", "better": "higher"},
    {"name": "reported_id", "label": "reported ID", "unit": "", "better": None},
]


def row(method: str, reported: float | None) -> dict[str, Any]:
    measured = {"value": 0.5, "ci95": [0.4, 0.6], "n": 8, "best": True}
    cells = {"id": measured, "reported_id": {"value": reported, "best": False}}
    return {"labels": {"method": method}, "cells": cells, "link": None}


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """What an experiment leaves."""
    told = "hydra:\n  runtime: {choices: {experiment: resefa/table1}}\n"
    task = "  overrides: {task: [experiment=resefa/table1, samples=8, store=here]}\n"
    (tmp_path / "multirun.yaml").write_text(told + task)
    (tmp_path / "claims.json").write_text(json.dumps([CLAIM]))
    rows = [row("resefa", 0.83), row("own", None)]
    table = {"title": "A table", "columns": COLUMNS, "rows": rows, "notes": []}
    (tmp_path / "table.json").write_text(json.dumps(table))
    (tmp_path / "0").mkdir()
    job = {"generator": "waves", "environment": {"git": {"commit": "abcdef0123"}}}
    (tmp_path / "0" / "metrics.json").write_text(json.dumps(job))
    return tmp_path


def test_the_readme_is_current() -> None:
    files = written(kept(), README.read_text("utf-8"))
    assert old(files) == [], "run python scripts/update_readme.py"
    assert "<!-- generated: methods -->" in files[Path("README.md")]


def test_a_sweep_is_collected(sweep: Path) -> None:
    name, found = collected(sweep)
    assert name == "resefa/table1"
    assert found["changed"] == ["samples=8"]
    assert (found["jobs"], found["generators"], found["commits"]) == (1, ["waves"], ["abcdef0"])
    assert [r["labels"]["method"] for r in found["rows"]] == ["resefa"]
    page = numbers_page({name: found})
    assert "| resefa | 0.5 [0.4, 0.6] | 0.83 |" in page
    assert "1 jobs on waves with samples=8, commit abcdef0." in page
    assert r"| `resefa/table1` | a \| b | holds | 2 > 1 |" in claims_table({name: found})


def test_other_folders_are_refused(tmp_path: Path, sweep: Path) -> None:
    with pytest.raises(UserError, match="no multirun.yaml"):
        collected(tmp_path / "none")
    (sweep / "claims.json").unlink()
    with pytest.raises(UserError, match="no finished reproduction"):
        collected(sweep)


def test_regions_are_replaced_and_nothing_else() -> None:
    text = "before\n<!-- generated: claims -->\nold\n<!-- end -->\nafter\n"
    new = updated(text, {})
    assert new.startswith("before\n<!-- generated: claims -->\n")
    assert "old" not in new and new.endswith("<!-- end -->\nafter\n")
    assert updated(new, {}) == new
    with pytest.raises(UserError, match="claimz"):
        updated(text.replace("claims", "claimz"), {})


def test_cells_hold_the_spaces_that_meet() -> None:
    has = Fit(("z", "w", "s"), ("stylegan2",))
    assert cell(Fit(("w", "w+", "s")), "stylegan2", has) == "w, s"
    assert cell(Fit(("pixels",)), "stylegan2", has) == "pixels"
    assert cell(Fit(("parameters",)), "stylegan2", has) == "–"
    assert cell(Fit(("s",), ("stylegan",)), "stylegan2", has) == "–"
    assert next(iter(architectures())) == "stylegan"


def test_the_script_writes_what_it_checks(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = sweep / "checkout"
    (root / "docs").mkdir(parents=True)
    (root / "README.md").write_text("<!-- generated: claims -->\n<!-- end -->\n")
    monkeypatch.setattr(update_readme, "ROOT", root)
    monkeypatch.setattr(update_readme, "README", root / "README.md")
    monkeypatch.setattr(update_readme.kept, "__defaults__", (root,))
    monkeypatch.setattr(update_readme.old, "__defaults__", (root,))
    for given, status in (["--check"], 1), (["--results", str(sweep)], 0), (["--check"], 0):
        monkeypatch.setattr(sys, "argv", ["update_readme.py", *given])
        assert update_readme.main() == status
    assert "a \\| b" in (root / "README.md").read_text()
    assert "resefa/table1" in json.loads((root / "docs" / "results.json").read_text())
    monkeypatch.setattr(sys, "argv", ["update_readme.py", "--results", str(root)])
    assert update_readme.main() == 2
    assert "multirun.yaml" in capsys.readouterr().err
