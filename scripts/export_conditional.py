"""Make a shipped file of a training of ``train_biggan.py`` or ``train_pix2pixhd.py``.

python scripts/export_conditional.py training/biggan_procfaces/checkpoint.pt \
    --out pipeline/assets/biggan_procfaces.safetensors

The averaged generator in half precision; says by how many grey levels that moves the pixels.
"""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.generators.base import Generator

SETTLING = 32  # batches that a BigGAN's norms are taken of


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make a generator file from a checkpoint.")
    parser.add_argument("checkpoint", type=Path, help="checkpoint.pt in the training's folder")
    parser.add_argument("--out", type=Path, required=True, help="the file, .safetensors")
    parser.add_argument("--seed", type=int, default=0, help="of norms and comparison")
    parser.add_argument("--compare", type=int, default=128, help="samples to compare")
    return parser.parse_args()


def restored(
    architecture: dict[str, Any], tensors: "dict[str, Tensor]", seed: int
) -> "tuple[Generator, dict[str, Any]]":
    """The averaged generator, and what its file tells of its codes."""
    from pipeline.datasets.face_classes import CLASSES
    from pipeline.datasets.procfaces.parts import PARTS
    from pipeline.datasets.rendered_maps import RenderedMaps
    from pipeline.generators.biggan import BigGAN, BigGANConfig
    from pipeline.generators.pix2pixhd import Pix2PixHD, Pix2PixHDConfig
    from pipeline.training.biggan import settle

    fields: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in architecture.items()
    }
    if "num_classes" not in fields:
        painter = Pix2PixHD(Pix2PixHDConfig(**fields), RenderedMaps(size=fields["resolution"]))
        painter.load_state_dict(tensors)
        return painter.eval().requires_grad_(False), {"parts": PARTS}
    network = BigGAN(BigGANConfig(**fields))
    network.load_state_dict({k: v for k, v in tensors.items() if not k.startswith("encoder.")})
    network.eval().requires_grad_(False)
    settle(network, seed, SETTLING)
    return network, {"classes": CLASSES}


def rounding(network: "Generator", out: Path, n: int, seed: int) -> dict[str, float]:
    """By how many grey levels (of 255) the file's numbers move the pixels of n samples."""
    import torch

    from pipeline.generators.checkpoints.own import load_own

    codes, half = network.sample(n, torch.Generator().manual_seed(seed)), load_own(out)
    with torch.inference_mode():
        moved = 127.5 * (network.render(codes) - half.render(codes)).abs()
    return {"n": n, "max": float(moved.max()), "mean": float(moved.mean())}


def main() -> int:
    """Export; a user's mistake ends in one line."""
    options = arguments()

    import torch

    from pipeline.disk import reason
    from pipeline.errors import UserError
    from pipeline.generators.checkpoints.own import save_own
    from pipeline.training.loop import read_description
    from pipeline.training.state import read_tensors

    torch.set_num_threads(1)
    try:
        training = read_description(options.checkpoint.parent)
        content = read_tensors(options.checkpoint)
        try:
            made = restored(training["architecture"], content["ema"], options.seed)
        except (KeyError, TypeError, RuntimeError) as error:
            raise UserError(
                f"'{options.checkpoint}' is no checkpoint of train_biggan.py or train_pix2pixhd.py "
                f"({reason(error)})."
            ) from error
        network, about = made
        exported_by = shlex.join(["python", *sys.argv])
        about |= {"images": int(content["images"]), "exported_by": exported_by}
        save_own(network, options.out, training | about, torch.float16)
        moved = rounding(network, options.out, options.compare, options.seed)
        save_own(network, options.out, training | about | {"rounding": moved}, torch.float16)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"{options.out}: {about['images']} images shown, {options.out.stat().st_size / 1e6:.2f} MB"
    )
    print(
        f"half precision moves pixels by {moved['mean']:.3f} grey levels on average, "
        f"{moved['max']:.2f} at most, over {moved['n']} samples"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
