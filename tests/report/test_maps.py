"""Error maps side by side."""

import numpy as np
import torch

from pipeline.report.images import palette
from pipeline.report.maps import heat_picture, map_sheet


def test_a_picture_of_numbers_runs_through_the_palette() -> None:
    picture = heat_picture(torch.tensor([[0.0, 1.0], [2.0, 9.0]]), 2.0)
    pixels = ((picture + 1) * 127.5).round().permute(1, 2, 0).numpy().astype(np.uint8)
    colours = palette(256)
    assert pixels[0, 0].tolist() == colours[0].tolist()
    assert pixels[0, 1].tolist() == colours[128].tolist()
    assert pixels[1, 0].tolist() == pixels[1, 1].tolist() == colours[255].tolist()


def test_a_sheet_has_a_common_scale_and_own_ones() -> None:
    maps = {"eyes": torch.full((4, 4), 2.0), "mouth": torch.full((4, 4), 4.0)}
    sheet = map_sheet(maps, "error", cell=64)
    rows, columns = (sheet.height - 10 - 67 * 2 + 32, sheet.height - 10 - 67 + 32), []
    for x in (sheet.width - 10 - 67 * 2 + 32, sheet.width - 10 - 67 + 32):
        columns.append([sheet.getpixel((x, y)) for y in rows])
    lightest = tuple(palette(256)[255].tolist())
    assert columns[1] == [lightest, lightest]
    assert columns[0][1] == lightest
    assert columns[0][0] == tuple(palette(256)[128].tolist())


def test_maps_of_zeros_have_a_scale() -> None:
    assert map_sheet({"eyes": torch.zeros(4, 4)}, "error").width > 100
