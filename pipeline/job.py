"""One job from configuration to results: the order of the stages, and nothing of what they do."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from pipeline.calibrating import calibrated
from pipeline.discovering import discovered
from pipeline.experiment import Experiment, make
from pipeline.generators.base import Codes
from pipeline.intervening import prepare
from pipeline.keys import key
from pipeline.measures import MeasureFactory, Measures
from pipeline.methods.edits import Edits
from pipeline.objective import achieved
from pipeline.outcome import Outcome
from pipeline.publishing import publish
from pipeline.records import MetricsLog, require_writable
from pipeline.runner import Result, Runner
from pipeline.shards import Share
from pipeline.stages.calibration import Calibration
from pipeline.stages.evaluation import Evaluating, Trial
from pipeline.stages.inputs import Reference, Sampling
from pipeline.stages.inversion import Inverted, Inverting
from pipeline.standardising import standardise
from pipeline.store import Store
from pipeline.tasks.base import Task
from pipeline.tasks.publishing import publish_findings
from pipeline.tracking import Tracker
from pipeline.transferring import referenced

UNEDITED = "unedited"

log = logging.getLogger(__name__)


def run(config: DictConfig) -> float | None:
    """Run one job in Hydra's output folder: the standard edit, or the task that is configured.

    Returns:
        The value of ``objective``; None where it was not measured.

    Raises:
        UserError: a mistake of the user's, before any work; or a disk that is full or read-only.
    """
    folder = Path(HydraConfig.get().runtime.output_dir)
    require_writable(folder)
    experiment = Experiment.of(config)
    task = _task(config, experiment)
    tracker = _tracker(config, experiment.method.name, folder)
    with MetricsLog(folder / "metrics.jsonl") as record, tracker:
        tracker.start(_container(config))
        runner = Runner(Store(config.store), record)
        standardise(experiment.domain, experiment.generator, runner)
        if task is None:
            publish(execute(experiment, config, runner), config, runner, tracker, folder)
        else:
            found = task.run(experiment, config, runner)
            publish_findings(found, task, experiment, config, runner, tracker, folder)
    return achieved(config.objective, folder)


def execute(experiment: Experiment, config: DictConfig, runner: Runner) -> Outcome:
    """All stages but the report."""
    e, seed = experiment, config.seed
    factory = _factory(e, config, runner)
    edits = discovered(e, seed, runner)
    calibration = calibrated(e, config, edits, runner)
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
    steps = {s: s * found.step(selected, e.unit, s) for s in e.strengths}
    trials = [Trial(UNEDITED, None)] + [Trial(str(s), edit, step) for s, step in steps.items()]
    directions = [
        Trial(str(i), edit, found.sense * found.step(i, found.common, found.sense))
        for i, edit in enumerate(edits.value)
        if config.compare
    ]
    upstream = [edits.key, calibration.key, codes.key]
    taken = referenced(e, edits.value, codes, config.seed, runner)
    references = None if taken is None else taken.value
    upstream += [] if taken is None else [taken.key]
    share = Share.of(len(codes.value), config.batch, config.shard, config.shards)
    edited = codes.value[share.first : share.past]
    all_steps = [trial.step for trial in (*trials, *directions)]
    prepare(edits.value, e.generator, edited, all_steps, e.domain, runner)
    pairs = codes.value, references
    measured = _sharded(e, config, runner, factory, trials, pairs, share, "edit", upstream)
    compared = {}
    if directions:
        compared = _sharded(
            e, config, runner, factory.locality(), directions, pairs, share, "directions", upstream
        )
    settings = {
        "samples": share.samples,
        "shards": share.shards,
        "batch": config.batch,
        "steps": list(steps.items()),
        "metrics": factory.settings(),
    }
    return Outcome(
        e,
        edits.value,
        calibration.value,
        codes.value[share.first : share.past],
        steps,
        {s: measured[str(s)] for s in e.strengths},
        [compared[trial.label] for trial in directions],
        measured[UNEDITED],
        share,
        factory,
        key("measured", 1, settings, upstream),
        references=None if references is None else references[share.first : share.past],
    )


def _sharded(
    e: Experiment,
    config: DictConfig,
    runner: Runner,
    factory: MeasureFactory,
    trials: list[Trial],
    pairs: tuple[Codes, Codes | None],
    share: Share,
    name: str,
    upstream: list[str],
) -> dict[str, Measures]:
    """Measures of the job's share of the samples, merged from pieces that are stored one by one."""
    total: dict[str, Measures] = {}
    codes, references = pairs
    for first, past in share.pieces(config.batch):
        piece = Evaluating(
            trials,
            e.generator,
            codes[first:past],
            first,
            e.region,
            e.region_settings,
            factory,
            config.batch,
            name,
            None if references is None else references[first:past],
        )
        for label, measures in runner.run(piece, upstream).value.items():
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
    wishes: Any = OmegaConf.to_container(config.metric, resolve=True)
    return MeasureFactory(
        e.judges,
        reference,
        e.domain.predictor,
        wishes["mse"],
        wishes["ssim"],
        wishes.get("further") or {},
    )


def _task(config: DictConfig, experiment: Experiment) -> Task | None:
    """What the job does instead of the standard edit, checked; None where it does that."""
    if "_target_" not in config.task:
        return None
    task: Task = make(config.task)
    task.check(experiment)
    return task


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
