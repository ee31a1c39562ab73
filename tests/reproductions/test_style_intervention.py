"""Tables, claims and figures of Style Intervention from what jobs leave."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.metrics.base import Estimate
from pipeline.report.jobs import Job
from pipeline.report.tables import Missing
from pipeline.reproductions.base import Claim, reported
from pipeline.reproductions.style_intervention import METHODS, Table1, Table2
from pipeline.reproductions.style_intervention_figures import Figure2, Figure5, Figure6


def around(value: float, half: float = 0.001, n: int = 200) -> Estimate:
    return Estimate(value, (value - half, value + half), n)


def failed(**overrides: str) -> Job:
    return Job(Path("9"), overrides, {}, problem="failed: no disk")


def row(attribute: str, validation: float, sparsity: float = 0.97) -> dict[str, Any]:
    def facts(value: float, C: float = 0.03) -> dict[str, Any]:
        return {
            "train_accuracy": 0.99, "validation_accuracy": value, "sparsity": sparsity, "C": C,
            "validation": [value, value - 0.02, value + 0.02, 240],
        }  # fmt: skip

    s = facts(validation)
    sweep = [facts(validation, 0.01), facts(validation - 0.1, 0.1)]
    return {"attribute": attribute, "s": s, "z": facts(0.7), "w": facts(0.9), "sweep": sweep}


def separability(*rows: dict[str, Any]) -> Job:
    details = {"rows": list(rows), "labeller": "regressor", "samples": 1000, "share": 0.05}
    return Job(Path("0"), {"seed": "0"}, {}, details=details)


def verdicts(claims: Any) -> list[str]:
    return [claim.verdict for claim in claims]


def test_table_1_stands_beside_what_is_reported() -> None:
    told = reported("style_intervention/table1")
    job = separability(row("age", 0.99), row("glasses", 0.92), row("nose_width", 0.91))
    (table,) = Table1().tables([job], told)
    rows = {r.labels[0]: r.cells for r in table.rows}
    assert rows["glasses"][-3:] == [100.0, 90.58, 96.92]
    assert rows["age"][-3:] == [100.0, 98.14, 98.14]
    assert rows["nose_width"][-3:] == [None, None, None]
    assert isinstance(rows["asian"][0], Missing)
    assert rows["age"][1] == Estimate(0.99, (0.97, 1.01), 240)
    assert "regressor" in table.notes[0]


def test_table_1_asks_the_geometric_attributes_alone() -> None:
    good = separability(row("age", 0.99), row("glasses", 0.5, 0.1), row("nose_width", 0.91))
    assert verdicts(Table1().claims([good], {})) == ["holds", "holds"]
    bad = separability(row("age", 0.89), row("nose_width", 0.91, 0.7))
    claims = Table1().claims([bad], {})
    assert verdicts(claims) == ["does not hold", "does not hold"]
    assert claims[0].numbers["below"] == ["age"]
    assert verdicts(Table1().claims([failed()], {})) == ["not decided"] * 2
    (figure,) = Table1().figures([good], {})
    assert isinstance(figure.content, str)
    assert figure.content.lstrip().startswith("<svg")
    assert Table1().figures([failed()], {}) == []


def edited(method: str, mse: float, change: float = 1.0, **metrics: Estimate) -> Job:
    numbers = {"mse_in": around(mse), "ssim": around(0.6), "id_embedded": around(0.8), **metrics}
    moved = {"value": change, "ci95": [change - 0.1, change + 0.1], "n": 200}
    others = {"glasses": moved | {"value": -0.7}, "smile": moved | {"value": 0.4}}
    details = {"attributes": {"age": moved, **others}}
    overrides = {"attribute": "age", "method": method}
    return Job(Path(method), overrides, numbers, details=details)


def table2_claims(*jobs: Job) -> dict[str, Claim]:
    claims = Table2().claims(jobs, reported("style_intervention/table2"))
    return dict(zip(("mse", "ssim", "id", "study"), claims, strict=True))


def test_table_2_holds_where_ours_is_apart_from_all_others() -> None:
    jobs = [edited(method, 0.03) for method in METHODS if method != "style_intervention"]
    ours = edited("style_intervention", 0.01, ssim=around(0.6005), id_embedded=around(0.7))
    found = table2_claims(*jobs, ours)
    assert found["mse"].verdict == "holds"
    assert found["ssim"].verdict == "not decided"  # the intervals overlap
    assert found["id"].verdict == "does not hold"
    assert found["study"].verdict == "not decided"
    assert "user study" in found["study"].evidence


def test_table_2_compares_equal_changes_only() -> None:
    jobs = [edited(method, 0.03) for method in METHODS if method != "style_intervention"]
    timid = table2_claims(*jobs, edited("style_intervention", 0.001, change=0.3))["mse"]
    assert timid.verdict == "not decided"
    assert "changes the attribute more" not in timid.evidence.split("(")[0]
    missing = table2_claims(*jobs[:2], edited("style_intervention", 0.01), failed(
        attribute="age", method="hyperplane_w"
    ))["mse"]  # fmt: skip
    assert missing.verdict == "not decided"


def test_table_2_shows_the_images_that_jobs_left(tmp_path: Path) -> None:
    (tmp_path / "strips.png").write_bytes(b"png")
    jobs = [edited("hyperplane_z", 0.03), replace(edited("interfacegan", 0.03), path=tmp_path)]
    (figure,) = Table2().figures(jobs, {})
    assert (figure.name, figure.content) == ("interfacegan_age", tmp_path / "strips.png")


def test_table_2_shows_every_cell_and_the_user_study() -> None:
    jobs = [edited(method, 0.03) for method in METHODS]
    jobs[1] = failed(attribute="age", method="hyperplane_w")
    table, unwanted, study = Table2().tables(jobs, reported("style_intervention/table2"))
    assert [r.labels for r in table.rows] == [["age", method] for method in METHODS]
    assert list(table.rows[0].cells[-3:]) == [0.015, 0.61, 86.6]
    assert isinstance(table.rows[1].cells[0], Missing)
    assert table.rows[3].cells[0] == Estimate(1.0, (0.9, 1.1), 200)
    assert [r.labels[0] for r in study.rows] == ["attgan", "stargan"]
    assert len(unwanted.rows) == 3  # of the jobs that are done
    assert list(unwanted.rows[0].cells) == [1.0, 1, "glasses -0.70"]
    assert "not reproducible" in study.title


def course(folder: Path, outside: list[float], share: float = 0.9) -> Job:
    def points(values: list[float]) -> list[list[float]]:
        return [[v, v - 0.0001, v + 0.0001, 64] for v in values]

    curves = {
        "layers.outside": points(outside), "layers.whole": points(outside),
        "merged.outside": points([0.001, 0.002]), "latent.outside": points([0.004, 0.008]),
        "merged.change": points([0.4, 0.9]), "latent.change": points([0.5, 1.0]),
    }  # fmt: skip
    details = {
        "attribute": "mouth_open", "layers": ["latent edit", "b4.conv1", "b4.torgb"],
        "curves": curves, "multiples": [0.5, 1.0],
    }  # fmt: skip
    estimate = Estimate(share, (share - 0.05, share + 0.05), 64)
    names = ("monotone_outside", "monotone_whole")
    return Job(Path("0"), {}, dict.fromkeys(names, estimate), details=details, path=folder)


def test_figure_6_asks_every_layer_and_most_images(tmp_path: Path) -> None:
    (tmp_path / "layers.png").write_bytes(b"png")
    job = course(tmp_path, [0.02, 0.01, 0.005])
    assert verdicts(Figure6().claims([job], {})) == ["holds", "holds"]
    rising = course(tmp_path, [0.02, 0.01, 0.011])
    assert verdicts(Figure6().claims([rising], {})) == ["does not hold"] * 2
    few = course(tmp_path, [0.02, 0.01, 0.005], share=0.3)
    assert "30%" in Figure6().claims([few], {})[0].evidence
    assert verdicts(Figure6().claims([few], {})) == ["does not hold"] * 2
    assert [figure.name for figure in Figure6().figures([job], {})] == [
        "error_mouth_open", "layers_mouth_open",
    ]  # fmt: skip
    (table,) = Figure6().tables([job, failed()], {})
    assert isinstance(table.rows[1].cells[0], Missing)


def test_figure_5_compares_both_lines(tmp_path: Path) -> None:
    job = course(tmp_path, [0.02, 0.01, 0.005])
    claims = Figure5().claims([job, failed(attribute="age")], {})
    assert verdicts(claims) == ["holds", "holds", "not decided", "not decided"]
    assert claims[1].numbers["ratios"] == pytest.approx([4.0, 4.0])
    (table,) = Figure5().tables([job], {})
    assert [r.labels[1] for r in table.rows] == ["latent edit"] * 2 + ["ours"] * 2
    assert len(Figure5().figures([job], {})) == 1


def test_figure_2_names_the_best_channels() -> None:
    layers = [{"layer": "b4.conv1", "channel": 3, "iou": 0.1}]
    good = [*layers, {"layer": "b8.conv0", "channel": 7, "iou": 0.6}]
    bad = [*layers, {"layer": "b8.conv0", "channel": 1, "iou": 0.2}]
    details = {
        "parts": {"hair": {"images": 9, "layers": good}, "nose": {"images": 9, "layers": bad}}
    }
    job = Job(Path("0"), {}, {}, details=details)
    (table,) = Figure2().tables([job], {})
    assert table.rows[0].cells[0] == "b8.conv0_7"
    (claim,) = Figure2().claims([job], {})
    assert claim.verdict == "holds"
    assert "hair" in claim.evidence
    assert verdicts(Figure2().claims([failed()], {})) == ["not decided"]
