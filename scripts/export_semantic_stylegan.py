"""Make a generator file from a checkpoint or snapshot of ``train_semantic_stylegan.py``.

python scripts/export_semantic_stylegan.py training/semantic_stylegan_procfaces/checkpoint.pt

The averaged generator in half precision, with its mean w taken anew.
"""

import argparse
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make a generator file from a checkpoint.")
    parser.add_argument("snapshot", type=Path, help="checkpoint.pt or snapshot_XXXXXk.pt")
    parser.add_argument(
        "--out", type=Path, default=Path("pipeline/assets/semantic_stylegan_procfaces.safetensors")
    )
    parser.add_argument("--seed", type=int, default=0, help="of the mean w")
    return parser.parse_args()


def main() -> int:
    """Export; a user's mistake ends in one line."""
    options = arguments()

    import torch

    from pipeline.errors import UserError
    from pipeline.generators.checkpoints.own import save_own
    from pipeline.training.loop import read_description
    from pipeline.training.semantic_export import MEAN_SAMPLES, restored, set_mean_w

    torch.set_num_threads(1)
    try:
        training = read_description(options.snapshot.parent)
        network, images = restored(options.snapshot, training["architecture"])
        set_mean_w(network, options.seed)
        exported_by = shlex.join(["python", *sys.argv])
        about = {"images": images, "w_avg_samples": MEAN_SAMPLES, "exported_by": exported_by}
        save_own(network, options.out, training | about, torch.float16)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.out}: {images} images shown, {options.out.stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
