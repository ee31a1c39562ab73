r"""Train a SemanticStyleGAN on images and masks; started again, it goes on where it was.

The small one of the embedded domain, on a CPU:
    python scripts/render_procfaces.py --out training/procfaces64 --count 50000 --seed 0
    python scripts/train_semantic_stylegan.py --data training/procfaces64 --images 88000 \
        --out training/semantic_lessons --guide pipeline/assets/guide \
        --teacher stylegan2_procfaces.safetensors
    python scripts/train_semantic_stylegan.py --data training/procfaces64 \
        --out training/semantic_stylegan_procfaces --guide pipeline/assets/guide \
        --start training/semantic_lessons/checkpoint.pt --judge-alone 4000
    python scripts/export_semantic_stylegan.py \
        training/semantic_stylegan_procfaces/checkpoint.pt
    python scripts/evaluate_semantic_stylegan.py \
        pipeline/assets/semantic_stylegan_procfaces.safetensors \
        --card pipeline/assets/semantic_stylegan_procfaces.md

The paper's, on a GPU, from CelebAMask-HQ as its authors pack it:
    python scripts/prepare_celebamask.py /data/CelebAMask-HQ --out training/celebamask512 --size 512
    python scripts/train_semantic_stylegan.py --data training/celebamask512 \
        --out training/semantic_stylegan_celebamask --preset paper --device cuda

Ctrl-C or SIGTERM saves a checkpoint first; a kill loses what came after the last one.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.training.command import run_training, shared_settings, training_parser

if TYPE_CHECKING:
    from pipeline.training.semantic_stylegan import SemanticTraining


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = training_parser(
        "Train a SemanticStyleGAN on images and masks (rendered, or prepared ones).",
        images=1_000_000,
    )
    parser.add_argument("--preset", default="small", choices=("small", "paper"))
    parser.add_argument("--batch", type=int, help="images per step (8, or 16 of the paper)")
    parser.add_argument("--guide", type=Path, help="folder of a regressor to judge features of")
    parser.add_argument("--teacher", help="learn to draw what this StyleGAN2 draws, nothing else")
    parser.add_argument("--start", type=Path, help="checkpoint whose generator to start from")
    parser.add_argument("--judge-alone", type=int, default=0, help="images before it learns")
    return parser.parse_args()


def build(options: argparse.Namespace) -> "SemanticTraining":
    """The training that the options describe."""
    from pipeline.training.semantic_lessons import Lessons, SemanticLessons
    from pipeline.training.semantic_presets import preset
    from pipeline.training.semantic_stylegan import SemanticTraining, open_labelled

    data = open_labelled(options.data)
    config, recipe = preset(options.preset, data.recipe.size, data.classes, data.transparent)
    recipe = replace(recipe, batch=options.batch or recipe.batch, judge_alone=options.judge_alone)
    shared = {"config": config, "guide": options.guide, **shared_settings(options)}
    if options.teacher:
        return SemanticLessons(recipe=Lessons(**vars(recipe)), teacher=options.teacher, **shared)
    return SemanticTraining(recipe=recipe, start=options.start, **shared)


def main() -> int:
    """Train; a user's mistake ends in one line."""
    options = arguments()
    return run_training(lambda: build(options))


if __name__ == "__main__":
    sys.exit(main())
