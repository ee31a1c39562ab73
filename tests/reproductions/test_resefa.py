"""ReSeFa's table, figure and verdicts, from jobs whose numbers are known."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.report.collate import read_jobs
from pipeline.reproductions.base import reported
from pipeline.reproductions.collate import collate_reproduction
from pipeline.reproductions.resefa import Table1
from pipeline.reproductions.resefa_figure5 import Figure5
from tests.reproductions.jobs import leave_cell, leave_failure

TARGETS = ("close_eyes", "close_mouth", "with_lipstick", "big_nose")
N = 50


def noise(seed: int) -> Tensor:
    return torch.randn(N, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def cell(identity: float, own: float = 0.0, seed: int = 1) -> dict[float, dict[str, Tensor]]:
    """Identities that vary much from face to face, alike in all methods, and a little beside."""
    faces = identity + 0.2 * noise(0) + own * noise(seed)
    return {1.0: {"id_embedded": faces, "mse_in": noise(3).abs(), "mse_out": noise(4).abs()}}


def leave_table(
    sweep: Path, identities: dict[str, float], seconds: dict[str, float] | None = None
) -> None:
    times = seconds or {"resefa": 1.0, "stylespace": 4.0, "lowrankgan": 9.0}
    jobs = [(target, method) for target in TARGETS for method in identities]
    for number, (target, method) in enumerate(jobs):
        leave_cell(
            sweep / str(number),
            {"target": target, "method": method},
            cell(identities[method], 0.02, number + 10),
            discovery={"jacobian": times.get(method, 1.0) - 0.25, "solve": 0.25},
        )


def verdicts(sweep: Path) -> list[str]:
    claims = Table1().claims(read_jobs(sweep), reported("resefa/table1"))
    return [claim.verdict for claim in claims]


def test_differences_far_below_the_spread_of_faces_are_seen_in_pairs(tmp_path: Path) -> None:
    leave_table(tmp_path, {"resefa": 0.9, "stylespace": 0.88, "lowrankgan": 0.87})
    assert verdicts(tmp_path) == ["holds", "holds"]


def test_one_baseline_that_is_better_refutes_the_claim(tmp_path: Path) -> None:
    leave_table(tmp_path, {"resefa": 0.9, "stylespace": 0.93, "lowrankgan": 0.87})
    assert verdicts(tmp_path)[0] == "does not hold"


def test_what_intervals_do_not_tell_apart_is_not_decided(tmp_path: Path) -> None:
    leave_table(tmp_path, {"resefa": 0.9, "stylespace": 0.9, "lowrankgan": 0.87})
    assert verdicts(tmp_path)[0] == "not decided"


def test_a_slower_discovery_refutes_the_claim_of_speed(tmp_path: Path) -> None:
    times = {"resefa": 5.0, "stylespace": 4.0, "lowrankgan": 9.0}
    leave_table(tmp_path, {"resefa": 0.9, "stylespace": 0.8, "lowrankgan": 0.8}, times)
    assert verdicts(tmp_path) == ["holds", "does not hold"]


def test_who_edits_less_than_asked_for_wins_nothing(tmp_path: Path) -> None:
    baselines = {"stylespace": 0.8, "lowrankgan": 0.8}
    leave_table(tmp_path, {"resefa": 0.9, **baselines})
    path = tmp_path / "0" / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"reached": False}))
    claim = Table1().claims(read_jobs(tmp_path), reported("resefa/table1"))[0]
    assert claim.verdict == "not decided"
    assert any("resefa did not reach the change" in part for part in claim.parts)


def test_missing_and_failed_cells_say_so_and_leave_the_verdict_open(tmp_path: Path) -> None:
    leave_cell(tmp_path / "0", {"target": "close_eyes", "method": "resefa"}, cell(0.9))
    leave_failure(
        tmp_path / "1", {"target": "close_eyes", "method": "stylespace"}, "no channel is local."
    )
    leave_cell(tmp_path / "2", {"target": "close_eyes", "method": "sefa"}, cell(0.8), reached=False)
    found = collate_reproduction(tmp_path, Table1())
    table = found.tables[0]
    rows = {tuple(row.labels): row.cells for row in table.rows}
    at = [column.name for column in table.columns].index("state")
    assert rows["close_eyes", "resefa"][at] == "reached"
    assert rows["close_eyes", "stylespace"][at] == "failed"
    assert rows["close_eyes", "lowrankgan"][at] == "not run"
    assert rows["close_eyes", "sefa"][at] == "NOT REACHED"
    assert "close_eyes, stylespace: failed: no channel is local." in table.notes
    assert {claim.verdict for claim in found.claims} == {"not decided"}
    assert ("big_nose", "sefa") not in rows


def test_reported_numbers_stand_in_columns_of_their_own(tmp_path: Path) -> None:
    leave_table(tmp_path, {"resefa": 0.9, "sefa": 0.8})
    table = Table1().tables(read_jobs(tmp_path), reported("resefa/table1"))[0]
    names = [column.name for column in table.columns]
    row = next(r for r in table.rows if tuple(r.labels) == ("close_mouth", "resefa"))
    printed = [i for i, name in enumerate(names) if name.startswith("paper_")]
    assert [names[i] for i in printed] == ["paper_fid", "paper_id", "paper_mse", "paper_speed"]
    assert [row.cells[i] for i in printed] == [23.35, 0.85, 2.11, 0.5]
    sefa = next(r for r in table.rows if tuple(r.labels) == ("close_mouth", "sefa"))
    assert [sefa.cells[i] for i in printed] == [None] * 4
    assert row.cells[names.index("seconds")] == pytest.approx(1.0)
    assert row.cells[names.index("seconds_solution")] == pytest.approx(0.25)
    best = {r for r, c in table.best() if c == names.index("id_embedded")}
    assert {table.rows[r].labels[1] for r in best} == {"resefa"}
    assert len(best) == 4


def test_all_files_are_left(tmp_path: Path) -> None:
    leave_table(tmp_path, {"resefa": 0.9, "stylespace": 0.8, "lowrankgan": 0.8})
    collate_reproduction(tmp_path, Table1())
    for suffix in ("csv", "md", "tex", "html", "json"):
        assert (tmp_path / f"table.{suffix}").stat().st_size > 500
    claims = json.loads((tmp_path / "claims.json").read_text())
    assert [set(claim) for claim in claims] == [
        {"text", "verdict", "evidence", "numbers", "parts"}
    ] * 2
    page = (tmp_path / "table.html").read_text()
    assert "What the paper claims" in page
    assert claims[0]["text"] in page


def curves(ratio: float, seed: int) -> dict[float, dict[str, Tensor]]:
    """Errors that grow with the square of the strength, ``ratio`` times as great inside."""
    faces = 1 + 0.5 * noise(0).abs()
    return {
        s: {
            "mse_in": ratio * s**2 * faces * (1 + 0.01 * noise(seed)),
            "mse_out": s**2 * faces,
            "mse_ratio": ratio * torch.ones_like(faces),
        }
        for s in (0.5, 1.0, 2.0)
    }


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(8.0, "holds"), (4.0, "not decided"), (2.0, "does not hold")]
)
def test_figure5_compares_regions_at_an_equal_change_outside(
    ratio: float, verdict: str, tmp_path: Path
) -> None:
    ratios = {"resefa": ratio, "stylespace": 4.0, "lowrankgan": 1.0}
    jobs = [(target, method) for target in Figure5.targets for method in ratios]
    for number, (target, method) in enumerate(jobs):
        leave_cell(
            tmp_path / str(number),
            {"target": target, "method": method},
            curves(ratios[method], 0 if ratio == 4.0 and method != "lowrankgan" else number + 5),
        )
    found = collate_reproduction(tmp_path, Figure5())
    assert [claim.verdict for claim in found.claims] == [verdict]
    assert len(found.tables[0].rows) == 2 * 3 * 3
    assert len(found.figures) == 2 * 3
    assert all(str(figure.content).startswith("<svg") for figure in found.figures)
    numbers = found.claims[0].numbers["comparisons"]
    assert numbers[0]["estimate"]["value"] == pytest.approx(ratio / 4, rel=0.02)
