"""A discriminator that also reads the factors of a face, and judges by what it reads.

From pixels alone, a discriminator is late to care for what moves few of them: a smile, a gaze, the
side that the light falls from; samples then vary too little in it. This one is also taught to read
the factors of rendered faces, and its logits are helped by each reading and by the reading's spread
over the batch: a generator that makes every mouth alike is found out at once.
"""

import math

import torch
from torch import Tensor, nn

from pipeline.generators.discriminator import Discriminator
from pipeline.generators.layers import EqualizedLinear


def group_spread(readings: Tensor, group_size: int = 8) -> Tensor:
    """Standard deviation of each reading over its group of the batch, ``[n, f]`` as given."""
    n, f = readings.shape
    group = math.gcd(n, group_size)
    grouped = readings.float().reshape(group, n // group, f)
    deviation = (grouped.var(dim=0, unbiased=False) + 1e-4).sqrt()
    return deviation.to(readings.dtype).repeat(group, 1)


class ReadingDiscriminator(Discriminator):
    """StyleGAN2's discriminator with a reader beside its last layers.

    Args:
        channels: channels of each resolution from 4 x 4 up.
        factors: how many numbers describe a face.
    """

    def __init__(self, channels: tuple[int, ...], factors: int) -> None:
        super().__init__(channels)
        last = channels[0]
        self.reader = nn.Sequential(
            EqualizedLinear(last * 16, 2 * last, "lrelu"), EqualizedLinear(2 * last, factors)
        )
        self.reading_logit = nn.Sequential(
            EqualizedLinear(2 * factors, last, "lrelu"), EqualizedLinear(last, 1)
        )

    def read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``[n]`` by pixels and readings, and the readings ``[n, factors]``."""
        x = self.trunk(images)
        readings = self.reader(x.flatten(1))
        about = torch.cat([readings, group_spread(readings)], dim=1)
        return self.judge(x) + self.reading_logit(about).squeeze(1), readings
