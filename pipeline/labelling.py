"""Labels of sampled codes for whoever learns from them, read once for all methods of a sweep."""

from pipeline.experiment import Experiment
from pipeline.generators.base import Generator
from pipeline.keys import key
from pipeline.methods.hyperplanes import LabelledMethod
from pipeline.methods.labels import Labels
from pipeline.methods.reader import Predictor
from pipeline.runner import Result, Runner
from pipeline.stages.labels import Labelling, shards


def learned_from(e: Experiment, seed: int, runner: Runner) -> list[str]:
    """Give a method that learns from labels its labels; the keys of these, none for other methods.

    Args:
        e: the experiment of the method.
        seed: of the codes that are labelled.
        runner: keeps the labels.
    """
    if not isinstance(e.method, LabelledMethod):
        return []
    wanted = e.method.sampling.num_samples
    found = labelled(e.generator, e.domain.predictor, wanted, seed, runner)
    e.method.labels = found.value
    return [found.key]


def labelled(
    generator: Generator, predictor: Predictor, count: int, seed: int, runner: Runner
) -> Result[Labels]:
    """Labels of so many codes, from shards that are stored one by one.

    Args:
        generator: makes the images.
        predictor: reads them.
        count: codes to draw.
        seed: of the codes; a greater count begins with the same ones.
        runner: keeps the shards.
    """
    found = [
        runner.run(Labelling(generator, predictor, shard, size, seed))
        for shard, size in enumerate(shards(count))
    ]
    labels = Labels.joined([result.value for result in found])
    return Result(labels, key("labels", 1, {}, [result.key for result in found]))
