"""Measure a generator of the embedded domain against its bars (see pipeline/training/quality.py).

python scripts/evaluate_generator.py --card pipeline/assets/stylegan2_procfaces.md

Leaves ``quality.json`` and ``samples.png`` (samples, and renders in the last rows) in a folder and
prints the table. Exit code 1 where a bar is not met.
"""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.generators.stylegan2 import StyleGAN2
    from pipeline.training.quality import Bar

COLUMNS, SAMPLE_ROWS, RENDER_ROWS = 12, 8, 2


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure a generator against its bars.")
    parser.add_argument("--generator", default="stylegan2_procfaces.safetensors")
    parser.add_argument("--samples", type=int, default=2000, help="twice as many renders")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--truncation-psi", type=float, default=1.0, help="bars are at 1")
    parser.add_argument("--out", type=Path, default=Path("outputs/generator_quality"))
    parser.add_argument("--card", type=Path, help="Markdown file to write the card to")
    return parser.parse_args()


def measure(network: "StyleGAN2", samples: int, seed: int) -> "tuple[Bar, ...]":
    """The bars of ``samples`` samples against twice as many fresh renders."""
    from pipeline.domains.procfaces import ProcFaces
    from pipeline.training.quality import Readers, assess, sample_images

    readers = Readers.load()
    data = readers.read(ProcFaces(2 * samples, reference_seed=seed + 1).reference_images())
    read = readers.read(sample_images(network, samples, seed))
    return assess(read, data, readers.regressor.readable)


def sheet_rows(network: "StyleGAN2", seed: int) -> "list[list[Tensor]]":
    """Rows of samples, then rows of renders."""
    import torch

    from pipeline.domains.procfaces import ProcFaces
    from pipeline.training.quality import sample_images

    samples = torch.cat(list(sample_images(network, COLUMNS * SAMPLE_ROWS, seed)))
    faces = ProcFaces(COLUMNS * RENDER_ROWS, reference_seed=seed + 1)
    renders = torch.cat(list(faces.reference_images()))
    return [list(row) for row in (*samples.split(COLUMNS), *renders.split(COLUMNS))]


def show(bars: "tuple[Bar, ...]") -> None:
    """Print the table."""
    from pipeline.training.card import allowed

    for bar in bars:
        value = f"{bar.score.value:7.3f} ({bar.score.low:.3f} to {bar.score.high:.3f})"
        verdict = "holds" if bar.holds else "DOES NOT HOLD"
        line = f"{bar.kind:9}{bar.name:22}{value:28}{allowed(bar.allowed):16}{verdict:15}"
        print(line + bar.detail)
    print(f"{sum(bar.holds for bar in bars)} of {len(bars)} bars are met")


def main() -> int:
    """Measure; a user's mistake ends in one line."""
    options = arguments()

    import torch

    from pipeline.errors import UserError
    from pipeline.generators.weights import load_stylegan2, read_generator
    from pipeline.records import require_writable, write_json
    from pipeline.report.sheets import contact_sheet
    from pipeline.training.card import card, check_provenance, report

    torch.set_num_threads(1)
    psi, command = options.truncation_psi, shlex.join(["python", *sys.argv])
    try:
        if options.samples < 20:
            raise UserError(f"--samples {options.samples}: at least 20.")
        require_writable(options.out, "--out")
        network = load_stylegan2(options.generator, "generator", psi)
        provenance = read_generator(options.generator).provenance
        if options.card:
            check_provenance(provenance)
        rows = sheet_rows(network, options.seed)
        labels = [f"psi {psi:g}"] * SAMPLE_ROWS + ["renders"] * RENDER_ROWS
        sheet = contact_sheet(rows, [""] * COLUMNS, labels, Path(options.generator).stem)
        sheet.save(options.out / "samples.png")
        bars = measure(network, options.samples, options.seed)
        quality = report(bars, options.samples, options.seed, psi)
        write_json(options.out / "quality.json", quality)
        if options.card:
            options.card.write_text(card(quality, provenance, command), "utf-8")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    show(bars)
    print(f"{options.out / 'quality.json'}, {options.out / 'samples.png'}")
    return 0 if quality["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
