r"""Train a StyleGAN2 on rendered faces; started again, it goes on where it was.

The shipped generator ``stylegan2_procfaces`` comes from:
    python scripts/render_procfaces.py --out training/procfaces64 --count 50000 --seed 0
    python scripts/train_evaluators.py --only regressor --seed 1 --reader-steps 1500 \
        --work training/guide --out pipeline/assets/guide
    python scripts/train_stylegan2.py --data training/procfaces64 \
        --out training/stylegan2_procfaces --guide pipeline/assets/guide --guide-from 259728 \
        --processes 2
    python scripts/export_generator.py training/stylegan2_procfaces/checkpoint.pt
    python scripts/evaluate_generator.py --card pipeline/assets/stylegan2_procfaces.md
The guide is a regressor of another seed than those that judge the generator.

Ctrl-C or SIGTERM saves a checkpoint first; a kill loses what came after the last one.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.training.command import run_training, shared_settings, training_parser

if TYPE_CHECKING:
    from pipeline.training.loop import Training

CHANNELS = (128, 128, 96, 48, 32)
LATENT, MAPPING_LAYERS = 128, 5


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = training_parser("Train a StyleGAN2 on rendered faces.", images=1_000_000)
    parser.add_argument("--channels", type=int, nargs="+", help="of the blocks, from 4 x 4 up")
    parser.add_argument("--guide", type=Path, help="folder of a regressor to judge features of")
    parser.add_argument("--guide-from", type=int, default=0, help="images shown until then")
    return parser.parse_args()


def build(options: argparse.Namespace) -> "Training":
    """The training that the options describe."""
    from pipeline.datasets.procfaces.dataset import RenderedFaces
    from pipeline.generators.stylegan2 import StyleGAN2Config
    from pipeline.training.loop import Training
    from pipeline.training.stylegan2 import Recipe

    size = RenderedFaces(options.data).recipe.size
    channels = tuple(options.channels or CHANNELS[: size.bit_length() - 2])
    return Training(
        config=StyleGAN2Config(size, channels, LATENT, LATENT, MAPPING_LAYERS),
        recipe=Recipe(guide_from=options.guide_from),
        guide=options.guide,
        **shared_settings(options),
    )


def main() -> int:
    """Train; a user's mistake ends in one line."""
    options = arguments()
    return run_training(lambda: build(options))


if __name__ == "__main__":
    sys.exit(main())
