"""What every generator has."""

import torch

from pipeline.generators.base import Codes, Generator, Space
from tests.generic import WaveGenerator


class Weightless(Generator):
    """Grey images."""

    name, resolution, spaces = "weightless", 4, frozenset({Space.Z})

    def sample(self, n: int, generator: torch.Generator) -> Codes:
        return Codes(Space.Z, torch.randn(n, 2, generator=generator))

    def convert(self, codes: Codes, space: Space) -> Codes:
        return codes

    def render(self, codes: Codes) -> torch.Tensor:
        return torch.zeros(len(codes), 3, 4, 4)


def test_its_device_is_that_of_its_weights() -> None:
    assert WaveGenerator().to("meta").device.type == "meta"


def test_without_weights_it_is_on_the_cpu() -> None:
    assert Weightless().device == torch.device("cpu")
