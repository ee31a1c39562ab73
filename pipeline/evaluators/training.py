"""The training loop of the embedded evaluators: seeded step by step, resumable, one process."""

import hashlib
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.errors import UserError

Loss = Callable[[torch.Generator], Tensor]  # draws its batch from the generator
Report = Callable[[int, int, float], None]  # steps done, steps in all, loss


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: AdamW with a linear warm-up and a cosine down to zero."""

    steps: int
    batch: int
    rate: float = 2e-3
    weight_decay: float = 1e-2
    warmup: int = 100
    seed: int = 0

    def rate_at(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.rate * 0.5 * (1 + math.cos(math.pi * done))


def seeded(*parts: object) -> torch.Generator:
    """A generator that follows from the words and numbers given."""
    digest = hashlib.sha256(" ".join(map(str, parts)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def train(
    module: nn.Module,
    loss: Loss,
    schedule: Schedule,
    checkpoint: Path,
    report: Report | None = None,
    every: int = 200,
) -> float:
    """Minimise a loss over the parameters of a module, going on from its checkpoint.

    Every step draws from a generator of its own, so that a resumed training takes the same steps
    as an uninterrupted one.

    Args:
        module: trained in place; left in training mode.
        loss: of one batch.
        schedule: steps and learning rates.
        checkpoint: file for the state; written every ``every`` steps and at the end.
        report: called after each step.
        every: steps between two checkpoints.

    Returns:
        The seconds it took, those before an interruption included.

    Raises:
        UserError: the checkpoint belongs to another schedule.
    """
    module.train()
    optimiser = torch.optim.AdamW(
        module.parameters(), betas=(0.9, 0.99), weight_decay=schedule.weight_decay
    )
    first, spent = _resume(module, optimiser, schedule, checkpoint)
    start = time.monotonic() - spent
    for step in range(first, schedule.steps):
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate_at(step)
        value = loss(seeded("step", schedule.seed, step))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        if (step + 1) % every == 0 or step + 1 == schedule.steps:
            progress = (step + 1, time.monotonic() - start)
            _save(module, optimiser, schedule, checkpoint, progress)
        if report is not None:
            report(step + 1, schedule.steps, value.item())
    return spent if first == schedule.steps else time.monotonic() - start


def disturb(images: Tensor, generator: torch.Generator) -> Tensor:
    """Make half of the images a little blurred, noisy, brighter or flatter, as a GAN's are.

    Args:
        images: ``[n, 3, H, W]`` in [-1, 1].
        generator: of the random numbers.
    """
    n = len(images)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, 1, 1, 1, generator=generator) * (high - low) + low

    chosen = uniform(0, 1) < 0.5
    line = torch.tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(line, line).expand(3, 1, 3, 3)
    padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
    blurred = functional.conv2d(padded, kernel, groups=3)
    changed = torch.lerp(images, blurred, uniform(0, 1))
    changed = changed * uniform(0.96, 1.04) + uniform(-0.04, 0.04)
    changed = changed + uniform(0, 0.04) * torch.randn(images.shape, generator=generator)
    return torch.where(chosen, changed, images)


def _resume(
    module: nn.Module, optimiser: torch.optim.Optimizer, schedule: Schedule, checkpoint: Path
) -> tuple[int, float]:
    if not checkpoint.exists():
        return 0, 0.0
    state = torch.load(checkpoint, weights_only=True)
    if state["schedule"] != asdict(schedule):
        raise UserError(
            f"'{checkpoint}' belongs to another training ({state['schedule']}). Delete it, or give "
            "another folder with --work."
        )
    module.load_state_dict(state["module"])
    optimiser.load_state_dict(state["optimiser"])
    steps, seconds = state["progress"]
    return int(steps), float(seconds)


def _save(
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    schedule: Schedule,
    checkpoint: Path,
    progress: tuple[int, float],
) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    temporary = checkpoint.with_suffix(".tmp")
    state = {
        "schedule": asdict(schedule),
        "module": module.state_dict(),
        "optimiser": optimiser.state_dict(),
        "progress": progress,
    }
    torch.save(state, temporary)
    os.replace(temporary, checkpoint)
