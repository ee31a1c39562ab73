"""A discriminator with a second opinion, formed on what a trained network sees in an image.

From pixels alone, a discriminator is late to care for what moves few of them: a smile, a gaze, the
side that the light falls from; samples then vary too little in it. Judging features of a frozen
network beside the pixels makes a GAN converge many times faster (Sauer et al. 2021, Projected
GANs). Here these are the summary and the factors that a face regressor reads, and their spread over
the batch: a generator that makes every mouth alike is found out at once. The regressor is trained
for this alone; the evaluators that judge the finished generator have no part in its training.
"""

import math

import torch
from torch import Tensor, nn

from pipeline.datasets.procfaces.factors import FACTORS
from pipeline.evaluators.embedded import FEATURES, AttributeRegressor
from pipeline.generators.discriminator import Discriminator
from pipeline.generators.layers import EqualizedLinear

GUIDE_FEATURES = FEATURES + len(FACTORS)


def group_spread(features: Tensor, group_size: int = 8) -> Tensor:
    """Standard deviation of each feature over its group of the batch, ``[n, f]`` as given."""
    n, f = features.shape
    group = math.gcd(n, group_size)
    grouped = features.reshape(group, n // group, f)
    return (grouped.var(dim=0, unbiased=False) + 1e-4).sqrt().repeat(group, 1)


class Guide:
    """What a frozen regressor sees: its summary and the factors it reads off an image."""

    def __init__(self, regressor: AttributeRegressor) -> None:
        self.regressor = regressor.eval().requires_grad_(False)

    def __call__(self, images: Tensor) -> Tensor:
        """Features ``[n, GUIDE_FEATURES]`` of images, of about unit variance over the data."""
        summary = self.regressor.summarise(images)
        return torch.cat([summary, self.regressor.standardise(self.regressor.read(summary))], dim=1)


class GuidedDiscriminator(Discriminator):
    """StyleGAN2's discriminator, and a small one of features beside it.

    Args:
        channels: channels of each resolution from 4 x 4 up.
        features: how many numbers the guide gives.
        width: of the hidden layers that judge them.
    """

    def __init__(self, channels: tuple[int, ...], features: int, width: int = 128) -> None:
        super().__init__(channels)
        self.opinion = nn.Sequential(
            EqualizedLinear(2 * features, width, "lrelu"),
            EqualizedLinear(width, width, "lrelu"),
            EqualizedLinear(width, 1),
        )

    def second_opinion(self, features: Tensor) -> Tensor:
        """Logits ``[n]`` from features ``[n, features]`` and their spread."""
        logits: Tensor = self.opinion(torch.cat([features, group_spread(features)], dim=1))
        return logits.squeeze(1)
