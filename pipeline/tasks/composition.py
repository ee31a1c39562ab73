"""How a SemanticStyleGAN's images grow, class by class (Shi et al. 2022, section 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from omegaconf import DictConfig
from PIL import Image
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.experiment import Experiment
from pipeline.generators.base import Codes
from pipeline.generators.semantic_stylegan import SemanticStyleGAN
from pipeline.methods.semantic_classes import semantic
from pipeline.metrics.intervals import mean_estimate
from pipeline.metrics.masked_mse import MaskedMSE
from pipeline.report.maps import heat_picture
from pipeline.report.sheets import contact_sheet
from pipeline.runner import Runner
from pipeline.stages.inputs import Sampling
from pipeline.summaries import plain_estimates
from pipeline.tasks.base import Findings, Task


@dataclass(frozen=True, eq=False)
class Grown:
    """An image after a class has been added.

    Attributes:
        images: ``[n, 3, H, W]`` in [-1, 1].
        seen: 1 where the class is the nearest of those that are there, ``[n, H, W]``.
        depths: its pseudo-depths ``[n, c, c]``.
    """

    images: Tensor
    seen: Tensor
    depths: Tensor


@dataclass
class GrowingComposition(Task):
    """Images of the first class alone, of the first two, and so on, ``samples`` of them.

    Measured is what each class changes: squared errors to the image without it, where it is seen
    and elsewhere.

    Args:
        classes: in the order in which they come, from the background on; None takes all, in the
            generator's order.
        shown: samples on the sheet.
        name: what the task is called.
    """

    classes: Sequence[str] | None = None
    shown: int = 3
    name: str = "composition"

    def __post_init__(self) -> None:
        if self.shown < 1:
            raise UserError(f"task.shown={self.shown} must be at least 1.")

    def check(self, experiment: Experiment) -> None:
        """Refuse a generator without classes, and classes that it does not have."""
        self._order(semantic(experiment.generator, f"task={self.name}"))

    @torch.inference_mode()
    def run(self, experiment: Experiment, config: DictConfig, runner: Runner) -> Findings:
        """Compose, measure and draw."""
        network = semantic(experiment.generator, f"task={self.name}")
        order = self._order(network)
        codes = runner.run(Sampling(network, config.samples, config.seed, "evaluate")).value
        changes = {name: MaskedMSE() for name in order[1:]}
        areas: dict[str, list[Tensor]] = {name: [] for name in order}
        for first in range(0, len(codes), config.batch):
            few = codes[first : first + config.batch]
            index, before = first + torch.arange(len(few)), None
            for name, grown in self._grown(network, few, order).items():
                areas[name].append(grown.seen.mean((1, 2)).cpu().double())
                if before is not None:
                    changes[name].update(before, grown.images, grown.seen, index)
                before = grown.images
        sheet = self._sheet(network, codes[: self.shown], order)
        rows = [_row(name, torch.cat(areas[name]), changes.get(name)) for name in order]
        return Findings({}, {"classes": list(order), "rows": rows}, {"composition": sheet})

    def _order(self, generator: SemanticStyleGAN) -> tuple[str, ...]:
        """The classes as they come.

        Raises:
            UserError: there is no such class, or the background does not come first.
        """
        known = generator.config.classes
        order = known if self.classes is None else tuple(self.classes)
        for name in order:
            if name not in known:
                raise unknown_name("task.classes", name, known)
        if order[:1] != known[:1] or len(set(order)) < len(order):
            raise UserError(
                f"task.classes={list(order)}: '{known[0]}', behind all others, comes first, and "
                "no class twice."
            )
        return order

    def _grown(
        self, generator: SemanticStyleGAN, codes: Codes, order: Sequence[str]
    ) -> dict[str, Grown]:
        """The images after each class, in their order."""
        grown = {}
        for count, name in enumerate(order, 1):
            present = generator.present(order[:count])
            made = generator.compose(codes, present=present)
            scores = made.scores.masked_fill(present[:, None, None] == 0, -torch.inf)
            number = generator.config.classes.index(name)
            seen = (scores.argmax(1) == number).float()
            grown[name] = Grown(made.images.clamp(-1, 1), seen, made.depths[:, number])
        return grown

    def _sheet(
        self, generator: SemanticStyleGAN, codes: Codes, order: Sequence[str]
    ) -> Image.Image:
        """Classes across; for every sample its images and below the depths of what came."""
        grown = self._grown(generator, codes, order)
        rows: list[list[Tensor | None]] = []
        for i in range(len(codes)):
            rows.append([grown[name].images[i] for name in order])
            rows.append([None, *(_drawn(grown[name].depths, i) for name in order[1:])])
        heads = [order[0], *(f"+ {name}" for name in order[1:])]
        labels = [text for i in range(len(codes)) for text in (f"no. {i}", "pseudo-depth")]
        return contact_sheet(rows, heads, labels, "Classes added one by one")


def _drawn(depths: Tensor, index: int) -> Tensor:
    """One of some depths ``[n, c, c]``, near ones light, on the scale of them all."""
    low, high = depths.min(), depths.max()
    shares = (depths[index] - low) / (high - low).clamp(min=torch.finfo(depths.dtype).tiny)
    return heat_picture(shares, 1.0)


def _row(name: str, areas: Tensor, change: MaskedMSE | None) -> Mapping[str, Any]:
    """What is measured of a class."""
    numbers = {"area": mean_estimate(areas)}
    if change is not None:
        found = change.compute()
        numbers |= {key: found[key] for key in ("mse_in", "mse_out", "mse_ratio")}
    return {"class": name, **plain_estimates(numbers)}
