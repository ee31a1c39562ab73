r"""Train a SemanticStyleGAN on images and masks; started again, it goes on where it was.

The small one of the embedded domain, on a CPU:
    python scripts/render_procfaces.py --out training/procfaces64 --count 50000 --seed 0
    python scripts/train_semantic_stylegan.py --data training/procfaces64 \
        --out training/semantic_stylegan_procfaces --guide pipeline/assets/guide
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
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train a SemanticStyleGAN on images and masks.")
    parser.add_argument("--data", type=Path, required=True, help="rendered faces, or prepared ones")
    parser.add_argument("--out", type=Path, required=True, help="folder for all that it leaves")
    parser.add_argument("--preset", default="small", choices=("small", "paper"))
    parser.add_argument("--images", type=int, default=1_000_000, help="real images to show")
    parser.add_argument("--batch", type=int, help="images per step (8, or 16 of the paper)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1, help="single-threaded CPU processes")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--guide", type=Path, help="folder of a regressor to judge features of")
    parser.add_argument("--save-every", type=int, default=8_000, help="images per checkpoint")
    parser.add_argument("--snapshot-every", type=int, default=40_000, help="images per snapshot")
    parser.add_argument("--wandb", default="disabled", help="offline, online, auto or disabled")
    return parser.parse_args()


def main() -> int:
    """Train; a user's mistake ends in one line."""
    options = arguments()

    from dataclasses import replace

    from pipeline.errors import UserError
    from pipeline.training.semantic_presets import preset
    from pipeline.training.semantic_stylegan import SemanticTraining, open_labelled

    try:
        data = open_labelled(options.data)
        size, classes = data.recipe.size, data.classes
        config, recipe = preset(options.preset, size, classes, data.transparent)
        training = SemanticTraining(
            data=options.data,
            out=options.out,
            config=config,
            guide=options.guide,
            recipe=replace(recipe, batch=options.batch or recipe.batch),
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
