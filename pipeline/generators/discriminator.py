"""The residual discriminator of StyleGAN2 (Karras et al. 2020, section 4.1 and appendix B)."""

import math

import torch
from torch import Tensor, nn

from pipeline.generators.layers import EqualizedConv2d, EqualizedLinear


def minibatch_stddev(x: Tensor, group_size: int = 4) -> Tensor:
    """Append one channel: the mean standard deviation over groups of the batch (Karras 2018)."""
    n, _, h, w = x.shape
    group = math.gcd(n, group_size)
    precise = torch.promote_types(x.dtype, torch.float32)
    grouped = x.reshape(group, n // group, -1).to(precise)
    deviation = (grouped.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=1)
    channel = deviation.to(x.dtype).repeat(group).reshape(n, 1, 1, 1).expand(n, 1, h, w)
    return torch.cat([x, channel], dim=1)


class DiscriminatorBlock(nn.Module):
    """Two convolutions, the second halving the resolution, beside a 1 x 1 skip."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv0 = EqualizedConv2d(in_channels, in_channels, 3, activation="lrelu")
        half = math.sqrt(0.5)  # keeps the variance of the sum of both branches
        self.conv1 = EqualizedConv2d(in_channels, out_channels, 3, True, "lrelu", 2, half)
        self.skip = EqualizedConv2d(in_channels, out_channels, 1, bias=False, down=2, gain=half)

    def forward(self, x: Tensor) -> Tensor:
        """``[n, in, h, w]`` to ``[n, out, h / 2, w / 2]``."""
        y: Tensor = self.conv1(self.conv0(x)) + self.skip(x)
        return y


class Discriminator(nn.Module):
    """Logits of real against generated for images ``[n, 3, r, r]`` in [-1, 1].

    Args:
        channels: channels of each resolution from 4 x 4 up to ``r``.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        top_down = channels[::-1]
        self.fromrgb = EqualizedConv2d(3, top_down[0], 1, activation="lrelu")
        pairs = zip(top_down[:-1], top_down[1:], strict=True)
        self.blocks = nn.Sequential(*(DiscriminatorBlock(a, b) for a, b in pairs))
        last = channels[0]
        self.conv = EqualizedConv2d(last + 1, last, 3, activation="lrelu")
        self.fc = EqualizedLinear(last * 16, last, "lrelu")
        self.out = EqualizedLinear(last, 1)

    def summarise(self, images: Tensor) -> Tensor:
        """What the logits are linear in, ``[n, channels[0]]``."""
        x = self.blocks(self.fromrgb(images))
        x = self.conv(minibatch_stddev(x))
        summary: Tensor = self.fc(x.flatten(1))
        return summary

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[n]``."""
        logits: Tensor = self.out(self.summarise(images))
        return logits.squeeze(1)
