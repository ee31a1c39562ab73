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
import shlex
import sys
from pathlib import Path

CHANNELS, DOWNSAMPLINGS, BLOCKS = 20, 2, 3


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train a small pix2pixHD on rendered faces.")
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered faces")
    parser.add_argument("--out", type=Path, required=True, help="folder for all that it leaves")
    parser.add_argument("--images", type=int, default=30_000, help="pairs to show")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1, help="single-threaded CPU processes")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--channels", type=int, default=CHANNELS, help="at full size")
    parser.add_argument("--save-every", type=int, default=8_000, help="images per checkpoint")
    parser.add_argument("--snapshot-every", type=int, default=40_000, help="images per snapshot")
    parser.add_argument("--wandb", default="disabled", help="offline, online, auto or disabled")
    return parser.parse_args()


def main() -> int:
    """Train; a user's mistake ends in one line."""
    options = arguments()

    from pipeline.datasets.procfaces.dataset import RenderedFaces
    from pipeline.datasets.procfaces.parts import PARTS
    from pipeline.errors import UserError
    from pipeline.generators.pix2pixhd import Pix2PixHDConfig
    from pipeline.training.pix2pixhd import Pix2PixHDTraining

    try:
        config = Pix2PixHDConfig(
            input_channels=len(PARTS),
            base_channels=options.channels,
            downsamplings=DOWNSAMPLINGS,
            blocks=BLOCKS,
            resolution=RenderedFaces(options.data).recipe.size,
        )
        training = Pix2PixHDTraining(
            data=options.data,
            out=options.out,
            config=config,
            images=options.images,
            seed=options.seed,
            processes=options.processes,
            device=options.device,
            save_every=options.save_every,
            snapshot_every=options.snapshot_every,
            wandb=options.wandb,
            command=shlex.join(["python", *sys.argv]),
        )
        finished = training.run()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not finished:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    print(f"{options.images} pairs shown; snapshots and sheets in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
