"""From an experiment to what its method finds, and everything that is made on the way."""

from pipeline.differentiating import differentiated
from pipeline.experiment import Experiment
from pipeline.flowing import flowed
from pipeline.labelling import learned_from
from pipeline.methods.edits import Edits
from pipeline.methods.saved_edits import SavedEdits
from pipeline.navigating import navigated
from pipeline.runner import Result, Runner
from pipeline.stages.discovery import Discovery
from pipeline.stages.inputs import Sampling
from pipeline.transferring import catalogued


def discovered(e: Experiment, seed: int, runner: Runner) -> Result[Edits]:
    """The edits of an experiment's method; those that go by what an image has know who reads it.

    Args:
        e: the experiment.
        seed: of the run.
        runner: keeps what is made; most of it is shared with other runs.
    """
    for_method = getattr(e.method, "num_codes", 1)
    seen = runner.run(Sampling(e.generator, for_method, seed, "discover"))
    stage = Discovery(
        e.method, e.generator, seen.value, e.region, e.region_settings, e.method_settings, seed
    )
    labels = learned_from(e, seed, runner)
    upstream = [
        seen.key,
        *differentiated(e, seen, runner),
        *labels,
        *flowed(e, labels, seed, runner),
        *catalogued(e, seed, runner),
        *navigated(e, seen, seed, runner),
        *([e.method.digest] if isinstance(e.method, SavedEdits) else []),
    ]
    found = runner.run(stage, upstream)
    for edit in found.value:
        edit.see(e.domain)
    return found
