"""A small experiment on a SemanticStyleGAN, and what tasks read of it."""

from types import SimpleNamespace
from typing import Any

from pipeline.generators.base import Generator
from tests.generators.semantic_cases import random_network

NETWORK = random_network()


def experiment(generator: Generator = NETWORK) -> Any:
    """An experiment of which only the generator counts."""
    return SimpleNamespace(generator=generator)
