"""Looking through the directions that a method found (NaviGAN, Cherepkov et al. 2021, Sec. 3.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from omegaconf import DictConfig
from PIL import Image
from torch import Tensor

from pipeline.discovering import discovered
from pipeline.domains.base import Domain
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.generators.base import Codes
from pipeline.measures import MeasureFactory, Measures
from pipeline.methods.edits import Edit, Edits
from pipeline.metrics.base import Estimate
from pipeline.metrics.intervals import fraction_estimate
from pipeline.report.glossary import metric_info
from pipeline.report.inspection import Inspected, InspectionSheet, inspection_page, selectivity
from pipeline.report.numbers import format_strength
from pipeline.report.sheets import contact_sheet
from pipeline.runner import Runner
from pipeline.stages.evaluation import Evaluating, Trial
from pipeline.stages.inputs import Reference, Sampling
from pipeline.tasks.base import Findings, Task

SELECTIVE = 3.0  # change of the leading attribute over the greatest outside of its parts
NOTABLE = 0.2  # standard deviations that it must change by at least
WORSE = {"higher": min, "lower": max}
UNEDITED = "unedited"
ROWS = 8  # directions on the picture


@dataclass
class Inspection(Task):
    """A page of all directions over magnitude, sortable by what they do.

    Realism (the Fréchet distance) and locality (squared errors in and out of the region) are those
    of the worse of both ways; attributes are half the difference of both.

    Args:
        magnitudes: shown, in the directions' natural steps (:meth:`Edit.spread`).
        measured: the magnitude that is measured, both ways.
        shown: codes on the page.
        name: what the task is called.
    """

    magnitudes: Sequence[float] = field(default_factory=lambda: (-6.0, -3.0, 3.0, 6.0))
    measured: float = 3.0
    shown: int = 4
    name: str = "inspection"

    def __post_init__(self) -> None:
        self.magnitudes = tuple(sorted(float(m) for m in self.magnitudes))
        if not self.magnitudes or 0 in self.magnitudes:
            raise UserError(
                f"task.magnitudes={list(self.magnitudes)}: numbers other than 0, e.g. [-3,3]."
            )
        if not self.measured > 0 or self.shown < 1:
            raise UserError(
                f"task.measured={self.measured} must be more than 0, task.shown={self.shown} at "
                "least 1."
            )

    def check(self, experiment: Experiment) -> None:
        """Refuse methods whose edits take from a reference."""
        if experiment.method.needs_reference:
            raise UserError(
                f"task={self.name} goes along directions; the edits of "
                f"method={experiment.method.name} take something from a reference."
            )

    def run(self, experiment: Experiment, config: DictConfig, runner: Runner) -> Findings:
        """Find, measure both ways, and draw."""
        e = experiment
        edits = discovered(e, config.seed, runner)
        drawn = runner.run(Sampling(e.generator, config.samples, config.seed, "evaluate"))
        with torch.inference_mode():
            spreads = [edit.spread(e.generator, drawn.value) for edit in edits.value]
        trials = [Trial(UNEDITED, None), *self._trials(edits.value, spreads)]
        stage = Evaluating(
            trials,
            e.generator,
            drawn.value,
            0,
            e.region,
            e.region_settings,
            self._factory(e, runner),
            config.batch,
            self.name,
        )
        measured = runner.run(stage, [edits.key, drawn.key]).value
        few = drawn.value[: self.shown]
        with torch.inference_mode():
            found = [
                self._inspected(e, edit, index, spread, few, measured)
                for index, (edit, spread) in enumerate(zip(edits.value, spreads, strict=True))
            ]
            originals = e.generator.render(few).clamp(-1, 1)
        return self._findings(e, edits.value, originals, found)

    def _trials(self, edits: Edits, spreads: Sequence[float]) -> list[Trial]:
        return [
            Trial(_label(index, way), edit, way * self.measured * spread)
            for index, (edit, spread) in enumerate(zip(edits, spreads, strict=True))
            for way in (-1, 1)
        ]

    def _factory(self, e: Experiment, runner: Runner) -> MeasureFactory:
        reference = None
        if e.judges.features is not None:
            reference = runner.run(Reference(e.domain, e.judges.features)).value
        return MeasureFactory(e.judges, reference, e.domain.predictor, ssim=False)

    def _inspected(
        self,
        e: Experiment,
        edit: Edit,
        index: int,
        spread: float,
        codes: Codes,
        measured: Mapping[str, Measures],
    ) -> Inspected:
        ways = [measured[_label(index, way)] for way in (-1, 1)]
        steps = [m * spread for m in self.magnitudes]
        images = [edit.apply(e.generator, codes, step).clamp(-1, 1) for step in steps]
        changes = effects(ways, e.domain)
        return Inspected(
            index,
            edit.name,
            torch.stack(images, dim=1),
            steps,
            worse(*(way.compute() for way in ways)),
            changes,
            selectivity(changes, e.domain.attribute_parts)[1],
        )

    def _findings(
        self, e: Experiment, edits: Edits, originals: Tensor, found: Sequence[Inspected]
    ) -> Findings:
        rows = [_row(direction, e.domain) for direction in found]
        told = {row["leading"] for row in rows if row["leading"] and row["selective"]}
        chosen = fraction_estimate(sum(row["selective"] for row in rows), len(rows))
        sheet = InspectionSheet(
            f"Directions of {edits.method}",
            [
                ("generator", edits.generator),
                ("layer", str(getattr(e.method, "layer", "none"))),
                ("region", e.region.name),
                ("directions", str(len(found))),
            ],
            originals,
            found,
            "Columns: magnitudes, in units of the edit. Realism and locality are those of the "
            f"worse of both ways at {self.measured:g} natural steps, attributes half the "
            "difference of both, in standard deviations of the data. Selectivity: the greatest "
            "change over the greatest of an attribute of other parts.",
            "python scripts/name_edit.py FOLDER_OF_THE_RUN NUMBER NAME",
        )
        metrics = {"selective_directions": chosen} if e.domain.predictor.names else {}
        return Findings(
            metrics,
            {"directions": rows, "selective_attributes": sorted(told)},
            {"directions": self._picture(edits, originals[0], found)},
            {"inspection": inspection_page(sheet)},
            edits=edits,
        )

    def _picture(self, edits: Edits, original: Tensor, found: Sequence[Inspected]) -> Image.Image:
        """The first directions at all magnitudes, on the first code."""
        below = sum(m < 0 for m in self.magnitudes)
        few = found[:ROWS]
        rows = [list(d.images[0]) for d in few]
        rows = [[*row[:below], original, *row[below:]] for row in rows]
        columns = [format_strength(m) for m in self.magnitudes]
        columns.insert(below, "original")
        names = [f"{d.number} {_told(d.effects)}" for d in few]
        title = f"{edits[0].name.rpartition('/')[0]}, natural steps"
        return contact_sheet([[x.cpu() for x in row] for row in rows], columns, names, title)


def _told(effects: Mapping[str, float]) -> str:
    """The attribute that moves most."""
    return max(effects, key=lambda name: abs(effects[name]), default="").replace("_", " ")


def worse(first: Mapping[str, Estimate], second: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """The worse of two numbers by every metric that has a better way."""
    better = {name: metric_info(name).better for name in first}
    return {
        name: WORSE[way](first[name], second[name], key=lambda estimate: estimate.value)
        for name, way in better.items()
        if way is not None
    }


def effects(ways: Sequence[Measures], domain: Domain) -> dict[str, float]:
    """Half the difference of the changes of every readable attribute, there and back."""
    back, there = (way.attributes.compute() for way in ways)
    return {name: (there[name].value - back[name].value) / 2 for name in domain.predictor.readable}


def _row(direction: Inspected, domain: Domain) -> dict[str, Any]:
    leading, ratio = selectivity(direction.effects, domain.attribute_parts)
    return {
        "number": direction.number,
        "name": direction.name,
        "numbers": {name: estimate.value for name, estimate in direction.numbers.items()},
        "effects": dict(direction.effects),
        "leading": leading,
        "selectivity": ratio,
        "selective": leading is not None
        and ratio >= SELECTIVE
        and abs(direction.effects[leading]) >= NOTABLE,
    }


def _label(index: int, way: int) -> str:
    return f"{index}/{way}"
