"""A sweep's folder becomes a table."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.metrics.base import Estimate
from pipeline.report.collate import collate, read_jobs, sweep_table
from pipeline.report.table_formats import to_markdown
from pipeline.report.tables import Missing


def leave_job(folder: Path, overrides: list[str], **files: Any) -> None:
    """What a job leaves: overrides, and files by name."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text("".join(f"- {line}\n" for line in overrides))
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text)


def results(value: float, **metrics: dict[str, Any]) -> dict[str, Any]:
    """A metrics file."""
    ssim = {"value": value, "ci95": [value - 0.01, value + 0.01], "n": 256}
    return {"metrics": {"ssim": ssim, **metrics}, "timings": {"discover": 1.5, "edit": 2.0}}


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Jobs 0 and 10 ran, 2 failed, 3 left nothing, 4 a damaged file; 1 and others are not there."""
    folder = tmp_path / "sweep"
    unknown = {"value": None, "ci95": [None, None], "n": 0}
    leave_job(folder / "0", ["method=resefa", "region=mouth", "+x=1"], metrics=results(0.95))
    leave_job(
        folder / "10", ["method=resefa", "region=eyes", "x=1"], metrics=results(0.97, id=unknown)
    )
    leave_job(
        folder / "2",
        ["method=resefa", "region=nose", "x=1"],
        status={"status": "failed", "error": "UserError: the disk\nis full."},
    )
    leave_job(folder / "3", ["method=resefa", "region=hair", "x=1", "~y"])
    leave_job(folder / "4", ["method=resefa", "region=ears", "x=1"], metrics='{"metrics": {"ss')
    (folder / "0" / "report.html").write_text("")
    leave_job(folder / "0" / "wandb" / "inner", ["method=none"])
    (folder / ".store").mkdir()
    return folder


def test_jobs_come_in_the_order_of_their_numbers(sweep: Path) -> None:
    """10 behind 4; what lies within a job is no job."""
    assert [job.folder.name for job in read_jobs(sweep)] == ["0", "2", "3", "4", "10"]


def test_what_differs_labels_the_rows(sweep: Path) -> None:
    """What all jobs share is said below."""
    table = sweep_table(sweep)
    assert table.headings == ("job", "region", "y")
    assert [row.labels[1] for row in table.rows] == ["mouth", "nose", "hair", "ears", "eyes"]
    assert [row.labels[2] for row in table.rows] == ["", "", "removed", "", ""]
    assert table.notes[0] == "All jobs: method=resefa x=1."
    assert [row.link for row in table.rows] == ["0/report.html", None, None, None, None]


def test_numbers_are_those_of_the_files(sweep: Path) -> None:
    """Estimates, and the time over all stages; a null is no number."""
    table = sweep_table(sweep)
    assert [column.name for column in table.columns] == ["ssim", "id", "seconds"]
    first, last = table.rows[0].cells, table.rows[-1].cells
    assert first[0] == Estimate(0.95, (0.95 - 0.01, 0.95 + 0.01), 256)
    assert first[1:] == [Missing("not measured"), 3.5]
    assert isinstance(last[1], Estimate)
    assert last[1].n == 0
    assert last[1].value != last[1].value


def test_lost_jobs_keep_their_rows_and_say_why(sweep: Path) -> None:
    """Failed, without results, damaged, never started."""
    table = sweep_table(sweep)
    reasons = [
        cell.reason for row in table.rows for cell in row.cells[:1] if isinstance(cell, Missing)
    ]
    assert reasons[:2] == ["failed: UserError: the disk is full", "left no metrics.json"]
    assert reasons[2].startswith("metrics.json cannot be read (JSONDecodeError")
    assert table.notes[1] == "No folder of job 1, 5, 6, 7, 8, 9: it never started."
    assert "- job 2, region nose: failed: UserError: the disk is full." in to_markdown(table)


def test_all_formats_are_written(sweep: Path) -> None:
    """Beside the jobs, and a second time the same."""
    table = collate(sweep)
    first = {path.name: path.read_text() for path in sweep.glob("table.*")}
    assert sorted(first) == [f"table.{end}" for end in ("csv", "html", "json", "md", "tex")]
    assert first["table.md"] == to_markdown(table)
    collate(sweep)
    assert first == {path.name: path.read_text() for path in sweep.glob("table.*")}


def test_a_sweep_where_everything_failed(tmp_path: Path) -> None:
    """The table still lists the jobs."""
    leave_job(tmp_path / "s" / "0", ["a=1"], status={"status": "failed", "error": "x"})
    leave_job(tmp_path / "s" / "1", ["a=2"], status={"status": "running"})
    table = sweep_table(tmp_path / "s")
    assert [row.cells for row in table.rows] == [
        [Missing("failed: x")],
        [Missing("left no metrics.json (status: running)")],
    ]
    assert collate(tmp_path / "s") == table


def test_a_folder_without_jobs_is_refused(tmp_path: Path) -> None:
    """With what was expected."""
    with pytest.raises(UserError, match=r"There are no jobs in .*metrics\.json"):
        sweep_table(tmp_path)
    with pytest.raises(UserError, match="There are no jobs"):
        collate(tmp_path / "absent")
