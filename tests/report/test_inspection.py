"""The page for looking through directions: what it shows, and by what it can be sorted."""

import html
import json
import math
import re
from pathlib import Path

import pytest
import torch

from pipeline.metrics.base import Estimate
from pipeline.report.inspection import Inspected, InspectionSheet, inspection_page, selectivity
from pipeline.report.page import write_page


def direction(number: int, ratio: float, smile: float) -> Inspected:
    random = torch.Generator().manual_seed(number)
    images = 2 * torch.rand(2, 3, 3, 8, 8, generator=random) - 1
    numbers = {
        "fd_embedded": Estimate(1.0 + number, (0.5, 2.0), 8),
        "mse_ratio": Estimate(ratio, (ratio, ratio), 8),
    }
    effects = {"smile": smile, "mouth_open": 0.1}
    name = f"navigan_svd/b8.conv1/{number}"
    return Inspected(number, name, images, (-0.5, 0.25, 0.5), numbers, effects, 2.0 * number)


def page_of(tmp_path: Path, directions: list[Inspected]) -> str:
    originals = torch.zeros(2, 3, 8, 8)
    facts = [("layer", "b8.conv1")]
    sheet = InspectionSheet("Directions", facts, originals, directions, "A note.", "name it")
    write_page(inspection_page(sheet), tmp_path / "inspection.html")
    return (tmp_path / "inspection.html").read_text()


def test_every_direction_is_there_with_its_keys(tmp_path: Path) -> None:
    text = page_of(tmp_path, [direction(0, 3.0, -0.7), direction(1, math.nan, 0.2)])
    keys = [json.loads(html.unescape(k)) for k in re.findall(r'data-keys="(.*?)"', text)]
    assert keys[0] == {
        "number": 0,
        "fd_embedded": 1,
        "mse_ratio": 3,
        "attribute:smile": 0.7,
        "attribute:mouth_open": 0.1,
        "selectivity": 0,
    }
    assert "mse_ratio" not in keys[1]  # what is not measured is sorted behind
    orders = re.findall(r'<option value="(.*?)" data-descending="(.*?)">', text)
    assert ("number", "") in orders
    assert ("fd_embedded", "") in orders  # the best first: lower
    assert ("mse_ratio", "1") in orders
    assert ("attribute:smile", "1") in orders
    assert {key for key, _ in orders} >= set(keys[0])


def test_rows_are_codes_and_columns_magnitudes_around_the_original(tmp_path: Path) -> None:
    text = page_of(tmp_path, [direction(0, 3.0, -0.7)])
    alts = re.findall(r'alt="navigan_svd/b8.conv1/0, (.*?)"', text)
    heads = ["-0.5", "original", "0.25", "0.5"]
    assert alts == [f"code {code}: {head}" for code in range(2) for head in heads]
    assert "smile" in text
    assert "name it" in text
    assert "A note." in text


def test_selectivity_is_against_attributes_of_other_parts() -> None:
    parts = {"smile": ["mouth"], "mouth_open": ["mouth"], "yaw": ["pose"], "age": ["skin", "hair"]}
    effects = {"smile": -1.2, "mouth_open": 1.0, "yaw": 0.3, "age": -0.4}
    leading, ratio = selectivity(effects, parts)
    assert leading == "smile"
    assert ratio == pytest.approx(3.0)
    assert selectivity({"smile": 1.0}, parts)[1] == pytest.approx(1000)
    leading, ratio = selectivity({}, parts)
    assert leading is None
    assert math.isnan(ratio)
