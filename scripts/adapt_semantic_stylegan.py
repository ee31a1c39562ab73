r"""Adapt a SemanticStyleGAN to images without masks: drawings, paintings, another kind of face.

The shipped one to drawings, on a CPU (half an hour):
    python scripts/draw_procfaces.py --out training/drawings
    python scripts/adapt_semantic_stylegan.py --data training/drawings \
        --start semantic_stylegan_procfaces.safetensors --out training/semantic_stylegan_drawings
    python scripts/export_semantic_stylegan.py training/semantic_stylegan_drawings/checkpoint.pt \
        --out training/semantic_stylegan_drawings.safetensors
    python run.py generator=semantic_stylegan_procfaces method=semantic_stylegan region=mouth \
        generator.path=training/semantic_stylegan_drawings.safetensors

The published one to a folder of pictures, on a GPU, with the paper's recipe:
    python scripts/adapt_semantic_stylegan.py --data /data/metfaces --preset paper --device cuda \
        --start CelebAMask-HQ-512x512.pt --learns all --images 32000 \
        --out training/semantic_stylegan_metfaces

Ctrl-C or SIGTERM saves a checkpoint first; a kill loses what came after the last one.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.training.command import run_training, shared_settings, training_parser

if TYPE_CHECKING:
    from pipeline.training.semantic_adaptation import SemanticAdaptation

JUDGE_ALONE = 4000  # images before the generator learns: its discriminator begins untrained


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = training_parser("Adapt a SemanticStyleGAN to images without masks.", images=24_000)
    parser.add_argument("--start", type=Path, required=True, help="generator file to go on from")
    parser.add_argument("--preset", default="small", choices=("small", "paper"))
    parser.add_argument("--batch", type=int, help="images per step (8, or 16 of the paper)")
    parser.add_argument(
        "--learns",
        default="appearance",
        choices=("appearance", "all"),
        help="how things look, every part where it was; or all, without a tie between the masks",
    )
    parser.add_argument("--judge-alone", type=int, default=JUDGE_ALONE)
    return parser.parse_args()


def build(options: argparse.Namespace) -> "SemanticAdaptation":
    """The training that the options describe."""
    from pipeline.training.semantic_adaptation import SemanticAdaptation, read_semantic_stylegan
    from pipeline.training.semantic_presets import preset

    config = read_semantic_stylegan(options.start).config
    _, recipe = preset(options.preset, config.resolution, config.classes)
    recipe = replace(
        recipe,
        batch=options.batch or recipe.batch,
        judge_alone=options.judge_alone,
        mask_weight=recipe.mask_weight if options.learns == "appearance" else 0.0,
    )
    shared = {"finished": options.start, "learns": options.learns, **shared_settings(options)}
    return SemanticAdaptation(config=config, recipe=recipe, **shared)


def main() -> int:
    """Train; a user's mistake ends in one line."""
    options = arguments()
    return run_training(lambda: build(options))


if __name__ == "__main__":
    sys.exit(main())
