"""The end of a reproduction: what is printed, and what the tracker of the sweep gets."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from omegaconf import OmegaConf

from pipeline.reproductions.resefa import Table1
from pipeline.reproductions.telling import tell
from pipeline.tracking import Tracker
from tests.reproductions.test_resefa import leave_table


class Recorder(Tracker):
    """Keeps the tables that it is shown."""

    tables: ClassVar[dict[str, tuple[list[str], list[Sequence[Any]]]]] = {}

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        self.tables[name] = list(columns), list(rows)


def test_table_and_verdicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_table(tmp_path, {"resefa": 0.9, "stylespace": 0.88, "lowrankgan": 0.87})
    config = OmegaConf.create({"logger": {"_target_": f"{__name__}.Recorder"}})
    tell(tmp_path, Table1(), config)
    printed = capsys.readouterr().out
    assert "ReSeFa, Table 1" in printed
    assert "HOLDS: ReSeFa keeps the identity" in printed
    assert str(tmp_path / "claims.json") in printed
    columns, rows = Recorder.tables["table"]
    assert "paper: FID ↓" in columns
    assert {len(row) for row in rows} == {len(columns)}
    assert len(rows) == 12
    assert [row[1] for row in Recorder.tables["claims"][1]] == ["holds", "holds"]
