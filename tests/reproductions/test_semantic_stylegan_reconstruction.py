"""Reconstruction on both generators, from jobs whose numbers are known."""

from pathlib import Path

from pipeline.records import write_json
from pipeline.report.collate import read_jobs
from pipeline.report.tables import Missing
from pipeline.reproductions.collate import collate_reproduction
from pipeline.reproductions.semantic_stylegan_reconstruction import Reconstruction
from tests.reproductions.jobs import leave_failure

BOTH = ("stylegan2_procfaces", "semantic_stylegan_procfaces")
N = 12


def leave(sweep: Path, name: str, share: float, first: int = 0) -> None:
    """A job whose errors are a share of the number of the picture."""
    rows = [
        {"file": f"face_{i}", "steps": 9, "psnr": 30.0 - i, "mse": share * (1 + i),
         "lpips_embedded": share * (2 + i), "id_embedded": 1 - share * (1 + i) / 100}
        for i in range(first, first + N)
    ]  # fmt: skip
    folder = sweep / name
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text(f"- generator={name}\n")
    results = {"metrics": {}, "timings": {}, "inversion": {"per_image": rows}}
    write_json(folder / "metrics.json", results)


def test_errors_are_compared_in_pairs(tmp_path: Path) -> None:
    for share, verdict in ((1.1, "holds"), (1.5, "does not hold")):
        sweep = tmp_path / str(share)
        leave(sweep, BOTH[0], 1.0)
        leave(sweep, BOTH[1], share)
        found = collate_reproduction(sweep, Reconstruction())
        assert [claim.verdict for claim in found.claims] == [verdict]
        assert [row.labels[0] for row in found.tables[0].rows] == [BOTH[1], BOTH[0]]
        for row in found.tables[1].rows:
            estimate = row.cells[0]
            assert abs(estimate.value - share) < 1e-6  # type: ignore[union-attr]
            assert max(abs(e - share) for e in estimate.ci95) < 1e-6  # type: ignore[union-attr]


def test_other_pictures_are_no_pairs(tmp_path: Path) -> None:
    leave(tmp_path, BOTH[0], 1.0)
    leave(tmp_path, BOTH[1], 1.0, first=1)
    claim = Reconstruction().claims(read_jobs(tmp_path), {})[0]
    assert claim.verdict == "not decided"
    assert "not the same pictures" in claim.parts[0]


def test_a_failed_job_leaves_the_other(tmp_path: Path) -> None:
    leave(tmp_path, BOTH[0], 1.0)
    leave_failure(tmp_path / "failed", {"generator": BOTH[1]}, "no disk")
    table, errors = Reconstruction().tables(read_jobs(tmp_path), {})
    assert isinstance(table.rows[0].cells[0], Missing)
    assert abs(table.rows[1].cells[1].value - 6.5) < 1e-9  # type: ignore[union-attr]
    assert isinstance(errors.rows[0].cells[0], Missing)
    assert Reconstruction().claims(read_jobs(tmp_path), {})[0].verdict == "not decided"
