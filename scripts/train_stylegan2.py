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
import shlex
import sys
from pathlib import Path

CHANNELS = (128, 128, 96, 48, 32)
LATENT, MAPPING_LAYERS = 128, 5


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train a StyleGAN2 on rendered faces.")
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered faces")
    parser.add_argument("--out", type=Path, required=True, help="folder for all that it leaves")
    parser.add_argument("--images", type=int, default=1_000_000, help="real images to show")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, help="single-threaded ones (2; 1 on a GPU)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--channels", type=int, nargs="+", help="of the blocks, from 4 x 4 up")
    parser.add_argument("--guide", type=Path, help="folder of a regressor to judge features of")
    parser.add_argument("--guide-from", type=int, default=0, help="images shown until then")
    parser.add_argument("--save-every", type=int, default=8_000, help="images per checkpoint")
    parser.add_argument("--snapshot-every", type=int, default=40_000, help="images per snapshot")
    parser.add_argument("--wandb", default="offline", help="offline, online, auto or disabled")
    return parser.parse_args()


def main() -> int:
    """Train; a user's mistake ends in one line."""
    options = arguments()

    from pipeline.datasets.procfaces.dataset import RenderedFaces
    from pipeline.errors import UserError
    from pipeline.generators.stylegan2 import StyleGAN2Config
    from pipeline.training.loop import Training
    from pipeline.training.stylegan2 import Recipe

    try:
        size = RenderedFaces(options.data).recipe.size
        channels = tuple(options.channels or CHANNELS[: size.bit_length() - 2])
        training = Training(
            data=options.data,
            out=options.out,
            config=StyleGAN2Config(size, channels, LATENT, LATENT, MAPPING_LAYERS),
            guide=options.guide,
            recipe=Recipe(guide_from=options.guide_from),
            images=options.images,
            seed=options.seed,
            processes=options.processes or (2 if options.device == "cpu" else 1),
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
