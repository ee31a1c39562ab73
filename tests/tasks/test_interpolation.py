"""Local interpolation: one class at a time, and where images change."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.stages.inputs import Sampling
from pipeline.stages.pairing import Pairing
from pipeline.tasks.base import Findings
from pipeline.tasks.interpolation import LocalInterpolation
from tests.generic import WaveGenerator
from tests.tasks.semantics import NETWORK, experiment
from tests.tasks.transfers import config, runner

CELL = 128 + 3


def run(folder: Path, samples: int = 5, **options: Any) -> Findings:
    task = LocalInterpolation(**{"shown": 2, "classes": ["mouth"], **options})
    task.check(experiment())
    return task.run(experiment(), config(samples), runner(folder))


def test_numbers_are_those_of_the_class_s_codes_swapped(tmp_path: Path) -> None:
    rows = run(tmp_path).details["rows"]
    assert [(row["class"], row["codes"]) for row in rows] == [
        ("mouth", "structure"),
        ("mouth", "texture"),
    ]
    codes = Sampling(NETWORK, 5, 0, "evaluate").compute(lambda *_: None)
    order = Pairing(5, 0).compute(lambda *_: None)
    ws = NETWORK.convert(codes, Space.W_PLUS).values
    swapped = ws.clone()
    texture = NETWORK.class_rows["mouth"][1]
    swapped[:, texture] = ws[order][:, texture]
    before, after = (NETWORK.compose(Codes(Space.W_PLUS, x)) for x in (ws, swapped))
    errors = (after.images.clamp(-1, 1) - before.images.clamp(-1, 1)).square().mean(1) / 4
    number = NETWORK.config.classes.index("mouth")
    seen = ((before.labels == number) | (after.labels == number)).float()
    outside = (errors * (1 - seen)).sum((1, 2)) / (1 - seen).sum((1, 2))
    assert rows[1]["area"]["value"] == pytest.approx(float(seen.mean()))
    assert rows[1]["mse_out"]["value"] == pytest.approx(float(outside.mean()), rel=1e-4)


def test_a_sheet_per_class_and_a_map_per_kind_of_codes(tmp_path: Path) -> None:
    found = run(tmp_path, classes=None, shares=[0.5, 1])
    names = ["changes_structure", "changes_texture", *NETWORK.config.classes[1:]]
    assert list(found.pictures) == names
    sheet, maps = found.pictures["mouth"], found.pictures["changes_texture"]
    assert isinstance(sheet, Image.Image) and isinstance(maps, Image.Image)
    assert sheet.height // CELL == 2 * 2
    assert sheet.width // CELL >= 2 + 3
    assert maps.width // (192 + 3) == len(NETWORK.config.classes) - 1


def test_kinds_of_codes_can_be_chosen(tmp_path: Path) -> None:
    rows = run(tmp_path, samples=3, codes=["both"]).details["rows"]
    assert [row["codes"] for row in rows] == ["both"]


def test_what_cannot_be_interpolated_is_refused() -> None:
    with pytest.raises(UserError, match="generator=semantic_stylegan_procfaces"):
        LocalInterpolation().check(experiment(WaveGenerator()))
    with pytest.raises(UserError, match=r"Did you mean task\.classes=mouth"):
        LocalInterpolation(classes=["moth"]).check(experiment())
    with pytest.raises(UserError, match=r"Did you mean task\.codes=texture"):
        LocalInterpolation(codes=["textures"])  # type: ignore[list-item]
    wrong: list[dict[str, Any]] = [{"shares": [0.0]}, {"shares": []}, {"codes": []}, {"shown": 0}]
    for options in wrong:
        with pytest.raises(UserError, match="are numbers above 0 and up to 1"):
            LocalInterpolation(**options)
