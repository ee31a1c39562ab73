"""Sheets one below the other."""

import io
from pathlib import Path

from PIL import Image

from pipeline.report.stacking import sheet_png, stacked


def test_pictures_stand_below_each_other(tmp_path: Path) -> None:
    sizes, files = ((6, 3), (4, 5)), []
    for number, size in enumerate(sizes):
        files.append(tmp_path / f"{number}.png")
        Image.new("RGB", size, (100 * number, 0, 0)).save(files[-1])
    whole = stacked(files)
    assert whole.size == (6, 8)
    assert whole.getpixel((5, 2)) == (0, 0, 0)
    assert whole.getpixel((3, 7)) == (100, 0, 0)
    assert whole.getpixel((5, 7)) == (255, 255, 255)
    again = Image.open(io.BytesIO(sheet_png(whole)))
    assert again.tobytes() == whole.tobytes()
