"""The training of a StyleGAN2 from its first step to its last, over any number of kills."""

import json
import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.datasets.procfaces.dataset import RenderedFaces
from pipeline.errors import UserError
from pipeline.evaluators.base import fingerprint_of
from pipeline.evaluators.embedded import AttributeRegressor
from pipeline.generators.base import Generator
from pipeline.records import plain, require_writable, write_json
from pipeline.tracking import Tracker, WandbTracker
from pipeline.training.guided import Guide
from pipeline.training.journal import CHECKPOINT, Journal, draw_sheet
from pipeline.training.processes import StopRequest, launch
from pipeline.training.state import TrainingState, read_tensors
from pipeline.training.stylegan2 import Recipe, build, train_step

DESCRIPTION = "training.json"

Batches = Callable[[int], tuple[Tensor, ...]]
"""Draws so many examples at random, by torch's global generator; images come first."""


@dataclass(frozen=True)
class Training:
    """One training, as it is asked for: a StyleGAN2's, unless a subclass says otherwise.

    Attributes:
        data: folder of rendered faces.
        out: folder for everything that it leaves, see :class:`Journal`.
        config: the architecture, a dataclass.
        recipe: hyper-parameters, a dataclass with the ``batch``.
        images: real images to show in all.
        seed: of weights, batches, latents and noise.
        processes: single-threaded CPU processes that share each batch.
        device: ``cpu`` or a CUDA device, for one process.
        save_every: images from one checkpoint to the next.
        snapshot_every: images from one snapshot to the next.
        wandb: mode of Weights & Biases.
        command: what the user typed.
        guide: folder of the regressor whose features are judged beside the pixels; None for none.
    """

    data: Path
    out: Path
    config: Any
    recipe: Any = field(default_factory=Recipe)
    images: int = 1_000_000
    seed: int = 0
    processes: int = 1
    device: str = "cpu"
    save_every: int = 8_000
    snapshot_every: int = 40_000
    wandb: str = "offline"
    command: str = ""
    guide: Path | None = None

    def run(self) -> bool:
        """Train, from the last checkpoint where there is one; False where it was told to stop.

        Raises:
            UserError: a setting is impossible, the folder holds another training, or a checkpoint
                cannot be read or written.
        """
        self._check()
        require_writable(self.out, "--out")
        tracker = WandbTracker(self.out, "train", "training", self.out.name, mode=self.wandb)
        describe(self)
        if images_shown(self.out / CHECKPOINT) < self.images:
            launch(train, (self, tracker), self.processes)
        return images_shown(self.out / CHECKPOINT) >= self.images

    def open(self) -> Any:
        """The data, as :meth:`batches` takes them."""
        return RenderedFaces(self.data)

    def begin(self) -> TrainingState[Any, Any]:
        """Networks and optimisers as they are before the first step."""
        return build(self.config, self.recipe, self.seed, self.device)

    def about(self) -> dict[str, Any]:
        """What else the training is, for its description; a mapping of JSON values."""
        return {}

    def batches(self, data: RenderedFaces) -> Batches:
        """What a step is shown of the data."""
        return lambda n: (data.images(torch.randint(len(data), (n,))),)

    def step(
        self, state: TrainingState[Any, Any], batch: tuple[Tensor, ...], guide: Guide | None
    ) -> dict[str, float]:
        """One update of the networks; returns the losses."""
        return train_step(state, batch[0], self.recipe, guide)

    def settle(self, network: Generator) -> None:
        """Make the averaged generator ready to be looked at."""

    def draw(self, network: Generator, path: Path, seed: int) -> None:
        """Write a sheet of samples."""
        draw_sheet(network, path, seed)

    def _check(self) -> None:
        if self.processes < 1 or self.recipe.batch % self.processes:
            raise UserError(
                f"--processes {self.processes} must divide the batch of {self.recipe.batch}."
            )
        if self.device != "cpu" and self.processes > 1:
            raise UserError(f"--device {self.device} takes --processes 1.")
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise UserError(f"--device {self.device}: there is no CUDA device. Use --device cpu.")
        if min(self.save_every, self.snapshot_every) < self.recipe.batch:
            raise UserError(
                f"--save-every {self.save_every} and --snapshot-every {self.snapshot_every} must "
                f"be at least one batch of {self.recipe.batch} images."
            )


def describe(training: Training) -> None:
    """Write down what the folder's training is; refuse a folder that holds another one.

    Raises:
        UserError: seed, architecture, recipe, data or guide differ from those it was begun with.
    """
    path = training.out / DESCRIPTION
    wanted = plain(
        {
            "seed": training.seed,
            "architecture": asdict(training.config),
            "recipe": asdict(training.recipe),
            "data": asdict(training.open().recipe),
            "guide": fingerprint_of(AttributeRegressor.load(training.guide))
            if training.guide
            else None,
            **training.about(),
        }
    )
    found = read_description(training.out) if path.exists() else wanted
    differing = [key for key, value in wanted.items() if found.get(key) != value]
    if differing:
        raise UserError(
            f"'{training.out}' holds a training with other {' and '.join(differing)} "
            f"({differing[0]}: {found.get(differing[0])}). Give another folder with --out."
        )
    place = {"processes": training.processes, "device": training.device}
    write_json(path, {**wanted, **place, "command": training.command})


def read_description(folder: Path) -> dict[str, Any]:
    """What :func:`describe` wrote.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        content: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"'{folder / DESCRIPTION}' is missing or damaged: it says what was trained there. "
            "Start the training's command again, which writes it at the beginning."
        ) from error
    return content


def train(rank: int, task: tuple[Training, Tracker]) -> None:
    """The loop of one process; the first one keeps the journal."""
    training, tracker = task
    if training.device == "cpu":
        torch.set_num_threads(1)  # on a busy machine, several threads are slower than one
    data, state = training.open(), training.begin()
    if (training.out / CHECKPOINT).exists():
        state.load(training.out / CHECKPOINT)
    guide = _guide(training)
    begun, share = state.images, training.recipe.batch // training.processes
    draw = training.batches(data)
    with ExitStack() as stack:
        stop = stack.enter_context(StopRequest())
        journal = _journal(training, tracker, data, stack) if rank == 0 else None
        while state.images < training.images and not stop.agreed():
            seed_step(training, state.images, rank)
            images, *others = (part.to(training.device) for part in draw(share))
            batch = (images.to(memory_format=torch.channels_last), *others)
            losses = training.step(state, batch, guide)
            if journal:
                journal.report(state, losses, training.images)
        if journal and state.images > begun:
            journal.conclude(state, training.images)


def _guide(training: Training) -> Guide | None:
    if training.guide is None:
        return None
    return Guide(AttributeRegressor.load(training.guide).to(training.device))


def seed_step(training: Training, images: int, rank: int) -> None:
    """Seed a step by what it is, so that a resumed training takes the same steps."""
    seed = (training.seed * 1_000_003 + images) * training.processes + rank
    torch.manual_seed(seed)
    random.seed(seed)


def _journal(training: Training, tracker: Tracker, data: Any, stack: ExitStack) -> Journal:
    stack.enter_context(tracker)
    tracker.start(plain(asdict(training)))
    journal = Journal(
        training.out,
        data if isinstance(data, RenderedFaces) else None,
        tracker,
        training.recipe.batch,
        training.save_every,
        training.snapshot_every,
        training.seed,
        training.settle,
        training.draw,
    )
    return stack.enter_context(journal)


def images_shown(checkpoint: Path) -> int:
    """How far the training behind a checkpoint is; 0 where there is none yet.

    Raises:
        UserError: the checkpoint is damaged.
    """
    return int(read_tensors(checkpoint)["images"]) if checkpoint.exists() else 0
