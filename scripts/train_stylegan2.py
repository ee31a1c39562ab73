"""Train a StyleGAN2 on rendered faces; started again, it goes on where it was.

The shipped generator ``stylegan2_procfaces`` comes from:
    python scripts/render_procfaces.py --out training/procfaces64 --count 100000 --seed 0
    python scripts/train_stylegan2.py --data training/procfaces64 --out training/stylegan2_procfaces
"""

import argparse
import json
import os
import random
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed import TCPStore
from torch.multiprocessing.spawn import spawn
from torchvision.utils import save_image

from pipeline.datasets.procfaces.dataset import RenderedFaces
from pipeline.generators.base import Codes, Space
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config
from pipeline.training.state import TrainingState
from pipeline.training.stylegan2 import Recipe, build, train_step

CHANNELS = (128, 128, 96, 48, 32)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered faces")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and sheets")
    parser.add_argument("--images", type=int, default=1_000_000, help="real images to show")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2, help="single-threaded CPU processes")
    parser.add_argument("--save-every", type=int, default=8_000, help="images per checkpoint")
    parser.add_argument("--snapshot-every", type=int, default=40_000, help="images per snapshot")
    return parser.parse_args()


def train(rank: int, args: argparse.Namespace) -> None:
    """The loop of one process."""
    torch.set_num_threads(1)
    recipe = Recipe()
    if args.processes > 1:
        store = TCPStore("127.0.0.1", args.port, args.processes, rank == 0)
        dist.init_process_group("gloo", store=store, rank=rank, world_size=args.processes)
    data = RenderedFaces(args.data)
    size = data.images(torch.tensor([0])).shape[-1]
    state = build(StyleGAN2Config(size, CHANNELS, 128, 128, 5), recipe, args.seed)
    checkpoint = args.out / "checkpoint.pt"
    if checkpoint.exists():
        state.load(checkpoint)
    share = recipe.batch // args.processes
    started, first = time.monotonic(), state.images
    while state.images < args.images:
        step_seed = (args.seed * 1_000_003 + state.images) * args.processes + rank
        torch.manual_seed(step_seed)
        random.seed(step_seed)
        real = data.images(torch.randint(len(data), (share,)))
        losses = train_step(state, real.to(memory_format=torch.channels_last), recipe)
        if rank == 0:
            rate = (state.images - first) / (time.monotonic() - started)
            report(state, losses, rate, args)
    if dist.is_initialized():
        dist.destroy_process_group()


def report(
    state: TrainingState, losses: dict[str, float], rate: float, args: argparse.Namespace
) -> None:
    """Log, save and draw when it is time to."""
    step = Recipe().batch
    if state.images % 1600 < step:
        line = {"images": state.images, "images_per_second": round(rate, 2), **losses}
        with (args.out / "training.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(line, flush=True)
    if state.images % args.save_every < step:
        state.save(args.out / "checkpoint.pt")
        draw_sheet(state.ema, args.out / f"sheet_{state.images // 1000:05d}k.png", args.seed)
    if state.images % args.snapshot_every < step:
        path = args.out / f"snapshot_{state.images // 1000:05d}k.pt"
        torch.save(state.ema.state_dict(), path.with_suffix(".partial"))
        os.replace(path.with_suffix(".partial"), path)


@torch.inference_mode()
def draw_sheet(network: nn.Module, path: Path, seed: int) -> None:
    """Write samples of the averaged generator at psi 1 and constant noise."""
    assert isinstance(network, StyleGAN2)
    codes = network.sample(64, torch.Generator().manual_seed(seed))
    images = network.render(Codes(Space.Z, codes.values)).clamp(-1, 1)
    save_image(images, path, nrow=16, normalize=True, value_range=(-1, 1))


def main() -> None:
    """Start the processes."""
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    args.port = 29_500 + os.getpid() % 1000
    if args.processes == 1:
        train(0, args)
    else:
        spawn(train, (args,), nprocs=args.processes)


if __name__ == "__main__":
    main()
