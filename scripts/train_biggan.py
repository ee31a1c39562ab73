r"""Train a small BigGAN on rendered faces; started again, it goes on where it was.

The shipped generator ``biggan_procfaces`` comes from:
    python scripts/render_procfaces.py --out training/procfaces64 --count 50000 --seed 0
    python scripts/train_biggan.py --data training/procfaces64 \
        --out training/biggan_procfaces --guide pipeline/assets/guide
    python scripts/export_conditional.py training/biggan_procfaces/checkpoint.pt \
        --out pipeline/assets/biggan_procfaces.safetensors
    python scripts/evaluate_conditional.py pipeline/assets/biggan_procfaces.safetensors

Ctrl-C or SIGTERM saves a checkpoint first; a kill loses what came after the last one.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.training.command import run_training, shared_settings, training_parser

if TYPE_CHECKING:
    from pipeline.training.biggan import BigGANTraining

CHANNELS = (96, 96, 80, 48, 24)
CHUNK, SHARED, ATTENTION = 12, 32, 16


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = training_parser("Train a small BigGAN on rendered faces.", images=200_000)
    parser.add_argument("--channels", type=int, nargs="+", help="of 4 x 4 and of each block")
    parser.add_argument("--guide", type=Path, help="folder of a regressor to judge features of")
    parser.add_argument("--adversary-from", type=int, default=16_000, help="images until then")
    parser.add_argument("--guide-from", type=int, default=0, help="images shown until then")
    return parser.parse_args()


def build(options: argparse.Namespace) -> "BigGANTraining":
    """The training that the options describe."""
    from pipeline.datasets.face_classes import CLASSES
    from pipeline.datasets.procfaces.dataset import RenderedFaces
    from pipeline.generators.biggan import BigGANConfig
    from pipeline.training.biggan import BigGANTraining, Recipe

    size = RenderedFaces(options.data).recipe.size
    channels = tuple(options.channels or CHANNELS[: size.bit_length() - 2])
    sizes = [4 * 2**i for i in range(len(channels))]
    config = BigGANConfig(
        channels=channels,
        attention=(sizes.index(ATTENTION),) if ATTENTION in sizes else (),
        z_dim=CHUNK * len(channels),
        num_classes=len(CLASSES),
        shared_dim=SHARED,
    )
    recipe = Recipe(adversary_from=options.adversary_from, guide_from=options.guide_from)
    return BigGANTraining(
        config=config, recipe=recipe, guide=options.guide, **shared_settings(options)
    )


def main() -> int:
    """Train; a user's mistake ends in one line."""
    options = arguments()
    return run_training(lambda: build(options))


if __name__ == "__main__":
    sys.exit(main())
