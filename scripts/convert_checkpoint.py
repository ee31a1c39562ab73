"""Convert a generator's file: any known form in, safetensors or another project's naming out.

python scripts/convert_checkpoint.py IN OUT [--to safetensors|nvidia|rosinality]

`safetensors` is this project's own format, for every architecture. `nvidia` writes a torch file
{"G_ema": state dict of the official class, "init_kwargs": its arguments}; `rosinality` writes
{"g_ema", "latent_avg"}; both are for StyleGAN2 only. No code of IN is run.
"""

import argparse
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if TYPE_CHECKING:
    from pipeline.generators.checkpoints.load import Checkpoint

FORMATS = ("safetensors", "nvidia", "rosinality")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Convert a generator's file.")
    parser.add_argument("source", type=Path, metavar="IN", help="a file of any known form")
    parser.add_argument("target", type=Path, metavar="OUT", help="the file to write")
    parser.add_argument("--to", choices=FORMATS, default="safetensors")
    return parser.parse_args()


def describe(checkpoint: "Checkpoint") -> str:
    """What was recognised, in one line."""
    network = checkpoint.generator
    spaces = ", ".join(sorted(network.spaces))
    architecture = f"{type(network).__name__}, {network.resolution} px, spaces {spaces}"
    return f"{checkpoint.form}: {architecture}, {network.architecture}"


def convert(checkpoint: "Checkpoint", source: Path, target: Path, form: str) -> None:
    """Write a generator in another form.

    Raises:
        UserError: it has no such form, or the file cannot be written.
    """
    import torch

    from pipeline.disk import Place, replace_file
    from pipeline.errors import UserError
    from pipeline.generators.checkpoints.own import save_own
    from pipeline.generators.checkpoints.stylegan2_export import (
        nvidia_kwargs,
        to_nvidia,
        to_rosinality,
    )
    from pipeline.generators.stylegan2 import StyleGAN2

    network = checkpoint.generator
    if form == "safetensors":
        save_own(network, target, {"from": source.name, "form": checkpoint.form})
        return
    if not isinstance(network, StyleGAN2):
        kind = type(network).__name__
        raise UserError(f"--to {form} is for StyleGAN2; '{source}' is a {kind}: --to safetensors.")
    content: object
    if form == "nvidia":
        content = {"G_ema": to_nvidia(network), "init_kwargs": nvidia_kwargs(network)}
    else:
        content = to_rosinality(network)
    data = BytesIO()
    torch.save(content, data)
    with Place("folder of the weights", target.parent, "OUT").writing():
        replace_file(target, data.getvalue())


def main() -> int:
    """Convert; a user's mistake ends in one line."""
    options = arguments()

    from pipeline.errors import UserError
    from pipeline.generators.checkpoints.load import read_checkpoint

    try:
        checkpoint = read_checkpoint(options.source)
        print(describe(checkpoint))
        convert(checkpoint, options.source, options.target, options.to)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.to == "rosinality" and getattr(checkpoint.generator.config, "conv_clamp", None):
        print("note: this naming has no conv_clamp; an image that reaches the clamp will differ")
    print(f"{options.target}: {options.target.stat().st_size} bytes, {options.to}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
