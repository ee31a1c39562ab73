r"""Train a small pix2pixHD on rendered faces; started again, it goes on where it was.

The shipped generator ``pix2pixhd_procfaces`` comes from:
    python scripts/render_procfaces.py --out training/procfaces64 --count 50000 --seed 0
    python scripts/train_pix2pixhd.py --data training/procfaces64 \
        --out training/pix2pixhd_procfaces
    python scripts/export_conditional.py training/pix2pixhd_procfaces/checkpoint.pt \
        --out pipeline/assets/pix2pixhd_procfaces.safetensors
    python scripts/evaluate_conditional.py pipeline/assets/pix2pixhd_procfaces.safetensors

Ctrl-C or SIGTERM saves a checkpoint first; a kill loses what came after the last one.
"""

import argparse
import sys
from typing import TYPE_CHECKING

from pipeline.training.command import run_training, shared_settings, training_parser

if TYPE_CHECKING:
    from pipeline.training.pix2pixhd import Pix2PixHDTraining

CHANNELS, DOWNSAMPLINGS, BLOCKS = 20, 2, 3


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = training_parser("Train a small pix2pixHD on rendered faces.", images=30_000)
    parser.add_argument("--channels", type=int, default=CHANNELS, help="at full size")
    return parser.parse_args()


def build(options: argparse.Namespace) -> "Pix2PixHDTraining":
    """The training that the options describe."""
    from pipeline.datasets.procfaces.dataset import RenderedFaces
    from pipeline.datasets.procfaces.parts import PARTS
    from pipeline.generators.pix2pixhd import Pix2PixHDConfig
    from pipeline.training.pix2pixhd import Pix2PixHDTraining

    config = Pix2PixHDConfig(
        input_channels=len(PARTS),
        base_channels=options.channels,
        downsamplings=DOWNSAMPLINGS,
        blocks=BLOCKS,
        resolution=RenderedFaces(options.data).recipe.size,
    )
    return Pix2PixHDTraining(config=config, **shared_settings(options))


def main() -> int:
    """Train; a user's mistake ends in one line."""
    options = arguments()
    return run_training(lambda: build(options))


if __name__ == "__main__":
    sys.exit(main())
