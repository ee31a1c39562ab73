"""Contact sheet of the embedded domain: random faces, their parts, and a strip per factor.

Command: python scripts/show_procfaces.py --out outputs/procfaces.png
"""

import argparse
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from pipeline.datasets.procfaces import FACTORS, NAMES, PARTS, render, sample_factors

STEPS = 7
SHOWN_WITH = {
    "glasses_shape": {"glasses": 1.0},
    "glasses_color": {"glasses": 1.0},
    "ear_size": {"hair_length": 0.0},
    "hair_wave": {"hair_length": 0.7},
    "hair_parting": {"hair_length": 0.3},
    "beard": {"masculinity": 0.9, "hair_length": 0.0, "lipstick": 0.0},
    "eye_color": {"eye_open": 1.0},
}
"""What must be there for a factor to show."""


def part_colours() -> Tensor:
    """One colour per part, ``[parts, 3]`` uint8."""
    return torch.tensor(
        [
            [40, 40, 48], [240, 200, 170], [225, 140, 110], [70, 140, 230], [110, 70, 50],
            [215, 50, 80], [150, 100, 190], [240, 170, 60], [200, 160, 130], [60, 150, 110],
            [90, 60, 110], [250, 240, 90],
        ],
        dtype=torch.uint8,
    )  # fmt: skip


def row(tiles: Tensor, tile: int) -> Image.Image:
    """Uint8 tiles ``[n, size, size, 3]`` side by side, enlarged to `tile` pixels each."""
    n, size = tiles.shape[:2]
    joined = tiles.permute(1, 0, 2, 3).reshape(size, n * size, 3)
    return Image.fromarray(joined.numpy()).resize((n * tile, tile), Image.Resampling.LANCZOS)


def pixels(images: Tensor) -> Tensor:
    """[-1, 1] NCHW to uint8 NHWC."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1)


def strip(name: str, base: Tensor) -> Tensor:
    """Factors ``[STEPS, len(FACTORS)]``: one face with one factor from low to high."""
    factors = base.repeat(STEPS, 1)
    for other, value in SHOWN_WITH.get(name, {}).items():
        factors[:, NAMES.index(other)] = value
    index = NAMES.index(name)
    factors[:, index] = torch.linspace(FACTORS[index].low, FACTORS[index].high, STEPS)
    return factors


def plain_face() -> Tensor:
    """A face with every factor in the middle and nothing in the way, ``[1, len(FACTORS)]``."""
    base = torch.tensor([[(factor.low + factor.high) / 2 for factor in FACTORS]])
    given = {"bald": 0, "beard": 0, "glasses": 0, "bangs": 0, "hair_grey": 0, "lipstick": 0.3}
    given |= {"age": 0.2, "skin_tone": 0.25, "hair_length": 0.35, "hair_wave": 0.1}
    given |= {"eye_open": 0.8, "mouth_open": 0.0, "smile": 0.2, "light_x": -0.5}
    for name, value in given.items():
        base[0, NAMES.index(name)] = value
    return base


def sheet(seed: int, count: int, size: int, tile: int) -> Image.Image:
    """The whole contact sheet."""
    generator = torch.Generator().manual_seed(seed)
    random = render(sample_factors(count, generator), size)
    strips = [pixels(render(strip(factor.name, plain_face()), size).images) for factor in FACTORS]
    across = max(10, 2 * (STEPS + 1))
    bands = []
    for start in range(0, count, across):
        here = slice(start, start + across)
        bands += [row(pixels(random.images[here]), tile)]
        bands += [row(part_colours()[random.labels[here].long()], tile)]
    top = tile * len(bands)
    per_side = -(-len(FACTORS) // 2)
    page = Image.new("RGB", (across * tile, top + per_side * tile + 24), "white")
    for index, band in enumerate(bands):
        page.paste(band, (0, index * tile))
    _legend(page, top)
    for index, (factor, tiles) in enumerate(zip(FACTORS, strips, strict=True)):
        left = (index // per_side) * (STEPS + 1) * tile
        y = top + 24 + (index % per_side) * tile
        words = f"{factor.label}\n{factor.low:g} to {factor.high:g}\n" + "\n".join(factor.parts)
        ImageDraw.Draw(page).multiline_text((left + 6, y + 6), words, fill="black")
        page.paste(row(tiles, tile), (left + tile, y))
    return page


def _legend(page: Image.Image, top: int) -> None:
    draw = ImageDraw.Draw(page)
    for index, (name, colour) in enumerate(zip(PARTS, part_colours().tolist(), strict=True)):
        left = 6 + index * 96
        draw.rectangle((left, top + 6, left + 12, top + 18), fill=tuple(colour))
        draw.text((left + 17, top + 6), name, fill="black")


def main() -> None:
    """Reads the options and writes the sheet."""
    parser = argparse.ArgumentParser(description="Contact sheet of the embedded domain.")
    parser.add_argument("--out", type=Path, default=Path("outputs/procfaces.png"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=32, help="number of random faces")
    parser.add_argument("--size", type=int, default=64, help="side of the faces drawn, in pixels")
    parser.add_argument("--tile", type=int, default=112, help="side of the faces shown, in pixels")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    sheet(options.seed, options.count, options.size, options.tile).save(options.out)
    print(f"Wrote {options.out}")


if __name__ == "__main__":
    main()
