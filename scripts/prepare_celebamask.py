r"""Prepare CelebAMask-HQ for a SemanticStyleGAN: images and 13 classes at one size, as arrays.

python scripts/prepare_celebamask.py /data/CelebAMask-HQ --out training/celebamask512 --size 512

Reads the data set as its authors pack it (CelebA-HQ-img/, CelebAMask-HQ-mask-anno/), or images/ and
masks/ of the same names with merged ids. Stopped at any time, it goes on when started again.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Prepare CelebAMask-HQ for training.")
    parser.add_argument("source", type=Path, help="folder of the data set")
    parser.add_argument("--out", type=Path, required=True, help="folder for the arrays")
    parser.add_argument("--size", type=int, default=512, help="height and width")
    parser.add_argument("--count", type=int, help="only the first so many (28000, for training)")
    return parser.parse_args()


def main() -> int:
    """Prepare; a user's mistake or an interruption ends in one line."""
    options = arguments()

    from pipeline.datasets.labelled import prepare
    from pipeline.errors import UserError

    def report(done: int, total: int) -> None:
        print(f"{done} of {total} images", flush=True)

    try:
        made = prepare(options.source, options.out, options.size, options.count, report)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    print(f"{made.count} images of {len(made.classes)} classes in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
