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
import shlex
import sys
from pathlib import Path

CHANNELS = (96, 96, 80, 48, 24)
CHUNK, SHARED, ATTENTION = 12, 32, 16


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train a small BigGAN on rendered faces.")
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered faces")
    parser.add_argument("--out", type=Path, required=True, help="folder for all that it leaves")
    parser.add_argument("--images", type=int, default=200_000, help="real images to show")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1, help="single-threaded CPU processes")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--channels", type=int, nargs="+", help="of 4 x 4 and of each block")
    parser.add_argument("--guide", type=Path, help="folder of a regressor to judge features of")
    parser.add_argument("--adversary-from", type=int, default=16_000, help="images until then")
    parser.add_argument("--guide-from", type=int, default=0, help="images shown until then")
    parser.add_argument("--save-every", type=int, default=8_000, help="images per checkpoint")
    parser.add_argument("--snapshot-every", type=int, default=40_000, help="images per snapshot")
    parser.add_argument("--wandb", default="disabled", help="offline, online, auto or disabled")
    return parser.parse_args()


def main() -> int:
    """Train; a user's mistake ends in one line."""
    options = arguments()

    from pipeline.datasets.face_classes import CLASSES
    from pipeline.datasets.procfaces.dataset import RenderedFaces
    from pipeline.errors import UserError
    from pipeline.generators.biggan import BigGANConfig
    from pipeline.training.biggan import BigGANTraining, Recipe

    try:
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
        training = BigGANTraining(
            data=options.data,
            out=options.out,
            config=config,
            guide=options.guide,
            recipe=Recipe(adversary_from=options.adversary_from, guide_from=options.guide_from),
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
    print(f"{options.images} images shown; snapshots and sheets in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
