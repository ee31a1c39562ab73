r"""Measure a SemanticStyleGAN of the embedded domain: its images, and its masks against these.

python scripts/evaluate_semantic_stylegan.py \
    pipeline/assets/semantic_stylegan_procfaces.safetensors \
    --card pipeline/assets/semantic_stylegan_procfaces.md

Leaves ``quality.json`` and ``samples.png`` (images, masks, pseudo-depths) in a folder. Exit code 1
where masks and images agree less than they should.
"""

import argparse
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure a SemanticStyleGAN.")
    parser.add_argument("weights", type=Path, help="a generator file of this project")
    parser.add_argument("--samples", type=int, default=2000, help="twice as many renders")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--truncation-psi", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=Path("outputs/semantic_stylegan_quality"))
    parser.add_argument("--card", type=Path, help="Markdown file to write the card to")
    return parser.parse_args()


def main() -> int:
    """Measure; a user's mistake ends in one line."""
    options = arguments()

    import torch

    from pipeline.errors import UserError
    from pipeline.generators.checkpoints.load import load_checkpoint
    from pipeline.generators.semantic_stylegan import SemanticStyleGAN
    from pipeline.generators.weights import read_generator
    from pipeline.records import require_writable, write_json
    from pipeline.training.quality import Readers
    from pipeline.training.semantic_card import check_provenance, semantic_card
    from pipeline.training.semantic_quality import semantic_quality
    from pipeline.training.semantic_sheet import draw_parts_sheet

    torch.set_num_threads(1)
    try:
        if options.samples < 20:
            raise UserError(f"--samples {options.samples}: at least 20.")
        network = load_checkpoint(options.weights, options.weights.stem, options.truncation_psi)
        if not isinstance(network, SemanticStyleGAN):
            raise UserError(f"'{options.weights}' holds a {type(network).__name__}.")
        provenance = read_generator(options.weights).provenance
        if options.card:
            check_provenance(provenance)
        require_writable(options.out, "--out")
        draw_parts_sheet(network, options.out / "samples.png", options.seed)
        quality = semantic_quality(network, options.samples, options.seed, Readers.load())
        command = shlex.join(["python", *sys.argv])
        write_json(options.out / "quality.json", quality.as_json() | {"command": command})
        if options.card:
            options.card.write_text(semantic_card(quality, provenance, command), "utf-8")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, score in quality.as_json()["agreement"].items():
        print(f"{name:12}{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})")
    for bar in quality.bars:
        print(f"{bar.kind:10}{bar.name:22}{bar.score.value:.3f}  {bar.detail}")
    return 0 if quality.holds else 1


if __name__ == "__main__":
    sys.exit(main())
