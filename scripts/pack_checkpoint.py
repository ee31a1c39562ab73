"""Make a training's checkpoint small enough to pass on, and go on from it elsewhere.

python scripts/pack_checkpoint.py pack training/stylegan2_procfaces packed.pt
python scripts/pack_checkpoint.py unpack packed.pt training/stylegan2_procfaces

The first moments of Adam(0, 0.99) are overwritten in every step and left out; the second moments
keep bfloat16's eight bits, which moves the steps after it by less than their noise.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Pack or unpack a training's checkpoint.")
    parser.add_argument("action", choices=("pack", "unpack"))
    parser.add_argument("source", type=Path, help="the training's folder, or the packed file")
    parser.add_argument("target", type=Path, help="the packed file, or the training's folder")
    return parser.parse_args()


def pack(folder: Path, target: Path) -> None:
    """Write a folder's checkpoint and description to one small file.

    Raises:
        UserError: the folder holds no training, or the file cannot be written.
    """
    from pipeline.training.journal import CHECKPOINT
    from pipeline.training.loop import read_description
    from pipeline.training.state import read_tensors, write_tensors

    content = read_tensors(folder / CHECKPOINT)
    for name in OPTIMIZERS:
        for moments in content[name]["state"].values():
            del moments["exp_avg"]
            moments["exp_avg_sq"] = moments["exp_avg_sq"].bfloat16()
    content["description"] = json.dumps(read_description(folder))
    write_tensors(content, target)
    print(f"{target}: {content['images']} images shown, {target.stat().st_size / 1e6:.1f} MB")


def unpack(source: Path, folder: Path) -> None:
    """Write a packed file back into a folder that ``train_stylegan2.py`` goes on from.

    Raises:
        UserError: the file is damaged, or the folder holds a checkpoint already.
    """
    from pipeline.errors import UserError
    from pipeline.records import require_writable, write_json
    from pipeline.training.journal import CHECKPOINT
    from pipeline.training.loop import DESCRIPTION
    from pipeline.training.state import read_tensors, write_tensors

    require_writable(folder, "the folder")
    if (folder / CHECKPOINT).exists():
        raise UserError(f"'{folder}' holds a checkpoint already: give another folder.")
    content: dict[str, Any] = read_tensors(source)
    for name in OPTIMIZERS:
        for moments in content[name]["state"].values():
            moments["exp_avg_sq"] = moments["exp_avg_sq"].float()
            moments["exp_avg"] = moments["exp_avg_sq"].new_zeros(moments["exp_avg_sq"].shape)
    write_json(folder / DESCRIPTION, json.loads(content.pop("description")))
    write_tensors(content, folder / CHECKPOINT)
    print(f"{folder}: {content['images']} images shown; go on with scripts/train_stylegan2.py")


def main() -> int:
    """Pack or unpack; a user's mistake ends in one line."""
    options = arguments()

    from pipeline.errors import UserError

    try:
        (pack if options.action == "pack" else unpack)(options.source, options.target)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
