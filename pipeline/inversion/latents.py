"""The distribution of a generator's w+ codes: where a projection starts, and its unit."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.style_based import StyleBased

SAMPLES, CHUNK = 8192, 1024


@dataclass(frozen=True, eq=False)
class LatentDistribution:
    """Mean and deviation of the codes that are sampled without truncation.

    Attributes:
        mean: of each layer's w, ``[num_ws, w_dim]``.
        deviation: root mean square over coordinates of their standard deviations.
    """

    mean: Tensor
    deviation: float

    @classmethod
    @torch.no_grad()
    def of(cls, generator: Generator, random: torch.Generator) -> "LatentDistribution":
        """Measured on samples.

        Raises:
            UserError: the generator has no w+.
        """
        drawn = (_sampled(generator, random) for _ in range(SAMPLES // CHUNK))
        moments = [(ws.mean(0), ws.double().square().mean(0)) for ws in drawn]
        mean, square = (torch.stack(moment).mean(0) for moment in zip(*moments, strict=True))
        variance = (square - mean.double().square()).clamp_min(0).mean()
        return cls(mean, float(variance.sqrt()))

    def codes(self, departures: Tensor) -> Codes:
        """W+ codes of departures from the mean in deviations, ``[n, num_ws, w_dim]``.

        Differentiable.
        """
        return Codes(Space.W_PLUS, self.mean + self.deviation * departures)


def _sampled(generator: Generator, random: torch.Generator) -> Tensor:
    codes = generator.sample(CHUNK, random)
    if isinstance(generator, StyleBased):  # whose convert would truncate
        codes = Codes(Space.W, generator.map(codes.values, codes.labels))
    return generator.convert(codes, Space.W_PLUS).values
