"""Measure a small conditional generator of the embedded domain, and write its card.

python scripts/evaluate_conditional.py pipeline/assets/biggan_procfaces.safetensors

The card goes beside the file; ``samples.png`` (samples of every class; or maps, paintings and
renders) and ``quality.json`` into a folder.
"""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.generators.class_conditional import ClassConditional
    from pipeline.generators.pix2pixhd import Pix2PixHD

COLUMNS = 12


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure a conditional generator.")
    parser.add_argument("generator", type=Path, help="the file, .safetensors")
    parser.add_argument("--samples", type=int, default=1200, help="twice as many renders")
    parser.add_argument("--seed", type=int, default=100, help="of samples, maps and renders")
    parser.add_argument("--out", type=Path, default=Path("outputs/generator_quality"))
    parser.add_argument("--card", type=Path, help="the card (beside the file, .md)")
    return parser.parse_args()


def class_rows(network: "ClassConditional", seed: int) -> "list[list[Tensor]]":
    """A row of samples for each class; a column has one z."""
    import torch

    from pipeline.datasets.face_classes import CLASSES
    from pipeline.generators.base import Codes, Space

    z = network.sample(COLUMNS, torch.Generator().manual_seed(seed)).values
    rows = [Codes(Space.Z, z, torch.full((COLUMNS,), i))
            for i in range(len(CLASSES))]  # fmt: skip
    with torch.inference_mode():
        return [list(network.render(codes)) for codes in rows]


def painting_rows(network: "Pix2PixHD", seed: int) -> "list[list[Tensor]]":
    """Label maps in colours, paintings, and the renders that the maps belong to."""
    import torch

    from pipeline.datasets.procfaces.parts import PARTS
    from pipeline.datasets.procfaces.render import render
    from pipeline.datasets.rendered_maps import RenderedMaps
    from pipeline.generators.label_maps import LabelMaps

    rendering = render(RenderedMaps(COLUMNS, seed, network.resolution).factors, network.resolution)
    shades = torch.rand(len(PARTS), 3, generator=torch.Generator().manual_seed(4)) * 1.8 - 0.9
    with torch.inference_mode():
        painted = network.render(network.codes(LabelMaps(rendering.labels)))
    colours = shades[rendering.labels.long()].permute(0, 3, 1, 2)
    return [list(colours), list(painted), list(rendering.images)]


def measure(
    network: Any, provenance: dict[str, Any], options: argparse.Namespace, command: str
) -> "tuple[str, dict[str, Any], list[list[Tensor]], list[str]]":
    """The card, the numbers, and the rows of the sheet with their labels."""
    from pipeline.datasets.procfaces.parts import PARTS
    from pipeline.generators.pix2pixhd import Pix2PixHD
    from pipeline.training.conditional import class_quality, painting_quality
    from pipeline.training.conditional_card import biggan_card, pix2pixhd_card, scores
    from pipeline.training.quality import Readers

    readers, samples, seed = Readers.load(), options.samples, options.seed
    if isinstance(network, Pix2PixHD):
        painting = painting_quality(network, samples, seed, readers)
        numbers = {"iou": scores([*PARTS, "mean"], painting.parts)}
        card, bars = pix2pixhd_card(painting, provenance, command), painting.bars
        rows, labels = painting_rows(network, seed), ["maps", "paintings", "renders"]
    else:
        classes = class_quality(network, samples, seed, readers)
        numbers = {"accuracy": scores([*provenance["classes"], "all"], classes.classes)}
        card, bars = biggan_card(classes, provenance, command), classes.bars
        rows, labels = class_rows(network, seed), list(provenance["classes"])
    ratios = {f"{bar.kind}/{bar.name}": vars(bar.score) for bar in bars}
    return card, numbers | {"bars": ratios}, rows, labels


def main() -> int:
    """Measure; a user's mistake ends in one line."""
    options = arguments()

    import torch

    from pipeline.errors import UserError
    from pipeline.generators.checkpoints.own import load_own
    from pipeline.generators.weights import read_generator
    from pipeline.records import require_writable, write_json
    from pipeline.report.sheets import contact_sheet
    from pipeline.training.conditional_card import check_provenance

    torch.set_num_threads(1)
    try:
        if options.samples < 24:
            raise UserError(f"--samples {options.samples}: at least 24.")
        require_writable(options.out, "--out")
        provenance = read_generator(options.generator).provenance
        check_provenance(provenance)
        command = shlex.join(["python", *sys.argv])
        network = load_own(options.generator)
        card, numbers, rows, labels = measure(network, provenance, options, command)
        sheet = contact_sheet(rows, [""] * COLUMNS, labels, options.generator.stem)
        sheet.save(options.out / "samples.png")
        write_json(options.out / "quality.json", numbers)
        (options.card or options.generator.with_suffix(".md")).write_text(card, "utf-8")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(card)
    print(f"{options.out / 'quality.json'}, {options.out / 'samples.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
