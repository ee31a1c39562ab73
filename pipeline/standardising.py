"""What a standard deviation of an attribute is, where the network that reads it does not know."""

from pipeline.domains.base import Domain
from pipeline.evaluators.celeba import CelebaAttributes
from pipeline.generators.base import Generator
from pipeline.runner import Runner
from pipeline.stages.standardisation import SAMPLES, Standardising


def standardise(domain: Domain, generator: Generator, runner: Runner) -> None:
    """Give the classifiers of real faces their scale; other domains' predictors bring their own.

    Args:
        domain: whose predictor it is.
        generator: makes the pictures that are the data.
        runner: keeps the scale.
    """
    predictor = domain.predictor
    if isinstance(predictor, CelebaAttributes) and predictor.names:
        count = min(SAMPLES, generator.population or SAMPLES)
        predictor.scale = runner.run(Standardising(generator, predictor, count)).value
