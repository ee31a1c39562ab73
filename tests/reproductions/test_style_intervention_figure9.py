"""Figure 9 of Style Intervention, from jobs whose numbers are known."""

import json
from pathlib import Path

import torch
from torch import Tensor

from pipeline.report.collate import read_jobs
from pipeline.report.tables import Missing
from pipeline.reproductions.base import reported
from pipeline.reproductions.collate import collate_reproduction
from pipeline.reproductions.style_intervention import OURS
from pipeline.reproductions.style_intervention_figure9 import OTHERS, Figure9
from tests.reproductions.jobs import leave_cell, leave_failure

N = 50


def noise(seed: int) -> Tensor:
    return torch.randn(N, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def leave(sweep: Path, error: dict[str, float], fail: tuple[str, str] | None = None) -> None:
    """All cells, with so much error outside, and a structure and identity that follow from it."""
    pairs = [(target, method) for target in Figure9.targets for method in (OURS, *OTHERS)]
    for number, (target, method) in enumerate(pairs):
        folder, overrides = sweep / str(number), {"target": target, "method": method}
        if (target, method) == fail:
            leave_failure(folder, overrides, "no disk")
            continue
        faces = 0.05 + 0.02 * noise(0) + error[method] + 1e-4 * noise(number + 1)
        numbers = {"mse_out": faces, "ssim": 1 - faces, "id_embedded": 1 - 2 * faces}
        leave_cell(folder, overrides, {1.0: numbers})


def verdicts(sweep: Path) -> list[str]:
    claims = Figure9().claims(read_jobs(sweep), reported("style_intervention/figure9"))
    return [claim.verdict for claim in claims]


def alter(sweep: Path, number: int, change: float) -> None:
    path = sweep / str(number) / "metrics.json"
    results = json.loads(path.read_text())
    results["attributes"]["eye_open"]["value"] = change
    path.write_text(json.dumps(results))


def test_who_keeps_more_of_every_face_wins(tmp_path: Path) -> None:
    leave(tmp_path, {OURS: 0.0, "stargan": 0.002, "attgan": 0.004})
    assert verdicts(tmp_path) == ["holds"] * 3 + ["not decided"] * 2  # no quality was measured


def test_one_that_keeps_more_refutes_it(tmp_path: Path) -> None:
    leave(tmp_path, {OURS: 0.002, "stargan": 0.0, "attgan": 0.004})
    assert verdicts(tmp_path)[:3] == ["does not hold"] * 3


def test_who_changes_the_attribute_less_wins_nothing(tmp_path: Path) -> None:
    leave(tmp_path, {OURS: 0.0, "stargan": 0.002, "attgan": 0.004})
    alter(tmp_path, 0, -0.3)
    claims = Figure9().claims(read_jobs(tmp_path), {})
    assert claims[0].verdict == "not decided"
    assert "style_intervention changes the attribute less" in claims[0].parts[0]
    leave(tmp_path / "timid", {OURS: 0.002, "stargan": 0.0, "attgan": 0.004})
    for number in range(1, 12, 3):
        alter(tmp_path / "timid", number, -0.3)
    assert verdicts(tmp_path / "timid")[0] == "not decided"


def test_quality_is_the_distance_to_the_data(tmp_path: Path) -> None:
    leave(tmp_path, {OURS: 0.0, "stargan": 0.002, "attgan": 0.004})
    for number in range(12):
        path = tmp_path / str(number) / "metrics.json"
        results = json.loads(path.read_text())
        value = 5.0 if number % 3 == 0 else 9.0
        results["metrics"]["fd_embedded"] = {
            "value": value, "ci95": [value - 0.5, value + 0.5], "n": N
        }  # fmt: skip
        path.write_text(json.dumps(results))
    claim = Figure9().claims(read_jobs(tmp_path), {})[3]
    assert claim.verdict == "holds"
    assert "not in pairs" in claim.parts[0]


def test_a_failed_cell_costs_no_other(tmp_path: Path) -> None:
    leave(tmp_path, {OURS: 0.0, "stargan": 0.002, "attgan": 0.004}, fail=("older", "attgan"))
    jobs = read_jobs(tmp_path)
    table, study = Figure9().tables(jobs, {})
    rows = {tuple(row.labels): row.cells for row in table.rows}
    assert len(rows) == 12
    assert isinstance(rows["older", "attgan"][0], Missing)
    assert rows["older", "attgan"][-1] == "failed"
    assert rows["smile", OURS][-1] == "reached"
    assert "not reproducible" in study.title
    assert [row.labels[0] for row in study.rows] == ["attgan", "stargan"]
    claims = Figure9().claims(jobs, {})
    assert claims[0].verdict == "not decided"
    assert any("not there: attgan" in part for part in claims[0].parts)


def test_the_page_has_the_pictures_of_every_method(tmp_path: Path) -> None:
    from PIL import Image

    leave(tmp_path, {OURS: 0.0, "stargan": 0.002, "attgan": 0.004})
    for number in (0, 1, 2):
        Image.new("RGB", (4, 4)).save(tmp_path / str(number) / "strips.png")
    found = collate_reproduction(tmp_path, Figure9())
    assert [figure.name for figure in found.figures] == [
        f"masculine_{method}" for method in (OURS, *OTHERS)
    ]
    assert "Figure 9: masculine" in (tmp_path / "table.html").read_text()
    assert (tmp_path / "table_2.csv").exists()
