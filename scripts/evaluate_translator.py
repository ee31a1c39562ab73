"""Measure a small translator of the embedded domain, and write its card.

python scripts/evaluate_translator.py pipeline/assets/stargan_procfaces.safetensors

The card goes beside the file; ``translations.png`` (faces, what becomes of them unedited, and every
attribute turned round) and ``quality.json`` into a folder.
"""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from pipeline.evaluators.embedded import AttributeRegressor
    from pipeline.translators.base import Translator

COLUMNS = 12


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure a translator.")
    parser.add_argument("weights", type=Path, help="the file, .safetensors")
    parser.add_argument("--samples", type=int, default=1000, help="fresh renders")
    parser.add_argument("--seed", type=int, default=100, help="of the renders")
    parser.add_argument("--out", type=Path, default=Path("outputs/translator_quality"))
    parser.add_argument("--card", type=Path, help="the card (beside the file, .md)")
    return parser.parse_args()


def sheet(network: "Translator", images: "Tensor", regressor: "AttributeRegressor") -> "Image":
    """Faces, their reconstructions, and every attribute turned round."""
    from pipeline.report.sheets import contact_sheet
    from pipeline.training.translation import flips
    from pipeline.training.translation_quality import read_labels

    few = images[:COLUMNS]
    pictures = flips(network, few, read_labels(network, few, regressor))
    rows = [list(part) for part in pictures.split(len(few))]
    names = ["face", "unedited", *network.config.attributes]
    return contact_sheet(rows, [""] * len(few), names, type(network).__name__)


def main() -> int:
    """Measure; a user's mistake ends in one line."""
    options = arguments()

    import torch

    from pipeline.errors import UserError
    from pipeline.generators.weights import read_generator
    from pipeline.records import require_writable, write_json
    from pipeline.training.translation_card import translator_card
    from pipeline.training.translation_quality import Readers, faces, quality
    from pipeline.translators.files import NETWORKS, load_translator

    torch.set_num_threads(1)
    try:
        if options.samples < COLUMNS:
            raise UserError(f"--samples {options.samples}: at least {COLUMNS}.")
        require_writable(options.out, "--out")
        content = read_generator(options.weights, options.weights.stem, "translator")
        if content.kind not in NETWORKS:
            raise UserError(f"'{options.weights}' holds a {content.kind}, no translator.")
        kind = content.kind.lower()
        network, readers = load_translator(options.weights, kind), Readers.load()
        images = faces(options.samples, options.seed, network.config.resolution)
        rows = quality(network, images, readers)
        command = shlex.join(["python", *sys.argv])
        card = translator_card(kind, rows, content.provenance, command)
        sheet(network, images, readers.regressor).save(options.out / "translations.png")
        write_json(options.out / "quality.json", rows)
        (options.card or options.weights.with_suffix(".md")).write_text(card, "utf-8")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(card)
    print(f"{options.out / 'quality.json'}, {options.out / 'translations.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
