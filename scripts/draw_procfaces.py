"""Make drawings of rendered faces: a small domain of images without masks.

python scripts/draw_procfaces.py --out training/drawings --count 2000

Washes of sepia in a few tones, with the outlines drawn over them, as PNG files.
"""

import argparse
import sys
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

CHUNK = 100
INK, PAPER = "#2a1a0c", "#f6ecd6"
TONES = 3  # bits of the wash
LINE = 2.5  # how dark an outline is drawn
SCALE = 2  # drawn so many times larger, as a scan is softer than what was scanned


def drawing(picture: Image.Image) -> Image.Image:
    """A picture as a drawing of the same size."""
    grey = ImageOps.grayscale(picture)
    wash = ImageOps.posterize(grey.filter(ImageFilter.MedianFilter(3)), TONES)
    outlines = grey.filter(ImageFilter.FIND_EDGES).point(lambda v: 255 - min(255, int(LINE * v)))
    frame = (0, 0, outlines.width - 1, outlines.height - 1)
    ImageDraw.Draw(outlines).rectangle(frame, outline=255)  # the filter leaves the border as it is
    light = ImageOps.autocontrast(wash, cutoff=1)
    return ImageOps.colorize(ImageChops.multiply(light, outlines), INK, PAPER)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make drawings of rendered faces.")
    parser.add_argument("--out", type=Path, default=Path("training/drawings"))
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=64)
    return parser.parse_args()


def main() -> int:
    """Draw; a user's mistake ends in one line."""
    options = arguments()

    import torch
    from torchvision.transforms.functional import to_pil_image

    from pipeline.datasets.procfaces import render, sample_factors
    from pipeline.errors import UserError
    from pipeline.records import require_writable

    random = torch.Generator().manual_seed(options.seed)
    try:
        require_writable(options.out, "--out")
        for start in range(0, options.count, CHUNK):
            n = min(CHUNK, options.count - start)
            faces = render(sample_factors(n, random), SCALE * options.size).images
            for i, face in enumerate(faces.clamp(-1, 1).add(1).div(2), start):
                drawing(to_pil_image(face)).reduce(SCALE).save(options.out / f"{i:05}.png")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.count} drawings in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
