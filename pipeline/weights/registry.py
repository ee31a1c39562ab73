"""Every official file that the project knows, by name."""

from pipeline.errors import unknown_name
from pipeline.weights.evaluators import EVALUATORS
from pipeline.weights.file import WeightsFile
from pipeline.weights.generators import GENERATORS

REGISTRY: dict[str, WeightsFile] = GENERATORS | EVALUATORS


def registered(name: str) -> WeightsFile:
    """The file registered under a name.

    Raises:
        UserError: nothing is.
    """
    if name not in REGISTRY:
        raise unknown_name("weights", name, REGISTRY)
    return REGISTRY[name]
