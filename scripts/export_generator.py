"""Make a shipped generator file from a snapshot (or checkpoint) of ``train_stylegan2.py``.

python scripts/export_generator.py training/stylegan2_procfaces/snapshot_01000k.pt

The averaged generator in half precision, with its mean w taken anew; says by how many grey levels
half precision moves the pixels.
"""

import argparse
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.generators.stylegan2 import StyleGAN2

W_AVG_SAMPLES, CHUNK = 20_000, 1000


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make a generator file from a snapshot.")
    parser.add_argument("snapshot", type=Path, help="snapshot_XXXXXk.pt or checkpoint.pt")
    parser.add_argument(
        "--out", type=Path, default=Path("pipeline/assets/stylegan2_procfaces.safetensors")
    )
    parser.add_argument("--seed", type=int, default=0, help="of the mean w and the comparison")
    parser.add_argument("--compare", type=int, default=256, help="samples to compare")
    return parser.parse_args()


def snapshot_of(path: Path) -> "tuple[dict[str, Tensor], int]":
    """Tensors of the averaged generator, and the images shown until then."""
    from pipeline.errors import UserError
    from pipeline.training.state import read_tensors

    content = read_tensors(path)
    if "ema" in content:
        return content["ema"], int(content["images"])
    named = re.fullmatch(r"snapshot_(\d+)k", path.stem)
    if named is None or "mapping.w_avg" not in content:
        raise UserError(f"'{path}' is neither a snapshot_XXXXXk.pt nor a checkpoint of a training.")
    return content, 1000 * int(named[1])


def restored(path: Path, architecture: dict[str, Any]) -> "tuple[StyleGAN2, int]":
    """The averaged generator, and the images it was shown."""
    from pipeline.disk import reason
    from pipeline.errors import UserError
    from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config

    tensors, images = snapshot_of(path)
    channels = tuple(architecture["channels"])
    network = StyleGAN2(StyleGAN2Config(**architecture | {"channels": channels}))
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(f"'{path}' is not of the folder's training ({reason(error)}).") from error
    return network.eval().requires_grad_(False), images


def set_mean_w(network: "StyleGAN2", seed: int) -> None:
    """Take the mean w of ``W_AVG_SAMPLES`` mapped z, in float64."""
    import torch

    codes = network.sample(W_AVG_SAMPLES, torch.Generator().manual_seed(seed))
    total = sum(network.mapping(z).double().sum(0) for z in codes.values.split(CHUNK))
    network.mapping.w_avg.copy_(total / W_AVG_SAMPLES)


def rounding(network: "StyleGAN2", n: int, seed: int) -> dict[str, float]:
    """By how many grey levels (of 255) half precision moves the pixels of n samples."""
    import torch

    from pipeline.generators.stylegan2 import StyleGAN2
    from pipeline.generators.weights import stored
    from pipeline.training.quality import sample_images

    half = StyleGAN2(network.config)
    half.load_state_dict(stored(network, torch.float16))
    pairs = zip(sample_images(network, n, seed), sample_images(half, n, seed), strict=True)
    moved = torch.cat([127.5 * (a - b).abs().flatten(1) for a, b in pairs])
    return {"n": n, "max": float(moved.max()), "mean": float(moved.mean())}


def main() -> int:
    """Export; a user's mistake ends in one line."""
    options = arguments()

    import torch

    from pipeline.errors import UserError
    from pipeline.generators.weights import save_stylegan2
    from pipeline.training.loop import read_description

    torch.set_num_threads(1)
    try:
        training = read_description(options.snapshot.parent)
        network, images = restored(options.snapshot, training["architecture"])
        set_mean_w(network, options.seed)
        moved = rounding(network, options.compare, options.seed)
        exported_by = shlex.join(["python", *sys.argv])
        about = {"images": images, "w_avg_samples": W_AVG_SAMPLES, "rounding": moved}
        provenance = training | about | {"exported_by": exported_by}
        save_stylegan2(network, options.out, torch.float16, provenance)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.out}: {images} images shown, {options.out.stat().st_size / 1e6:.2f} MB")
    print(
        f"half precision moves pixels by {moved['mean']:.3f} grey levels on average, "
        f"{moved['max']:.2f} at most, over {moved['n']} samples"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
