"""One job from configuration to results: the order of the stages, and nothing of what they do."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from pipeline.domains.judges import NOBODY
from pipeline.experiment import Experiment
from pipeline.generators.base import Codes
from pipeline.keys import key
from pipeline.measures import MeasureFactory, Measures
from pipeline.methods.edits import Edit, Edits
from pipeline.publishing import publish
from pipeline.records import MetricsLog, require_writable
from pipeline.runner import Result, Runner
from pipeline.stages.calibration import Calibrating, Calibration
from pipeline.stages.discovery import Discovery
from pipeline.stages.evaluation import Evaluating, Trial
from pipeline.stages.inputs import Reference, Sampling
from pipeline.stages.inversion import Inverted, Inverting
from pipeline.store import Store
from pipeline.tracking import Tracker

SHARD = 128  # samples between two points that a killed run resumes from
CALIBRATION_CODES = 200
UNEDITED = "unedited"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """Everything a job found.

    Attributes:
        codes: the codes of the measured samples.
        steps: latent step of every strength.
        by_strength: measures of the selected direction per strength.
        by_direction: measures of every direction at a strength of 1.
        unedited: measures of the samples as they are.
        inverted: where the codes of photographs came from; None where codes were sampled.
    """

    experiment: Experiment
    edits: Edits
    calibration: Calibration
    codes: Codes
    steps: dict[float, float]
    by_strength: dict[float, Measures]
    by_direction: list[Measures]
    unedited: Measures
    inverted: Inverted | None = None

    @property
    def edit(self) -> Edit:
        """The selected edit."""
        return self.edits[self.calibration.selected]

    @property
    def headline(self) -> float:
        """The strength the main numbers are given at: 1 where it is measured, else the greatest."""
        given = self.experiment.strengths
        return 1.0 if 1.0 in given else max(given, key=lambda s: (abs(s), s))


def run(config: DictConfig) -> None:
    """Run one job in Hydra's output folder.

    Raises:
        UserError: a mistake of the user's, before any work; or a disk that is full or read-only.
    """
    folder = Path(HydraConfig.get().runtime.output_dir)
    require_writable(folder)
    experiment = Experiment.of(config)
    tracker = _tracker(config, experiment.method.name, folder)
    with MetricsLog(folder / "metrics.jsonl") as record, tracker:
        tracker.start(_container(config))
        runner = Runner(Store(config.store), record)
        publish(execute(experiment, config, runner), config, runner, tracker, folder)


def execute(experiment: Experiment, config: DictConfig, runner: Runner) -> Outcome:
    """All stages but the report."""
    e, seed = experiment, config.seed
    factory = _factory(e, config, runner)
    for_method = getattr(e.method, "num_codes", 1)
    seen = runner.run(Sampling(e.generator, for_method, seed, "discover"))
    edits = runner.run(
        Discovery(
            e.method, e.generator, seen.value, e.region, e.region_settings, e.method_settings, seed
        ),
        [seen.key],
    )
    most = min(CALIBRATION_CODES, e.generator.population or CALIBRATION_CODES)
    tried = runner.run(Sampling(e.generator, most, seed, "calibrate"))
    calibration = runner.run(
        Calibrating(
            edits.value,
            e.generator,
            tried.value,
            e.region,
            e.region_settings,
            e.domain,
            config.attribute,
            config.direction,
            config.batch,
        ),
        [edits.key, tried.key],
    )
    codes, inverted = _codes(e, config, runner)
    outcome = _measured(experiment, config, runner, factory, edits, calibration, codes)
    return replace(outcome, inverted=inverted)


def _codes(
    e: Experiment, config: DictConfig, runner: Runner
) -> tuple[Result[Codes], Inverted | None]:
    """The codes to edit: sampled, or found for photographs."""
    if e.inversion is None:
        return runner.run(Sampling(e.generator, config.samples, config.seed, "evaluate")), None
    plan, pictures = e.inversion, e.inversion.photographs
    log.info("codes=inversion: %d picture(s) are edited, whatever `samples` says", len(pictures))
    found = [
        runner.run(
            Inverting(
                pictures[first : first + plan.how.batch],
                e.generator,
                plan.how,
                plan.distance,
                e.judges,
                config.seed,
            )
        )
        for first in range(0, len(pictures), plan.how.batch)
    ]
    inverted = Inverted.joined([result.value for result in found])
    return Result(inverted.codes, key("inverted", 1, {}, [r.key for r in found])), inverted


def _measured(
    e: Experiment,
    config: DictConfig,
    runner: Runner,
    factory: MeasureFactory,
    edits: Result[Edits],
    calibration: Result[Calibration],
    codes: Result[Codes],
) -> Outcome:
    found, selected = calibration.value, calibration.value.selected
    edit = edits.value[selected]
    steps = {s: s * found.step(selected, e.unit) for s in e.strengths}
    trials = [Trial(UNEDITED, None)] + [Trial(str(s), edit, step) for s, step in steps.items()]
    directions = [
        Trial(str(i), edit, found.step(i, found.common)) for i, edit in enumerate(edits.value)
    ]
    locality = MeasureFactory(NOBODY, None, factory.predictor, ssim=False)
    upstream = [edits.key, calibration.key, codes.key]
    measured = _sharded(e, config, runner, factory, trials, codes, "edit", upstream)
    compared = _sharded(e, config, runner, locality, directions, codes, "directions", upstream)
    return Outcome(
        e,
        edits.value,
        calibration.value,
        codes.value,
        steps,
        {s: measured[str(s)] for s in e.strengths},
        [compared[trial.label] for trial in directions],
        measured[UNEDITED],
    )


def _sharded(
    e: Experiment,
    config: DictConfig,
    runner: Runner,
    factory: MeasureFactory,
    trials: list[Trial],
    codes: Result[Codes],
    name: str,
    upstream: list[str],
) -> dict[str, Measures]:
    """Measures of all samples, merged from shards that are stored one by one."""
    total: dict[str, Measures] = {}
    for first in range(0, len(codes.value), SHARD):
        shard = Evaluating(
            trials,
            e.generator,
            codes.value[first : first + SHARD],
            first,
            e.region,
            e.region_settings,
            factory,
            config.batch,
            name,
        )
        for label, measures in runner.run(shard, upstream).value.items():
            if label in total:
                total[label].merge(measures)
            else:
                total[label] = measures
    return total


def _factory(e: Experiment, config: DictConfig, runner: Runner) -> MeasureFactory:
    """The metrics of the run; the statistics of the data are a stage of their own."""
    reference = None
    if e.judges.features is not None:
        reference = runner.run(Reference(e.domain, e.judges.features)).value
    return MeasureFactory(
        e.judges, reference, e.domain.predictor, config.metric.mse, config.metric.ssim
    )


def _tracker(config: DictConfig, method: str, folder: Path) -> Tracker:
    """The tracker of the configuration, told which run of which sweep this is."""
    hydra = HydraConfig.get()
    swept = hydra.mode == RunMode.MULTIRUN
    tracker: Tracker = instantiate(
        config.logger,
        folder=str(folder),
        group=Path(hydra.sweep.dir).name if swept else None,
        job_type=method,
        name=hydra.job.override_dirname or None,
    )
    return tracker


def _container(config: DictConfig) -> dict[str, Any]:
    resolved: Any = OmegaConf.to_container(config, resolve=True)
    return {str(k): v for k, v in resolved.items()}
