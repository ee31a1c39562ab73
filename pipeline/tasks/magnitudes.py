"""One direction over its magnitude: realism, effect, and where images change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from omegaconf import DictConfig
from PIL import Image
from torch import Tensor

from pipeline.calibrating import calibrated
from pipeline.discovering import discovered
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.generators.base import Codes, Generator
from pipeline.intervening import prepare
from pipeline.measures import MeasureFactory, Measures
from pipeline.methods.edits import Edit, Edits
from pipeline.metrics.base import Estimate
from pipeline.metrics.frechet import FrechetDistance
from pipeline.metrics.intervals import mean_estimate
from pipeline.metrics.masked_mse import MaskedMSE
from pipeline.report.images import shrink
from pipeline.report.maps import heat_picture
from pipeline.report.sheets import contact_sheet
from pipeline.runner import Result, Runner
from pipeline.stages.calibration import Calibration
from pipeline.stages.evaluation import Evaluating, Trial
from pipeline.stages.inputs import Reference, Sampling
from pipeline.tasks.base import Findings, Task

UNEDITED = "unedited"
LARGEST = 128  # pixels of a map that other jobs' maps are set beside
WIDEST = 9  # pictures in a row of the sheet

Trials = Mapping[str, Measures]


@dataclass
class Magnitudes(Task):
    """Measures the direction that carries an attribute at every strength (NaviGAN, Sec. 4.5, 4.6).

    Strengths are those of a run: of 1 where the attribute has changed by ``change``. Distances are
    kept without each tenth of the samples too, so that jobs can be compared in pairs.

    Args:
        shown: codes on the sheet.
        name: what the task is called.
    """

    shown: int = 4
    name: str = "magnitudes"

    def __post_init__(self) -> None:
        if self.shown < 1:
            raise UserError(f"task.shown={self.shown} must be at least 1.")

    def check(self, experiment: Experiment) -> None:
        """Refuse methods whose edits take from a reference, and photographs."""
        if experiment.method.needs_reference or experiment.inversion is not None:
            raise UserError(
                f"task={self.name} goes along directions, from sampled codes: leave codes=sampled, "
                f"and take a method without references (this is {experiment.method.name})."
            )

    def run(self, experiment: Experiment, config: DictConfig, runner: Runner) -> Findings:
        """Find, choose, measure at every strength, and draw."""
        e = experiment
        edits = discovered(e, config.seed, runner)
        calibration = calibrated(e, config, edits, runner)
        drawn = runner.run(Sampling(e.generator, config.samples, config.seed, "evaluate"))
        edit = edits.value[calibration.value.selected]
        steps = _steps(e, calibration.value)
        prepare([edit], e.generator, drawn.value, list(steps.values()), e.domain, runner)
        found = self._measured(e, config, runner, drawn, edit, steps, [edits.key, calibration.key])
        with torch.inference_mode():
            sheet = self._sheet(e.generator, drawn.value[: self.shown], edit, steps)
        return _findings(e, edits.value, calibration.value, steps, found, sheet)

    def _measured(
        self,
        e: Experiment,
        config: DictConfig,
        runner: Runner,
        drawn: Result[Codes],
        edit: Edit,
        steps: Mapping[float, float],
        upstream: list[str],
    ) -> Trials:
        reference = None
        if e.judges.features is not None:
            reference = runner.run(Reference(e.domain, e.judges.features)).value
        stage = Evaluating(
            [Trial(UNEDITED, None), *(Trial(str(s), edit, step) for s, step in steps.items())],
            e.generator,
            drawn.value,
            0,
            e.region,
            e.region_settings,
            MeasureFactory(e.judges, reference, e.domain.predictor, ssim=False),
            config.batch,
            self.name,
        )
        return runner.run(stage, [*upstream, drawn.key]).value

    def _sheet(
        self, generator: Generator, codes: Codes, edit: Edit, steps: Mapping[float, float]
    ) -> Image.Image:
        """Codes down, strengths across, the unedited in their place."""
        places = sorted([0.0, *thinned(list(steps), WIDEST - 1)])
        columns = [
            edit.apply(generator, codes, steps[s]) if s else generator.render(codes) for s in places
        ]
        rows = [list(row) for row in torch.stack(columns, 1).clamp(-1, 1).cpu()]
        heads = [f"{s:g}" if s else "original" for s in places]
        names = [f"no. {i}" for i in range(len(codes))]
        return contact_sheet(rows, heads, names, f"{edit.name}, strength")


def _steps(e: Experiment, calibration: Calibration) -> dict[float, float]:
    """The step of every strength along the selected direction."""
    chosen = calibration.selected
    return {s: s * calibration.step(chosen, e.unit, s) for s in e.strengths}


def thinned(strengths: Sequence[float], most: int) -> list[float]:
    """At most so many of some strengths, evenly spread, the first and the last among them."""
    if len(strengths) <= most:
        return list(strengths)
    places = [round(i * (len(strengths) - 1) / (most - 1)) for i in range(most)]
    return [strengths[i] for i in places]


def _findings(
    e: Experiment,
    edits: Edits,
    calibration: Calibration,
    steps: Mapping[float, float],
    found: Trials,
    sheet: Image.Image,
) -> Findings:
    chosen = calibration.selected
    attribute = calibration.attribute(chosen)
    change = mean_map([found[str(s)] for s in steps])
    local = shares(e, found, list(steps))
    details = {
        "attribute": attribute,
        "direction": edits[chosen].name,
        "change": e.change,
        "reached": calibration.reached(chosen),
        "reached_by_strength": {str(s): calibration.reached(chosen, s) for s in steps},
        "strengths": list(steps),
        "steps": list(steps.values()),
        "curves": _curves(found, [UNEDITED, *map(str, steps)], attribute),
        "area": local[1],
    }
    arrays = {"map": change, "share": local[0], **dict(_replicates(found, steps))}
    arrays |= dict(_samples(found, list(steps), attribute))
    peak = float(change.max())
    heat = [[heat_picture(change, peak or 1.0)]]
    picture = contact_sheet(heat, [edits[chosen].name], [f"0 to {peak:.2g}"], cell=256)
    return Findings(
        {"share_inside": mean_estimate(local[0])} if local[1] < 1 else {},
        details,
        {"strengths": sheet, "map": picture},
        edits=edits,
        arrays=arrays,
    )


def mean_map(measured: Sequence[Measures]) -> Tensor:
    """Squared change per pixel, averaged over samples and strengths; at most 128 px, float32."""
    maps = [m.maps()["mse_map"] for found in measured for m in _of(found, MaskedMSE)]
    return shrink(torch.stack(maps).mean(0), LARGEST).float()


def shares(e: Experiment, found: Trials, strengths: Sequence[float]) -> tuple[Tensor, float]:
    """What share of each sample's squared change, over all strengths, lies in the region.

    Returns:
        Float64 ``[n]`` (not a number where nothing changes), and the region's share of the image;
        where every image has a region of its own these are not known, and the share of it is 1.
    """
    if e.region.per_image:
        return torch.empty(0, dtype=torch.float64), 1.0
    area = float(e.region.mask(e.generator.resolution).mean())
    rows = [m.per_sample() for s in strengths for m in _of(found[str(s)], MaskedMSE)]
    inside, outside = (
        sum(row[f"mse_{side}"].nan_to_num() for row in rows) for side in ("in", "out")
    )
    within = area * torch.as_tensor(inside)
    return within / (within + (1 - area) * torch.as_tensor(outside)), area


def _curves(found: Trials, labels: Sequence[str], attribute: str | None) -> dict[str, Any]:
    """Every number, and the effect, unedited and at every strength: value, interval and n."""
    curves: dict[str, list[list[float]]] = {}
    for label in labels:
        numbers = dict(found[label].compute())
        if attribute is not None:
            numbers["effect"] = found[label].attributes.compute()[attribute]
        for name, estimate in numbers.items():
            curves.setdefault(name, []).append(_row(estimate))
    return curves


def _row(estimate: Estimate) -> list[float]:
    return [estimate.value, *estimate.ci95, estimate.n]


def _replicates(found: Trials, steps: Mapping[float, float]) -> Iterator[tuple[str, Tensor]]:
    """Distances without each group of samples, ``[1 + strengths, groups]``, unedited first."""
    rows = []
    for label in (UNEDITED, *map(str, steps)):
        for metric in _of(found[label], FrechetDistance):
            _, others = metric.replicates()
            rows.append(torch.tensor([others[g] for g in sorted(others)], dtype=torch.float64))
    if rows:
        yield "replicates", torch.stack(rows)


def _samples(
    found: Trials, strengths: Sequence[float], attribute: str | None
) -> Iterator[tuple[str, Tensor]]:
    """Errors in and out of the region and the effect, per sample and strength, ``[n, k]`` each."""
    measured = [found[str(s)] for s in strengths]
    rows = [m.per_sample() for measures in measured for m in _of(measures, MaskedMSE)]
    for name in ("mse_in", "mse_out") if rows else ():
        yield name, torch.stack([row[name] for row in rows], dim=1)
    if attribute is not None:
        effects = [measures.attributes.per_sample()[attribute] for measures in measured]
        yield "effect", torch.stack(effects, dim=1)


def _of(measures: Measures, kind: type[Any]) -> list[Any]:
    return [metric for metric in measures.metrics.values() if isinstance(metric, kind)]
