"""The growing composition: every class in its turn, and what it changes."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from pipeline.errors import UserError
from pipeline.generators.base import Codes
from pipeline.stages.inputs import Sampling
from pipeline.tasks.base import Findings
from pipeline.tasks.composition import GrowingComposition
from tests.generic import WaveGenerator
from tests.tasks.semantics import NETWORK, experiment
from tests.tasks.transfers import config, runner

CELL = 128 + 3


def run(folder: Path, samples: int = 5, **options: Any) -> Findings:
    task = GrowingComposition(**{"shown": 2, **options})
    task.check(experiment())
    return task.run(experiment(), config(samples), runner(folder))


def codes_of(samples: int) -> Codes:
    """Those that a task with this seed edits."""
    return Sampling(NETWORK, samples, 0, "evaluate").compute(lambda *_: None)


def test_numbers_are_those_of_the_images_with_and_without_the_class(tmp_path: Path) -> None:
    rows = run(tmp_path, classes=["background", "mouth", "skin"]).details["rows"]
    assert [row["class"] for row in rows] == ["background", "mouth", "skin"]
    assert set(rows[0]) == {"class", "area"}
    assert rows[0]["area"]["value"] == 1
    codes = codes_of(5)
    with_it = NETWORK.compose(codes, present=NETWORK.present(["background", "mouth"]))
    without = NETWORK.compose(codes, present=NETWORK.present(["background"]))
    mouth, background = (NETWORK.config.classes.index(name) for name in ("mouth", "background"))
    seen = (with_it.scores[:, mouth] > with_it.scores[:, background]).double()
    changes = with_it.images.clamp(-1, 1) - without.images.clamp(-1, 1)
    errors = changes.square().mean(1).double() / 4
    outside = (errors * (1 - seen)).sum((1, 2)) / (1 - seen).sum((1, 2))
    assert rows[1]["area"]["value"] == pytest.approx(float(seen.mean()))
    assert rows[1]["mse_out"]["value"] == pytest.approx(float(outside.mean()), rel=1e-4)
    assert rows[1]["mse_out"]["n"] == 5


def test_the_sheet_has_classes_across_and_depths_below_the_images(tmp_path: Path) -> None:
    found = run(tmp_path)
    assert found.details["classes"] == list(NETWORK.config.classes)
    sheet = found.pictures["composition"]
    assert isinstance(sheet, Image.Image)
    assert sheet.width // CELL == len(NETWORK.config.classes)
    assert sheet.height // CELL == 2 * 2
    assert found.metrics == {}


def test_depths_of_a_class_that_are_all_alike_are_dark(tmp_path: Path) -> None:
    from pipeline.tasks.composition import _drawn

    flat = _drawn(torch.full((2, 4, 4), 3.0), 1)
    assert bool((flat == flat[:, :1, :1]).all())


def test_what_cannot_be_composed_is_refused() -> None:
    with pytest.raises(UserError, match="generator=semantic_stylegan_procfaces"):
        GrowingComposition().check(experiment(WaveGenerator()))
    with pytest.raises(UserError, match=r"Did you mean task\.classes=mouth"):
        GrowingComposition(classes=["background", "moth"]).check(experiment())
    for order in (["skin", "background"], ["background", "skin", "skin"]):
        with pytest.raises(UserError, match="'background', behind all others, comes first"):
            GrowingComposition(classes=order).check(experiment())
    with pytest.raises(UserError, match="task.shown=0"):
        GrowingComposition(shown=0)
