r"""Train a small StarGAN or AttGAN on rendered faces; started again, it goes on where it was.

The shipped translators ``stargan_procfaces`` and ``attgan_procfaces`` come from:
    python scripts/render_procfaces.py --out training/procfaces64 --count 50000 --seed 0
    for KIND in stargan attgan; do
        python scripts/train_translator.py $KIND --data training/procfaces64 \
            --out training/${KIND}_procfaces
        python scripts/export_translator.py training/${KIND}_procfaces/checkpoint.pt \
            --out pipeline/assets/${KIND}_procfaces.safetensors
        python scripts/evaluate_translator.py pipeline/assets/${KIND}_procfaces.safetensors
    done

Ctrl-C or SIGTERM saves a checkpoint first; a kill loses what came after the last one.
"""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from pipeline.training.command import run_training, shared_settings, training_parser

if TYPE_CHECKING:
    from pipeline.training.translation import TranslatorTraining

KINDS = ("stargan", "attgan")
ATTRIBUTES = ("masculinity", "age", "glasses", "smile")
CHANNELS = {"stargan": 12, "attgan": 32}
BLOCKS, LAYERS = 4, 3  # residual blocks of a StarGAN, halvings of an AttGAN


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = training_parser("Train a small StarGAN or AttGAN on rendered faces.", images=96_000)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--attributes", nargs="+", default=ATTRIBUTES, help="factors of the faces")
    parser.add_argument("--channels", type=int, help="of the first layer (12 and 32)")
    return parser.parse_args()


def build(options: argparse.Namespace) -> "TranslatorTraining":
    """The training that the options describe."""
    from pipeline.datasets.attribute_faces import AttributeFaces
    from pipeline.training.translation import ATTGAN, STARGAN, TranslatorTraining
    from pipeline.translators.attgan import AttGANConfig
    from pipeline.translators.stargan import StarGANConfig

    size = AttributeFaces(options.data, options.attributes).recipe.size
    channels = options.channels or CHANNELS[options.kind]
    names: tuple[str, ...] = tuple(options.attributes)
    pictures: dict[str, Any] = {"attributes": names, "resolution": size, "domain": "procfaces"}
    if options.kind == "stargan":
        star = StarGANConfig(channels=channels, blocks=BLOCKS, **pictures)
        return TranslatorTraining(config=star, recipe=STARGAN, **shared_settings(options))
    att = AttGANConfig(channels=channels, layers=LAYERS, **pictures)
    return TranslatorTraining(config=att, recipe=ATTGAN, **shared_settings(options))


def main() -> int:
    """Train; a user's mistake ends in one line."""
    options = arguments()
    return run_training(lambda: build(options))


if __name__ == "__main__":
    sys.exit(main())
