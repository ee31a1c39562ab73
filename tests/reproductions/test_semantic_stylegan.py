"""The growing composition and local interpolation from what jobs leave."""

from pathlib import Path
from typing import Any

import torch

from pipeline.metrics.base import Estimate
from pipeline.report.images import save_png
from pipeline.report.jobs import Job
from pipeline.report.tables import Missing
from pipeline.reproductions.semantic_stylegan import GrowingImages, LocalInterpolations
from pipeline.summaries import plain_estimates

LOST = Job(Path("1"), {"seed": "1"}, {}, problem="failed: no disk")


def row(name: str, ratio: float, n: int = 50, **named: str) -> dict[str, Any]:
    """A class that changes so many times as much where it is seen."""
    numbers = {
        "area": Estimate(0.1, (0.09, 0.11), n),
        "mse_in": Estimate(ratio, (ratio, ratio), n),
        "mse_out": Estimate(1.0, (1.0, 1.0), n),
        "mse_ratio": Estimate(ratio, (ratio - 1, ratio + 1), n),
    }
    return {"class": name, **named, **plain_estimates(numbers)}


def job(*rows: dict[str, Any], path: Path = Path("none")) -> Job:
    return Job(Path("0"), {"seed": "0"}, {}, path=path, details={"rows": rows})


def first(area: float = 1.0) -> dict[str, Any]:
    """The class that comes first, which changes nothing."""
    return {"class": "background", **plain_estimates({"area": Estimate(area, (area, area), 50)})}


def test_a_class_has_to_change_three_times_as_much_where_it_is_seen() -> None:
    verdicts = {
        ratio: GrowingImages().claims([job(first(), row("skin", ratio))], {})[0].verdict
        for ratio in (9.0, 3.5, 1.0)
    }
    assert verdicts == {9.0: "holds", 3.5: "not decided", 1.0: "does not hold"}


def test_a_class_that_is_never_seen_leaves_the_claim_open() -> None:
    nan = float("nan")
    unseen = row("glasses", 1.0)
    unseen["mse_ratio"] = plain_estimates({"x": Estimate(nan, (nan, nan), 0)})["x"]
    (found,) = GrowingImages().claims([job(row("skin", 9.0), unseen)], {})
    assert found.verdict == "not decided"
    assert "it is seen in no two images" in found.parts[1]


def test_the_table_has_a_row_per_class_and_kind_of_codes() -> None:
    rows = [row("mouth", 9.0, codes="structure"), row("mouth", 8.0, codes="texture")]
    (table,) = LocalInterpolations().tables([job(*rows), job(*rows), LOST], {})
    assert [list(r.labels) for r in table.rows] == [["mouth", "structure"], ["mouth", "texture"]]
    (grown,) = GrowingImages().tables([job(first(), row("skin", 9.0))], {})
    assert list(grown.rows[0].cells)[1:] == [None] * 3


def test_jobs_that_failed_are_cells_that_say_so() -> None:
    (table,) = LocalInterpolations().tables([LOST], {})
    assert list(table.rows[0].cells) == [Missing("failed: no disk")] * 4
    (found,) = LocalInterpolations().claims([LOST], {})
    assert (found.verdict, found.evidence) == ("not decided", "failed: no disk")
    (found,) = GrowingImages().claims([], {})
    assert found.evidence == "no job measured it"


def test_figures_are_the_sheets(tmp_path: Path) -> None:
    save_png(torch.zeros(3, 8, 8), tmp_path / "mouth.png")
    (figure,) = LocalInterpolations().figures([job(path=tmp_path), LOST], {})
    assert (figure.name, figure.caption) == ("0_mouth", "mouth")
