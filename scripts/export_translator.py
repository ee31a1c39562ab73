"""Make a shipped file of a training of ``train_translator.py``.

python scripts/export_translator.py training/stargan_procfaces/checkpoint.pt \
    --out pipeline/assets/stargan_procfaces.safetensors

The averaged translator in half precision; says by how many grey levels that moves the pixels.
"""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.translators.base import Translator


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make a translator's file from a checkpoint.")
    parser.add_argument("checkpoint", type=Path, help="checkpoint.pt in the training's folder")
    parser.add_argument("--out", type=Path, required=True, help="the file, .safetensors")
    parser.add_argument("--compare", type=int, default=128, help="pictures to compare")
    return parser.parse_args()


def restored(architecture: dict[str, Any], tensors: "dict[str, Tensor]") -> "Translator":
    """The averaged translator."""
    from pipeline.translators.attgan import AttGAN, AttGANConfig
    from pipeline.translators.stargan import StarGAN, StarGANConfig

    fields = architecture | {"attributes": tuple(architecture["attributes"])}
    network: Translator
    if "blocks" in fields:
        network = StarGAN(StarGANConfig(**fields))
    else:
        network = AttGAN(AttGANConfig(**fields))
    network.load_state_dict(tensors)
    return network.eval().requires_grad_(False)


def rounding(network: "Translator", out: Path, n: int) -> dict[str, float]:
    """By how many grey levels (of 255) the file's numbers move the pixels of n translations."""
    import torch

    from pipeline.training.translation_quality import faces
    from pipeline.translators.files import load_translator

    images, half = faces(n, 0, network.config.resolution), load_translator(out, network.name)
    labels = torch.randint(2, (n, len(network.config.attributes))).float()
    with torch.inference_mode():
        vectors = network.vectors(labels)
        moved = 127.5 * (network(images, vectors) - half(images, vectors)).abs()
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
    torch.manual_seed(0)
    try:
        training = read_description(options.checkpoint.parent)
        content = read_tensors(options.checkpoint)
        try:
            network = restored(training["architecture"], content["ema"])
        except (KeyError, TypeError, RuntimeError) as error:
            raise UserError(
                f"'{options.checkpoint}' is no checkpoint of train_translator.py ({reason(error)})."
            ) from error
        exported_by = shlex.join(["python", *sys.argv])
        told = training | {"images": int(content["images"]), "exported_by": exported_by}
        save_own(network, options.out, told, torch.float16)
        moved = rounding(network, options.out, options.compare)
        save_own(network, options.out, told | {"rounding": moved}, torch.float16)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    size = options.out.stat().st_size / 1e6
    print(f"{options.out}: {told['images']} images shown, {size:.2f} MB")
    print(
        f"half precision moves pixels by {moved['mean']:.3f} grey levels on average, "
        f"{moved['max']:.2f} at most, over {moved['n']} pictures"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
