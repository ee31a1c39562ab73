"""SemanticStyleGAN against StyleGAN2 at equal changes, from jobs whose numbers are known."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from pipeline.array_files import write_arrays
from pipeline.records import write_json
from pipeline.report.collate import read_jobs
from pipeline.report.tables import Missing
from pipeline.reproductions.collate import collate_reproduction
from pipeline.reproductions.semantic_stylegan_editing import Editing, Locality
from tests.reproductions.jobs import leave_failure

N = 40
STRENGTHS = torch.tensor([0.5, 1.0], dtype=torch.float64)
BOTH = ("stylegan2_procfaces", "semantic_stylegan_procfaces")


def scales(seed: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return 1 + 0.2 * torch.rand(N, 1, generator=draw, dtype=torch.float64)


def leave(
    folder: Path, overrides: Mapping[str, str], slope: float, change: float = 1.0, seed: int = 0
) -> None:
    """A job whose error outside is `slope` times the change, as far as each image changes."""
    sense = 1.0 if change > 0 else -1.0
    effect, outside = sense * scales(seed) * STRENGTHS, slope * scales(seed + 1) * STRENGTHS
    lines = "".join(f"- {key}={value}\n" for key, value in overrides.items())
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text(lines)
    curves = {
        name: [[0.0, 0.0, 0.0, N], *([float(v), float(v), float(v), N] for v in values.mean(0))]
        for name, values in {"effect": effect, "mse_in": effect.abs(), "mse_out": outside}.items()
    }
    details = {"change": change, "reached": True, "curves": curves, "strengths": [0.5, 1.0]}
    write_json(folder / "metrics.json", {"metrics": {}, "timings": {}, "details": details})
    arrays = {"effect": effect, "mse_out": outside, "map": slope * torch.ones(4, 4)}
    write_arrays(arrays, folder)


def leave_all(sweep: Path, kind: type[Locality], ours: float, fail: tuple[str, ...] = ()) -> None:
    """Every cell: the errors of StyleGAN2 are as large as the changes, ours a share of them."""
    for number, cell in enumerate(product(kind.targets, kind.methods, BOTH)):
        overrides = dict(zip(("target", "method", "generator"), cell, strict=True))
        if cell == fail:
            leave_failure(sweep / str(number), overrides, "no disk")
            continue
        slope = ours if cell[2] == BOTH[1] else 1.0
        change = -1.0 if cell[0] == "close_eyes" else 1.0
        leave(sweep / str(number), overrides, slope, change, seed=number)


def test_a_quarter_is_less_than_a_third_and_a_half_is_not(tmp_path: Path) -> None:
    for share, expected in ((0.25, ["holds", "holds"]), (0.5, ["does not hold", "holds"])):
        leave_all(tmp_path / str(share), Locality, share)
        claims = Locality().claims(read_jobs(tmp_path / str(share)), {})
        assert [claim.verdict for claim in claims] == expected
        assert len(claims[0].parts) == len(claims[1].parts) == 4
    ratio = claims[0].numbers["comparisons"][0]["estimate"]
    assert abs(ratio["value"] - 0.5) < 0.05
    assert ratio["ci95"][0] < ratio["value"] < ratio["ci95"][1]


def test_edits_of_both_methods_and_all_attributes_count(tmp_path: Path) -> None:
    leave_all(tmp_path / "less", Editing, 0.7)
    leave_all(tmp_path / "more", Editing, 1.5)
    found = [Editing().claims(read_jobs(tmp_path / name), {})[0] for name in ("less", "more")]
    assert [claim.verdict for claim in found] == ["holds", "does not hold"]
    assert len(found[0].parts) == 8


def test_less_change_wins_nothing(tmp_path: Path) -> None:
    """A generator that changes the attribute half as much errs half as much, and that is equal."""
    cell = {"target": "open_mouth", "method": "resefa"}
    leave(tmp_path / "0", cell | {"generator": BOTH[0]}, 1.0, seed=1)
    leave(tmp_path / "1", cell | {"generator": BOTH[1]}, 1.0, seed=1)
    for kept in (tmp_path / "1").glob("arrays*"):
        kept.unlink()
    half = {"effect": 0.5 * scales(1) * STRENGTHS, "mse_out": 0.5 * scales(2) * STRENGTHS}
    write_arrays(half, tmp_path / "1")
    table = Locality().tables(read_jobs(tmp_path), {})[0]
    row = next(row for row in table.rows if tuple(row.labels) == ("open_mouth", "resefa"))
    assert abs(row.cells[0].value - 1) < 1e-6  # type: ignore[union-attr]


def test_a_failed_cell_costs_no_other(tmp_path: Path) -> None:
    leave_all(tmp_path, Locality, 0.25, fail=("open_mouth", "resefa", BOTH[1]))
    found = collate_reproduction(tmp_path, Locality())
    ratios, every = found.tables
    rows = {tuple(row.labels): row.cells for row in ratios.rows}
    assert isinstance(rows["open_mouth", "resefa"][0], Missing)
    assert abs(rows["open_mouth", "hyperplane_class"][0].value - 0.25) < 0.03  # type: ignore[union-attr]
    assert len(every.rows) == 16
    assert [claim.verdict for claim in found.claims] == ["holds", "not decided"]
    names = [figure.name for figure in found.figures]
    assert "open_mouth_hyperplane_class_maps" in names
    assert "failed" in (tmp_path / "table.html").read_text()


def test_nothing_was_run(tmp_path: Path) -> None:
    leave_failure(tmp_path / "0", {"target": "smile"}, "no disk")
    claims = Editing().claims(read_jobs(tmp_path), {})
    assert [claim.verdict for claim in claims] == ["not decided"]
    assert "not run" in claims[0].parts[0]
