"""The command line that the training scripts share."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UserError

if TYPE_CHECKING:  # torch takes seconds, and --help needs none of it
    from pipeline.training.loop import Training


def training_parser(description: str, images: int) -> argparse.ArgumentParser:
    """The options that every training has.

    Args:
        description: what the script trains, in one sentence.
        images: how many real images it shows unless told otherwise.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help="folder of the images")
    parser.add_argument("--out", type=Path, required=True, help="folder for all that it leaves")
    parser.add_argument("--images", type=int, default=images, help="real images to show")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1, help="single-threaded CPU processes")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--save-every", type=int, default=8_000, help="images per checkpoint")
    parser.add_argument("--snapshot-every", type=int, default=40_000, help="images per snapshot")
    parser.add_argument("--wandb", default="disabled", help="offline, online, auto or disabled")
    return parser


def shared_settings(options: argparse.Namespace) -> dict[str, Any]:
    """What a training is given of the options of :func:`training_parser`, by keyword."""
    names = ("data", "out", "images", "seed", "processes", "device", "save_every")
    kept = {name: getattr(options, name) for name in (*names, "snapshot_every", "wandb")}
    return {**kept, "command": shlex.join(["python", *sys.argv])}


def run_training(build: Callable[[], Training]) -> int:
    """Train to the end; returns the script's exit status: 0, 130 where stopped, 2 for a mistake.

    Args:
        build: makes the training of the options; its mistakes end in one line too.
    """
    try:
        training = build()
        finished = training.run()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not finished:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    print(f"{training.images} images shown; snapshots and sheets in {training.out}")
    return 0
