"""Editing in Style's results from made-up jobs: every verdict, and what is not there."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from pipeline.config import check, register
from pipeline.experiment import make
from pipeline.preflight import CONF
from pipeline.report.images import save_png
from pipeline.report.jobs import Job
from pipeline.report.tables import Missing
from pipeline.reproductions.base import Reproduction, reported
from pipeline.reproductions.editing_in_style import AppendixB, Figure3, Figure5, Figure7, Table1
from pipeline.tasks.base import Task

NAMES = sorted(path.stem for path in (CONF / "experiment" / "editing_in_style").glob("*.yaml"))
FAILED = Job(Path("1"), {}, {}, problem="failed: out of memory")


def number(value: float, half: float = 0.01, n: int = 50) -> dict[str, Any]:
    return {"value": value, "ci95": [value - half, value + half], "n": n}


def comparison(ratio: float, half: float) -> dict[str, Any]:
    levels = [0.1, 0.2]
    return {"overall": number(ratio, half), "levels": levels, "ratios": [number(ratio)] * 2}


def points(*pairs: tuple[float, float]) -> list[Mapping[str, Any]]:
    return [
        {"setting": i + 1, "mse_in": number(x), "mse_out": number(y)}
        for i, (x, y) in enumerate(pairs)
    ]


CURVES = {
    "mouth": {
        "sequential": points((0.1, 0.01), (0.2, 0.03)),
        "simultaneous": points((0.1, 0.02), (0.4, 0.1)),
        "global": points((0.2, 0.1), (0.9, 0.9)),
    }
}
DETAILS = {
    "comparisons": {
        "mouth": {
            "sequential:simultaneous": comparison(0.5, 0.1),
            "sequential:global": comparison(0.2, 0.1),
            "simultaneous:global": comparison(0.95, 0.1),
        },
        "hair": {
            "sequential:simultaneous": comparison(1.5, 0.2),
            "simultaneous:global": comparison(0.5, 0.2),
        },
    },
    "curves": CURVES,
    "absent": {"nose": "no cluster of b32.conv0 (K = 16) is labelled so"},
}


def job(path: Path, details: Mapping[str, Any]) -> Job:
    return Job(Path("0"), {"seed": "0"}, {}, path=path, details=details)


def test_the_order_of_the_ways_has_a_verdict_for_every_part(tmp_path: Path) -> None:
    claims = Figure7().claims([FAILED, job(tmp_path, DETAILS)], {})
    assert [(c.text.split(":")[0], c.verdict) for c in claims] == [
        ("mouth", "holds"),
        ("mouth", "not decided"),
        ("hair", "does not hold"),
        ("hair", "holds"),
        ("nose", "not decided"),
        ("nose", "not decided"),
    ]
    assert claims[0].text == (
        "mouth: at an equal change inside, sequential changes the outside less than simultaneous"
    )
    assert "50 pairs" in claims[0].evidence
    assert claims[4].evidence == "no cluster of b32.conv0 (K = 16) is labelled so"


def test_figure_7_has_ratios_curves_and_maps(tmp_path: Path) -> None:
    save_png(torch.zeros(3, 8, 8), tmp_path / "maps.png")
    jobs = [job(tmp_path, DETAILS)]
    ratios, curves = Figure7().tables(jobs, reported("editing_in_style/figure7"))
    assert [list(row.labels) for row in ratios.rows][0] == ["mouth", "sequential", "simultaneous"]
    assert len(ratios.rows) == 5
    assert any("nose is left out" in note for note in ratios.notes)
    assert len(curves.rows) == 6
    maps, chart = Figure7().figures(jobs, {})
    assert maps.content == tmp_path / "maps.png"
    assert isinstance(chart.content, str)
    ElementTree.fromstring(chart.content)
    assert all(way in chart.content for way in ("sequential", "simultaneous", "global"))
    assert (
        chart.content.count("<circle") == 4
    )  # beyond one and a half times the reach there is none


def test_distances_that_differ_and_that_do_not(tmp_path: Path) -> None:
    def row(change: float) -> dict[str, Any]:
        return {
            "fd_embedded": number(10 + change, 1),
            "fd_embedded_change": number(change, 0.5),
            "fd_embedded_unedited": number(2, 1),
        }

    beyond = {"fd_embedded_beyond_sequential": number(-0.1, 0.5)}
    rows = {
        "unedited": {"fd_embedded": number(10, 1)},
        "sequential/mouth/10": row(0.2),
        "feature_blending/mouth/32": {**row(3), **beyond},
        "sequential/hair/10": row(math.nan),
    }
    jobs = [job(tmp_path, {"distances": rows}), FAILED]
    claims = Table1().claims(jobs, {})
    assert [c.verdict for c in claims] == ["holds", "does not hold", "not decided", "holds"]
    text = "distance to the data not significantly different from that of unedited images"
    assert claims[0].text == f"mouth, sequential: {text}"
    (table,) = Table1().tables(jobs, {})
    assert [list(r.labels) for r in table.rows][:2] == [
        ["unedited", "", ""],
        ["sequential", "mouth", "10"],
    ]
    assert [cell is None for cell in table.rows[0].cells] == [False, True, True, True, True]
    assert table.rows[1].cells[4] is None


@pytest.mark.parametrize("reproduction", [Figure3(), Figure5(), AppendixB()])
def test_sheets_show_every_picture(reproduction: Reproduction, tmp_path: Path) -> None:
    for name in ("target_1", "target_2"):
        save_png(torch.zeros(3, 4, 4), tmp_path / f"{name}.png")
    jobs = [job(tmp_path, {"layer": "b32.conv0", "clusters": 16, "absent": {}})]
    assert [f.name for f in reproduction.figures(jobs, {})] == ["target_1", "target_2"]
    (table,) = reproduction.tables(jobs, {})
    assert list(table.rows[0].cells) == ["b32.conv0", 16, 2]
    assert reproduction.claims(jobs, {}) == []


@pytest.mark.parametrize(
    "reproduction", [Figure7(), Table1(), Figure3()], ids=lambda r: type(r).__name__
)
def test_failed_jobs_leave_cells_that_say_so(reproduction: Reproduction) -> None:
    for table in reproduction.tables([FAILED], {}):
        assert {type(cell) for row in table.rows for cell in row.cells} == {Missing}
        assert ("failed: out of memory") in {reason for _, reason in table.reasons()}
    claims = reproduction.claims([FAILED], {})
    assert {c.verdict for c in claims} <= {"not decided"}
    assert all(c.evidence == "failed: out of memory" for c in claims)
    assert list(reproduction.figures([FAILED], {})) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_composes_and_names_its_result(name: str) -> None:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(
            "config", [f"experiment=editing_in_style/{name}"], return_hydra_config=True
        )
    assert config.hydra.mode.name == "MULTIRUN"
    check(config)
    assert isinstance(make(config.task), Task)
    reproduction = make(config.reproduction)
    assert isinstance(reproduction, Reproduction)
    assert reproduction.name == f"editing_in_style/{name}"
    assert config.method._target_.endswith("EditingInStyle")
    text = (CONF / "experiment" / "editing_in_style" / f"{name}.yaml").read_text()
    assert f"python run.py experiment=editing_in_style/{name}" in text
    assert OmegaConf.select(config, "logger") is not None
