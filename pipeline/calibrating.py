"""From the edits of an experiment to the one that is used, and how far it goes."""

from omegaconf import DictConfig

from pipeline.experiment import Experiment
from pipeline.intervening import prepare
from pipeline.methods.edits import Edits
from pipeline.runner import Result, Runner
from pipeline.stages.calibration import FIRST, Calibrating, Calibration
from pipeline.stages.inputs import Sampling

CALIBRATION_CODES = 200


def calibrated(
    e: Experiment, config: DictConfig, edits: Result[Edits], runner: Runner
) -> Result[Calibration]:
    """What every direction does, and which one to use.

    Args:
        e: the experiment.
        config: its configuration.
        edits: what its method found.
        runner: keeps what is made.
    """
    most = getattr(e.method, "calibration_codes", CALIBRATION_CODES)
    most = min(most, e.generator.population or most)
    tried = runner.run(Sampling(e.generator, most, config.seed, "calibrate"))
    for count, sense in ((most, 1.0), (FIRST, -1.0)):
        prepare(edits.value, e.generator, tried.value[:count], [sense], e.domain, runner)
    stage = Calibrating(
        edits.value,
        e.generator,
        tried.value,
        e.region,
        e.region_settings,
        e.domain,
        config.attribute,
        config.direction,
        config.batch,
        config.change,
        {1 if strength > 0 else -1 for strength in e.strengths},
    )
    return runner.run(stage, [edits.key, tried.key])
