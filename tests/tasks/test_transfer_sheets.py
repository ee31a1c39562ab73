"""Sheets of transfers: one per target or part, with everything in its place."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import UserError
from pipeline.tasks.base import Findings
from pipeline.tasks.transfer_sheets import TransferSheets
from tests.tasks.transfers import config, experiment, runner

CELL = 128 + 3


def run(folder: Path, **changes: Any) -> Findings:
    settings: dict[str, Any] = {"ways": {"sequential": [3]}, "parts": ["mouth", "eyes", "ears"]}
    task = TransferSheets(**{**settings, **changes})
    e = experiment(folder)
    task.check(e)
    return task.run(e, config(), runner(folder))


def sheets(found: Findings) -> dict[str, Image.Image]:
    return {k: v for k, v in found.pictures.items() if isinstance(v, Image.Image)}


def test_a_sheet_per_target_has_references_across_and_parts_down(tmp_path: Path) -> None:
    found = run(tmp_path, targets=2, references=3)
    assert list(found.pictures) == ["target_1", "target_2"]
    for sheet in sheets(found).values():
        assert sheet.width // CELL == 4
        assert sheet.height // CELL == 3
    assert list(found.details["absent"]) == ["ears"]


def test_a_sheet_per_part_has_ways_across_and_pairs_down(tmp_path: Path) -> None:
    ways = {"sequential": [3], "feature_blending": [4, 8], "poisson_blending": [1]}
    found = run(tmp_path, ways=ways, layout="ways", targets=2)
    assert list(found.pictures) == ["mouth", "eyes"]
    for sheet in sheets(found).values():
        assert sheet.width // CELL == 3 + 4
        assert sheet.height // CELL == 2


def test_errors_are_black_where_nothing_changed(tmp_path: Path) -> None:
    """An empty query leaves the target; a complete one does not."""
    black = (0, 0, 3)

    def colours(sheet: Image.Image) -> set[tuple[int, ...]]:
        """Those of the second row, right of the target."""
        left, top = sheet.width - 10 - 2 * CELL, sheet.height - 10 - CELL
        box = sheet.crop((left + 5, top + 5, left + 120, top + 120))
        return set(map(tuple, np.asarray(box).reshape(-1, 3).tolist()))

    still = run(tmp_path, ways={"sequential": [0.01]}, targets=1, references=2, errors=True)
    moved = run(tmp_path, ways={"global": [1]}, targets=1, references=2, errors=True)
    assert colours(sheets(still)["target_1"]) == {black}
    assert len(colours(sheets(moved)["target_1"])) > 5


def test_sheets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match="one way with one setting"):
        TransferSheets({"sequential": [3, 5]})
    with pytest.raises(UserError, match="Did you mean way=global"):
        TransferSheets({"globa": [1]})
    with pytest.raises(UserError, match="layout"):
        TransferSheets({"global": [1]}, layout="rows")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="at least 1"):
        TransferSheets({"global": [1]}, targets=0)
