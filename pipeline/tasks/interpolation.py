"""Single classes on the way from one sample to another (SemanticStyleGAN, Shi et al. 2022)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from omegaconf import DictConfig
from PIL import Image
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.experiment import Experiment
from pipeline.generators.base import Codes, Space
from pipeline.generators.semantic_stylegan import Composition, SemanticStyleGAN
from pipeline.methods.semantic_classes import CodeKind, mixed, rows_of, semantic
from pipeline.metrics.intervals import mean_estimate
from pipeline.metrics.masked_mse import MaskedMSE
from pipeline.report.maps import heat_picture, map_sheet
from pipeline.report.numbers import format_number
from pipeline.report.sheets import contact_sheet
from pipeline.runner import Runner
from pipeline.stages.inputs import Sampling
from pipeline.stages.pairing import Pairing
from pipeline.summaries import plain_estimates
from pipeline.tasks.base import Findings, Task

Way = tuple[str, CodeKind]
"""A class, and which of its codes go."""
LEAST = 1e-4  # no scale of squared errors ends below: nobody sees less


@dataclass(frozen=True, eq=False)
class Pairs:
    """Samples, and those that they go to: w+ ``[n, num_ws, w_dim]`` each."""

    generator: SemanticStyleGAN
    own: Tensor
    others: Tensor

    def composed(self, way: Way | None, share: float) -> Composition:
        """The images on the way; without a way those of the samples."""
        ws = self.own
        if way is not None:
            rows = rows_of(self.generator, [way[0]], way[1])
            ws = mixed(ws, self.others, rows, torch.full((len(ws),), share).to(ws))
        return self.generator.compose(Codes(Space.W_PLUS, ws))

    def part(self, rows: slice) -> "Pairs":
        """Some of the pairs."""
        return Pairs(self.generator, self.own[rows], self.others[rows])


@dataclass
class LocalInterpolation(Task):
    """One class's structure or texture between ``samples`` pairs, with maps of where images change.

    Measured are squared errors at the end of the way, where the class is seen before or after, and
    elsewhere. Every sample goes to another of the same samples.

    Args:
        classes: each in turn; None takes all but the background.
        codes: which of a class's codes go, each in turn.
        shares: of the way, on the sheets.
        shown: pairs on the sheets.
        name: what the task is called.
    """

    classes: Sequence[str] | None = None
    codes: Sequence[CodeKind] = (CodeKind.STRUCTURE, CodeKind.TEXTURE)
    shares: Sequence[float] = (0.25, 0.5, 0.75, 1.0)
    shown: int = 2
    name: str = "interpolation"
    _kinds: tuple[CodeKind, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        for kind in self.codes:
            if kind not in tuple(CodeKind):
                raise unknown_name("task.codes", kind, CodeKind)
        self._kinds = tuple(dict.fromkeys(CodeKind(kind) for kind in self.codes))
        wrong = [share for share in self.shares if not 0 < share <= 1]
        if wrong or not self.shares or not self._kinds or self.shown < 1:
            raise UserError(
                f"task.shares={list(self.shares)} are numbers above 0 and up to 1, task.codes="
                f"{list(self.codes)} one or more, and task.shown={self.shown} is at least 1."
            )

    def check(self, experiment: Experiment) -> None:
        """Refuse a generator without classes, and classes that it does not have."""
        self._ways(semantic(experiment.generator, f"task={self.name}"))

    @torch.inference_mode()
    def run(self, experiment: Experiment, config: DictConfig, runner: Runner) -> Findings:
        """Interpolate, measure and draw."""
        network = semantic(experiment.generator, f"task={self.name}")
        ways = self._ways(network)
        pairs = _pairs(network, config, runner)
        changes = {way: MaskedMSE() for way in ways}
        areas: dict[Way, list[Tensor]] = {way: [] for way in ways}
        for first in range(0, len(pairs.own), config.batch):
            few = pairs.part(slice(first, first + config.batch))
            index, before = first + torch.arange(len(few.own)), few.composed(None, 0.0)
            for way in ways:
                after = few.composed(way, 1.0)
                seen = _seen(network, way[0], before, after)
                areas[way].append(seen.mean((1, 2)).cpu().double())
                one, other = (made.images.clamp(-1, 1) for made in (before, after))
                changes[way].update(one, other, seen, index)
        rows = [_row(way, torch.cat(areas[way]), changes[way]) for way in ways]
        pictures = dict(self._sheets(pairs.part(slice(self.shown)), ways))
        return Findings({}, {"rows": rows}, {**self._maps(changes), **pictures})

    def _ways(self, generator: SemanticStyleGAN) -> list[Way]:
        """Every class with each kind of codes.

        Raises:
            UserError: there is no such class.
        """
        known = generator.config.classes
        wanted = known[1:] if self.classes is None else tuple(self.classes)
        for name in wanted:
            if name not in known:
                raise unknown_name("task.classes", name, known)
        return [(name, kind) for name in dict.fromkeys(wanted) for kind in self._kinds]

    def _sheets(self, pairs: Pairs, ways: Sequence[Way]) -> Iterator[tuple[str, Image.Image]]:
        """A sheet per class: pairs and kinds of codes down, shares across, and where."""
        base = pairs.composed(None, 0.0).images.clamp(-1, 1)
        others = Pairs(pairs.generator, pairs.others, pairs.own).composed(None, 0.0).images
        heads = ["share 0", *(f"{share:g}" for share in self.shares), "the other", "changes"]
        for name in dict.fromkeys(name for name, _ in ways):
            rows: list[list[Tensor | None]] = []
            shown = {
                kind: [pairs.composed((name, kind), s).images.clamp(-1, 1) for s in self.shares]
                for kind in self._kinds
            }
            errors = {k: (x[-1] - base).square().mean(1) / 4 for k, x in shown.items()}
            high = max(LEAST, *(float(e.max()) for e in errors.values()))
            for i in range(len(base)):
                for kind, images in shown.items():
                    where = heat_picture(errors[kind][i], high)
                    rows.append([base[i], *(x[i] for x in images), others[i], where])
            labels = [f"no. {i} {kind}" for i in range(len(base)) for kind in shown]
            title = f"{name}, changes: squared, 0 to {format_number(high, 3)}"
            yield name, contact_sheet(rows, heads, labels, title)

    def _maps(self, changes: Mapping[Way, MaskedMSE]) -> dict[str, Image.Image]:
        """Mean squared changes of all classes, a sheet per kind of codes."""
        sheets = {}
        for kind in self._kinds:
            maps = {name: m.maps()["mse_map"] for (name, own), m in changes.items() if own == kind}
            title = f"{kind}: mean squared change at the end of the way"
            sheets[f"changes_{kind}"] = map_sheet(maps, title)
        return sheets


def _pairs(generator: SemanticStyleGAN, config: DictConfig, runner: Runner) -> Pairs:
    """Every sample with another one."""
    codes = runner.run(Sampling(generator, config.samples, config.seed, "evaluate")).value
    order = runner.run(Pairing(config.samples, config.seed)).value
    ws = generator.convert(codes, Space.W_PLUS).values
    return Pairs(generator, ws, ws[order.to(ws.device)])


def _seen(
    generator: SemanticStyleGAN, name: str, before: Composition, after: Composition
) -> Tensor:
    """1 where a class is seen in either image, ``[n, H, W]``."""
    number = generator.config.classes.index(name)
    return ((before.labels == number) | (after.labels == number)).float()


def _row(way: Way, areas: Tensor, change: MaskedMSE) -> Mapping[str, Any]:
    """What is measured of a class's codes."""
    found = change.compute()
    numbers = {key: found[key] for key in ("mse_in", "mse_out", "mse_ratio")}
    named = {"class": way[0], "codes": str(way[1])}
    return {**named, **plain_estimates({"area": mean_estimate(areas), **numbers})}
