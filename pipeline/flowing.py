"""StyleFlow's flow, trained once for all attributes and regions of a generator."""

import logging
from collections.abc import Mapping, Sequence

from pipeline.experiment import Experiment
from pipeline.keys import key
from pipeline.methods.styleflow import StyleFlow
from pipeline.navigating import UNFINISHED
from pipeline.runner import Runner
from pipeline.stages.checkpoint_file import CheckpointFile
from pipeline.stages.flow import TrainingFlow

log = logging.getLogger(__name__)


def flowed(e: Experiment, labels: Sequence[str], seed: int, runner: Runner) -> list[str]:
    """Give StyleFlow its trained flow; the key of it, none for other methods.

    A killed training goes on where it was; its curve goes to the record as it comes.

    Args:
        e: the experiment of the method, which has its labels already.
        labels: the keys of these.
        seed: of the run.
        runner: keeps the flow.
    """
    method = e.method
    if not isinstance(method, StyleFlow) or method.labels is None:
        return []

    def tell(point: Mapping[str, float]) -> None:
        runner.record.write({"training": method.name, **point})
        told = point["step"], method.recipe.steps, point["nats"]
        log.info("training  step %d of %d: %.3f nats per number of w", *told)

    stage = TrainingFlow(method, e.generator, method.labels, seed, tell=tell)
    own = key(stage.name, stage.version, dict(stage.settings()), labels)
    stage.keeper = CheckpointFile(runner.store.root / UNFINISHED / f"{own}.pt")
    found = runner.run(stage, labels)
    stage.keeper.discard()
    method.trained = found.value
    return [found.key]
