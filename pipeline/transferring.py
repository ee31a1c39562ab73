"""What methods need that take a part from another image: a catalog beforehand, and references."""

from pipeline.experiment import Experiment
from pipeline.generators.base import Codes
from pipeline.keys import key
from pipeline.methods.catalog.method import CatalogMethod
from pipeline.methods.edits import Edits
from pipeline.runner import Result, Runner
from pipeline.stages.cataloguing import Cataloguing
from pipeline.stages.inputs import Sampling
from pipeline.stages.pairing import Pairing


def catalogued(e: Experiment, seed: int, runner: Runner) -> list[str]:
    """Give a method that works with a catalog its catalog; the key of that, none for others.

    Args:
        e: the experiment of the method.
        seed: of the catalog.
        runner: keeps it.
    """
    if not isinstance(e.method, CatalogMethod) or not e.method.looks_up(e.region):
        return []
    found = runner.run(Cataloguing(e.method, e.generator, seed))
    e.method.prepared = found.value
    return [found.key]


def referenced(
    e: Experiment, edits: Edits, codes: Result[Codes], seed: int, runner: Runner
) -> Result[Codes] | None:
    """For every code the code of another image, where edits take something from one.

    These are the same codes in another order, in which none stays in its place; where there is only
    one, as of a single photograph, a sample of the generator.

    Args:
        e: the experiment.
        edits: what will be applied.
        codes: of the images to edit.
        seed: of the order.
        runner: keeps it.
    """
    if not any(edit.needs_reference for edit in edits):
        return None
    if len(codes.value) == 1:
        return runner.run(Sampling(e.generator, 1, seed, "reference"))
    order = runner.run(Pairing(len(codes.value), seed))
    chosen = codes.value[order.value.to(codes.value.values.device)]
    return Result(chosen, key("references", 1, {}, [codes.key, order.key]))
