"""Every official file that the project knows, by name."""

from pipeline.errors import unknown_name
from pipeline.weights.attributes import CLASSIFIERS, GROUP
from pipeline.weights.evaluators import EVALUATORS
from pipeline.weights.file import WeightsFile
from pipeline.weights.generators import GENERATORS

REGISTRY: dict[str, WeightsFile] = GENERATORS | EVALUATORS | CLASSIFIERS

GROUPS: dict[str, tuple[str, ...]] = {GROUP: tuple(CLASSIFIERS)}
"""Names that stand for several files where some are fetched."""


def registered(name: str) -> WeightsFile:
    """The file registered under a name.

    Raises:
        UserError: nothing is.
    """
    if name not in REGISTRY:
        raise unknown_name("weights", name, REGISTRY)
    return REGISTRY[name]
