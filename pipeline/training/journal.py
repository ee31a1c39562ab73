"""What the first process of a training leaves behind on the way."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from torchvision.utils import save_image

from pipeline.datasets.procfaces.dataset import RenderedFaces
from pipeline.errors import UserError
from pipeline.generators.base import Generator
from pipeline.records import MetricsLog
from pipeline.tracking import Tracker
from pipeline.training.quality import BATCH, Readers, Readings, assess, sample_images
from pipeline.training.state import TrainingState, write_tensors

State = TrainingState[Any, Any]

LOG_EVERY = 1600  # images
SHEET = 64  # samples on a sheet
JUDGED = 1000  # samples per measurement of the quality

CHECKPOINT, LOG = "checkpoint.pt", "training.jsonl"


class Journal:
    """Writes a training's numbers, checkpoints, sample sheets and snapshots, and judges these.

    Files of the folder: ``training.jsonl`` (numbers), ``checkpoint.pt`` (the whole state),
    ``sheet_00008k.png`` (samples), ``snapshot_00040k.pt`` (tensors of the averaged generator).

    Args:
        folder: where all of it goes.
        data: what the samples are held against; None where evaluators do not know such images.
        tracker: shows the same elsewhere; already started.
        step: images per training step.
        save_every: images from one checkpoint and sheet to the next.
        snapshot_every: images from one snapshot, judged where the evaluators are, to the next.
        seed: of the samples.
        settle: makes the averaged generator ready to be looked at.
        draw: writes a sheet of its samples to a path, of a seed.
    """

    def __init__(
        self,
        folder: Path,
        data: RenderedFaces | None,
        tracker: Tracker,
        step: int,
        save_every: int,
        snapshot_every: int,
        seed: int,
        settle: Callable[[Generator], None],
        draw: Callable[[Generator, Path, int], None],
    ) -> None:
        self.folder, self.data, self.tracker, self.seed = folder, data, tracker, seed
        self.step, self.save_every, self.snapshot_every = step, save_every, snapshot_every
        self._log = MetricsLog(folder / LOG)
        self._started, self._first = time.monotonic(), -1
        self._reference: tuple[Readers, Readings] | None = None
        self._judging, self._last_snapshot = data is not None, -1
        self._settle, self._draw = settle, draw

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()

    def report(self, state: State, losses: dict[str, float], end: int) -> None:
        """Log, save and judge when it is time to; called after every step."""
        if self._first < 0:
            self._first = state.images - self.step
        if self._is_time(state, LOG_EVERY):
            rate = (state.images - self._first) / (time.monotonic() - self._started)
            self._numbers(state.images, {"images_per_second": round(rate, 2), **losses})
            left = (end - state.images) / rate / 60
            shown = " ".join(f"{name} {value:.3f}" for name, value in losses.items())
            print(f"{state.images} of {end} images, {rate:.1f}/s, {left:.0f} min left, {shown}",
                  flush=True)  # fmt: skip
        if self._is_time(state, self.save_every):
            self.save(state)
            self._settle(state.ema)
            self._draw(state.ema, self._path("sheet", state, "png"), self.seed)
        if self._is_time(state, self.snapshot_every):
            self.snapshot(state)

    def save(self, state: State) -> None:
        """Write the checkpoint."""
        state.save(self.folder / CHECKPOINT)

    def conclude(self, state: State, end: int) -> None:
        """Keep the state where a training stops, and the generator where it ends."""
        self.save(state)
        if state.images >= end and state.images != self._last_snapshot:
            self.snapshot(state)

    def snapshot(self, state: State) -> None:
        """Keep the averaged generator as it is now, with its samples and their quality."""
        self._settle(state.ema)
        write_tensors(state.ema.state_dict(), self._path("snapshot", state, "pt"))
        sheet = self._path("sheet", state, "png")
        self._draw(state.ema, sheet, self.seed)
        self.tracker.images("samples", [(f"{state.images} images", sheet)])
        self._last_snapshot = state.images
        if quality := self._quality(state.ema):
            self._numbers(state.images, quality)

    def _quality(self, network: Generator) -> dict[str, float]:
        """Values of the bars by ``kind/name``; nothing, said once, where evaluators are missing."""
        try:
            if self._judging and self._reference is None and self.data is not None:
                readers = Readers.load()
                self._reference = readers, readers.read(_faces(self.data))
        except UserError as error:
            self._judging = False
            print(f"The quality is not measured: {error}", flush=True)
        if self._reference is None:
            return {}
        readers, data = self._reference
        samples = readers.read(sample_images(network, len(data) // 2, self.seed))
        bars = assess(samples, data, readers.regressor.readable)
        return {f"{bar.kind}/{bar.name}": bar.score.value for bar in bars}

    def _is_time(self, state: State, every: int) -> bool:
        return state.images % every < self.step

    def _path(self, kind: str, state: State, suffix: str) -> Path:
        return self.folder / f"{kind}_{state.images // 1000:05d}k.{suffix}"

    def _numbers(self, images: int, values: Mapping[str, Any]) -> None:
        self._log.write({"images": images, **values})
        self.tracker.log(values, step=images)


def _faces(data: RenderedFaces) -> Iterator[Tensor]:
    count = min(2 * JUDGED, len(data) // 2 * 2)
    return (data.images(index) for index in torch.arange(count).split(BATCH))


@torch.inference_mode()
def draw_sheet(network: Generator, path: Path, seed: int) -> None:
    """Write samples at the network's truncation (none in training), with constant noise."""
    codes = network.sample(SHEET, torch.Generator().manual_seed(seed))
    images = network.render(codes).clamp(-1, 1).cpu()
    columns = 2 * math.isqrt(SHEET)
    save_image(images, path, nrow=columns, normalize=True, value_range=(-1, 1))
