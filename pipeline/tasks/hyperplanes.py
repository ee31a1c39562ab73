"""Separability of the latent spaces (Style Intervention, Liu et al. 2020, Table 1)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from pipeline.errors import UserError, unknown_name
from pipeline.experiment import Experiment
from pipeline.generators.base import Generator, Space
from pipeline.labelling import labelled
from pipeline.methods.hyperplanes import SPACES, Fit, Sampling, facts
from pipeline.methods.labels import Labels, examples
from pipeline.methods.separation import Hyperplane, Penalty, Sides, sweep
from pipeline.metrics.base import Estimate
from pipeline.metrics.intervals import fraction_estimate, mean_estimate
from pipeline.records import plain
from pipeline.runner import Runner
from pipeline.stages.base import Progress, Stage
from pipeline.tasks.base import Findings, Task

Row = dict[str, Any]


@dataclass
class Separating(Stage[Row]):
    """Hyperplanes of one attribute in every space, and the sweep over C in S."""

    generator: Generator
    labels: Labels
    attribute: str
    spaces: Sequence[Space]
    sampling: Sampling
    fit: Fit
    Cs: Sequence[float]
    seed: int
    name = "separate"

    def settings(self) -> Mapping[str, Any]:
        """The attribute and how its hyperplanes are fitted; the labels have a key."""
        return {
            "attribute": self.attribute,
            "spaces": list(self.spaces),
            "sampling": self.sampling,
            "fit": self.fit,
            "weight": dict(Fit.WEIGHT),
            "Cs": list(self.Cs),
            "seed": self.seed,
        }

    def compute(self, progress: Progress) -> Row:
        """Fit them all on the same examples."""
        how = self.sampling
        chosen = examples(self.labels, self.attribute, how.share, how.validation, self.seed)
        row: Row = {"attribute": self.attribute, "examples": len(chosen.train)}
        for done, space in enumerate(self.spaces, start=1):
            sides = chosen.sides(self.labels, self.generator, space)
            row[space.value] = _facts(self._plane(sides, space), sides)
            if space == Space.S:
                planes = sweep(sides, Penalty.L1, self.Cs, standardise=True, seed=self.seed)
                row["sweep"] = [_facts(plane, sides) for plane in planes]
            progress(done, len(self.spaces))
        return row

    def _plane(self, sides: Sides, space: Space) -> Hyperplane:
        fit = self.fit if space == Space.S else Fit()
        return fit.to(sides, space, self.seed)

    def save(self, result: Row, folder: Path) -> None:
        """One JSON file."""
        (folder / "row.json").write_text(json.dumps(plain(result)))

    def load(self, folder: Path) -> Row:
        """Read it."""
        row: Row = json.loads((folder / "row.json").read_text())
        return row


@dataclass
class Separability(Task):
    """Accuracy and sparsity of linear support vector machines, for every attribute.

    Args:
        num_samples: see :class:`Sampling`; likewise ``share`` and ``validation``.
        spaces: where hyperplanes are fitted.
        C: of the rows for S; None is the default.
        Cs: of the sweep in S.
        attributes: which; None takes all that the predictor reads well enough.
        name: what the task is called.
    """

    num_samples: int = 40_960
    share: float = 0.01
    validation: float = 0.3
    spaces: Sequence[Space] = SPACES
    C: float | None = None
    Cs: Sequence[float] = (0.003, 0.01, 0.03, 0.1, 0.3)
    attributes: Sequence[str] | None = None
    name: str = "hyperplanes"

    def __post_init__(self) -> None:
        for space in self.spaces:
            if space not in SPACES:
                raise unknown_name("space", space, SPACES)
        self.spaces = [Space(space) for space in self.spaces]
        self._sampling = Sampling(self.num_samples, self.share, self.validation)
        self._fit = Fit(C=self.C)

    def check(self, experiment: Experiment) -> None:
        """Refuse a generator without the spaces, or attributes that nobody reads."""
        for space in self.spaces:
            experiment.generator.require(Space(space), f"task={self.name}")
        if not experiment.domain.predictor.readable:
            raise UserError(
                f"task={self.name} learns attributes, and none can be read off "
                f"{experiment.domain.name}: take dataset=procfaces with its generator."
            )
        for attribute in self.attributes or ():
            experiment.domain.check_attribute(attribute)

    def run(self, experiment: Experiment, config: DictConfig, runner: Runner) -> Findings:
        """Label codes once, then fit every attribute."""
        e, predictor = experiment, experiment.domain.predictor
        labels = labelled(e.generator, predictor, self.num_samples, config.seed, runner)
        rows = [
            runner.run(
                Separating(
                    e.generator,
                    labels.value,
                    attribute,
                    [Space(space) for space in self.spaces],
                    self._sampling,
                    self._fit,
                    self.Cs,
                    config.seed,
                ),
                [labels.key],
            ).value
            for attribute in self.attributes or predictor.readable
        ]
        details = {
            "rows": rows,
            "labeller": labels.value.labeller,
            "samples": self.num_samples,
            "share": self.share,
        }
        return Findings(_metrics(rows, [Space(space) for space in self.spaces]), details)


def _facts(plane: Hyperplane, sides: Sides) -> Row:
    """What is kept of a hyperplane, with the interval of its validation accuracy."""
    n = len(sides.validation)
    estimate = fraction_estimate(round(plane.validation * n), n)
    return {**facts(plane), "validation": [estimate.value, *estimate.ci95, n]}


def _metrics(rows: Sequence[Row], spaces: Sequence[Space]) -> dict[str, Estimate]:
    """Means over the attributes: validation accuracy in every space, and sparsity in S."""

    def mean(space: Space, name: str) -> Estimate:
        values = [row[space.value][name] for row in rows]
        return mean_estimate(torch.tensor(values, dtype=torch.float64))

    found = {f"validation_accuracy_{s.value}": mean(s, "validation_accuracy") for s in spaces}
    return found | {f"sparsity_{s.value}": mean(s, "sparsity") for s in spaces if s == Space.S}


def as_estimate(values: Sequence[float]) -> Estimate:
    """An estimate from value, interval and n."""
    value, low, high, n = values
    return Estimate(value, (low, high), int(n))
