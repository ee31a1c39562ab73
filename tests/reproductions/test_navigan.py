"""NaviGAN's Table 1 from what jobs leave."""

from pathlib import Path
from typing import Any

from pipeline.report.jobs import Job
from pipeline.report.tables import Missing
from pipeline.reproductions.base import reported
from pipeline.reproductions.navigan import METHODS, Table1, effects

TOLD = reported("navigan/table1")


def job(method: str, *leading: tuple[str, float]) -> Job:
    rows: list[dict[str, Any]] = [
        {"leading": name, "selectivity": ratio, "selective": ratio >= 3} for name, ratio in leading
    ]
    overrides = {"method": f"navigan_{method}"}
    return Job(Path(method), overrides, {}, details={"directions": rows})


def every(**counts: int) -> list[Job]:
    names = ("age", "beard", "smile", "yaw", "pitch", "bald")
    return [job(m, *((name, 4.0) for name in names[:n])) for m, n in counts.items()]


def test_attributes_are_counted_once() -> None:
    found = effects(job("svd", ("age", 3.5), ("smile", 2.0), ("age", 9.0), ("yaw", 3.0)))
    assert found == {"age": [3.5, 9.0], "yaw": [3.0]}


def test_counts_stand_beside_the_names_of_the_paper() -> None:
    failed = Job(Path("x"), {"method": "navigan_hybrid"}, {}, problem="failed: no disk")
    mixed = job("optimization", ("age", 2.5), ("smile", 1.5))
    jobs = [job("svd", ("age", 3.5), ("hair_length", 4.0)), failed, mixed]
    (table,) = Table1().tables(jobs, TOLD)
    rows = {row.labels[0]: row.cells for row in table.rows}
    assert list(rows) == list(METHODS)
    assert rows["svd"] == [2, 2, 4.0, "age, hair length", 1, "thickness"]
    assert rows["optimization"][:4] == [0, 0, 2.5, "none"]
    assert rows["hybrid"][0] == Missing("failed: no disk")
    assert rows["hybrid"][4] == 6
    assert rows["spectrum"][0] == Missing("not run")


def test_verdicts() -> None:
    def verdicts(jobs: list[Job]) -> list[str]:
        return [claim.verdict for claim in Table1().claims(jobs, TOLD)]

    as_reported = verdicts(every(svd=1, optimization=3, spectrum=5, hybrid=6))
    assert as_reported == ["holds", "holds", "does not hold", "holds", "holds", "holds"]
    turned = verdicts(every(svd=6, optimization=5, spectrum=3, hybrid=1))
    assert turned[:2] == ["does not hold", "does not hold"]
    assert verdicts(every(svd=4, optimization=3, spectrum=3, hybrid=4))[:2] == [
        "not decided",
        "does not hold",
    ]
    partly = verdicts(every(svd=1, hybrid=6))
    assert partly == ["not decided"] * 2 + ["does not hold", "not decided", "not decided", "holds"]
