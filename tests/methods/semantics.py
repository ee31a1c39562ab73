"""What the tests of SemanticStyleGAN's methods share: a small network, codes of it, its regions."""

import torch
from torch import Tensor

from pipeline.generators.base import Codes, Space
from pipeline.regions.box import Box
from tests.generators.semantic_cases import CONFIG, random_network

NETWORK = random_network()
MOUTH = Box("mouth", [0.7, 0.5], [0.3, 0.3])
CLASSES = CONFIG.classes
KINDS = [("structure", [5]), ("texture", [6]), ("both", [5, 6])]
"""Kinds of codes, and the rows of w+ that are the mouth's."""


def codes_of(n: int = 3, seed: int = 1) -> Codes:
    return NETWORK.sample(n, torch.Generator().manual_seed(seed))


def ws_of(codes: Codes) -> Tensor:
    """A copy that may be changed."""
    return NETWORK.convert(codes, Space.W_PLUS).values.clone()


def rendered(ws: Tensor) -> Tensor:
    return NETWORK.render(Codes(Space.W_PLUS, ws))
