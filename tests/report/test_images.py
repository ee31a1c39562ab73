"""Pixels, PNG files and colours."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.report.images import heat_map, palette, png_bytes, save_png, shrink, to_pixels
from pipeline.report.sheets import contact_sheet, strip_sheet
from tests.report.example import example_strip


def test_values_are_clamped_and_rounded() -> None:
    """[-1, 1] becomes 0 to 255; what lies beyond takes the ends, NaN is black."""
    image = torch.tensor([-2.0, -1.0, 0.0, 1.0, 5.0, torch.nan]).expand(3, 1, 6)
    assert to_pixels(image)[0, :, 0].tolist() == [0, 0, 128, 255, 255, 0]


def test_png_keeps_every_pixel(tmp_path: Path) -> None:
    """What is read back is what was written."""
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    read = np.array(Image.open(io.BytesIO(png_bytes(pixels))))
    np.testing.assert_array_equal(read, pixels)
    image = example_strip(0).original
    save_png(image, tmp_path / "new" / "a.png")
    np.testing.assert_array_equal(
        np.array(Image.open(tmp_path / "new" / "a.png")), to_pixels(image)
    )


def test_shrink_keeps_the_mean() -> None:
    """Areas are averaged; small images are left alone."""
    image = torch.rand(3, 64, 32, generator=torch.Generator().manual_seed(0))
    small = shrink(image, 16)
    assert small.shape == (3, 16, 8)
    assert float(small.mean()) == pytest.approx(float(image.mean()))
    assert shrink(image, 64) is image


def test_palette_is_inferno() -> None:
    """Within what the eye can tell of matplotlib's map, and lighter at every step."""
    from matplotlib import colormaps

    expected = colormaps["inferno"](np.arange(256), bytes=True)[:, :3].astype(int)
    found = palette(256).astype(int)
    assert np.abs(found - expected).max() <= 6
    assert (np.diff(found @ [0.2126, 0.7152, 0.0722]) > -0.5).all()


def test_heat_map_ends() -> None:
    """Numbers beyond the range take the colours of its ends, NaN is grey."""
    values = torch.tensor([[-1.0, 0.0, 1.0, 9.0, torch.nan]])
    colours = heat_map(values, 0.0, 1.0)[0]
    low, high = palette(256)[[0, -1]]
    np.testing.assert_array_equal(colours, [low, low, high, high, [128, 128, 128]])
    middle = heat_map(torch.tensor([[1e-2]]), 1e-3, 1e-1, logarithmic=True)[0, 0]
    np.testing.assert_allclose(middle.astype(int), palette(257)[128].astype(int), atol=3)


def test_contact_sheet_shows_the_images() -> None:
    """Each image stands in its cell, enlarged by whole numbers; an absent one is grey."""
    image = torch.full((3, 8, 8), 1.0)
    image[1:] = -1.0
    sheet = contact_sheet([[image, None]], ["a", "b"], ["no. 1"], "Title", cell=20)
    pixels = np.array(sheet)
    red, grey = ((pixels == colour).all(-1) for colour in ((255, 0, 0), (238, 238, 238)))
    rows, columns = red.nonzero()
    assert (red.sum(), np.ptp(rows), np.ptp(columns)) == (16 * 16, 15, 15)
    assert grey[rows.min() - 2 : rows.max() + 3, columns.max() + 6 : columns.max() + 26].all()


def test_strip_sheet_draws_the_region() -> None:
    """The outline is drawn on every image; the sheet has a row per strip."""
    strips = [example_strip(i) for i in range(2)]
    outline = [[(0.25, 0.25), (0.25, 0.75), (0.75, 0.75), (0.75, 0.25)]]
    plain, drawn = strip_sheet(strips, "t", cell=32), strip_sheet(strips, "t", outline, cell=32)
    assert plain.size == drawn.size
    cyan = (np.array(drawn) == (63, 224, 232)).all(-1).sum()
    assert cyan == 2 * 4 * 4 * 16
