"""The render network of a SemanticStyleGAN (Shi et al. 2022, section 3.1): features to pixels.

StyleGAN2's synthesis without styles: a fixed factor per channel takes their place, the feature map
of the local generators that of the constant, and beside RGB there are scores of every class.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.generators.layers import LRELU_GAIN, activate, blur, convolve, upsample
from pipeline.generators.layers_semantic import EPSILON


class RenderLayer(nn.Module):
    """3 x 3 convolution with unit-norm kernels, noise, bias and leaky ReLU.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        resolution: height and width of the output.
        up: 2 to double the resolution.
    """

    noise_const: Tensor

    def __init__(self, in_channels: int, out_channels: int, resolution: int, up: int = 1) -> None:
        super().__init__()
        self.up = up
        self.weight_gain = 1 / math.sqrt(in_channels * 9)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.modulation = nn.Parameter(torch.ones(in_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))

    def forward(self, x: Tensor, noise: str) -> Tensor:
        """Features ``[n, in, h, w]`` to ``[n, out, h * up, w * up]``."""
        x = convolve(x, self._kernel(), self.up)
        if self.up == 2:
            x = blur(x, padding=1, gain=4.0)
        strength = (self.noise_strength * LRELU_GAIN).to(x.dtype)
        offset = (self.bias * LRELU_GAIN).to(x.dtype)[:, None, None]
        if noise == "const":
            offset = offset + self.noise_const.to(x.dtype) * strength
        elif noise == "random":
            x = x + torch.randn_like(x[:, :1]) * strength
        return activate(x + offset, "lrelu")

    def _kernel(self) -> Tensor:
        kernel = self.weight * (self.modulation * self.weight_gain)[:, None, None]
        norm = kernel.square().sum(dim=(1, 2, 3), keepdim=True) + EPSILON
        return kernel * (norm.rsqrt() * LRELU_GAIN)


class Head(nn.Module):
    """1 x 1 convolution with a factor per input channel: to RGB, or to scores of the classes."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight_gain = 1 / math.sqrt(in_channels)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels))
        self.modulation = nn.Parameter(torch.ones(in_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """``[n, in, h, w]`` to ``[n, out, h, w]``."""
        kernel = self.weight * (self.modulation * self.weight_gain)
        return F.conv2d(x, kernel[:, :, None, None], self.bias)


class RenderBlock(nn.Module):
    """One resolution: conv0 (up), conv1, to RGB and to scores."""

    def __init__(self, in_channels: int, channels: int, resolution: int, classes: int) -> None:
        super().__init__()
        self.conv0 = RenderLayer(in_channels, channels, resolution, up=2)
        self.conv1 = RenderLayer(channels, channels, resolution)
        self.torgb = Head(channels, 3)
        self.toscores = Head(channels, classes)

    def forward(self, x: Tensor, noise: str) -> Tensor:
        """Features ``[n, in, h, w]`` to ``[n, channels, 2 h, 2 w]``."""
        features: Tensor = self.conv1(self.conv0(x, noise), noise)
        return features


class RenderNetwork(nn.Module):
    """Feature maps to images and scores of the classes.

    Args:
        features: channels of the feature map.
        channels: of each block, up to ``resolution``; before the first block the map is pooled.
        coarse_resolution: of the feature map, which joins in again where a block reaches it.
        resolution: of the images.
        classes: how many.
    """

    def __init__(
        self,
        features: int,
        channels: tuple[int, ...],
        coarse_resolution: int,
        resolution: int,
        classes: int,
    ) -> None:
        super().__init__()
        self.coarse_resolution, self.start = coarse_resolution, resolution >> len(channels)
        self.sizes = tuple(self.start << (i + 1) for i in range(len(channels)))
        previous = features
        for width, size in zip(channels, self.sizes, strict=True):
            self.add_module(f"b{size}", RenderBlock(previous, width, size, classes))
            previous = width + features if size == coarse_resolution else width

    def forward(
        self, features: Tensor, coarse: Tensor | None, noise: str = "const"
    ) -> tuple[Tensor, Tensor]:
        """Images ``[n, 3, r, r]`` and scores ``[n, K, r, r]``.

        Args:
            features: ``[n, f, c, c]``.
            coarse: masks in [-1, 1] that the scores refine, ``[n, K, c, c]``; None where the
                scores stand for themselves.
            noise: ``const`` (stored maps), ``none`` or ``random``.
        """
        x = F.adaptive_avg_pool2d(features, self.start)
        image = scores = torch.zeros_like(x[:1, :1])
        for size in self.sizes:
            block = self.get_submodule(f"b{size}")
            x = block(x, noise)
            rgb, own = block.get_submodule("torgb")(x), block.get_submodule("toscores")(x)
            first = size == self.sizes[0]
            image = rgb if first else upsample(image) + rgb
            scores = own if first else upsample(scores) + own
            if size == self.coarse_resolution:
                scores = scores if coarse is None else scores + coarse
                x = torch.cat([x, features.to(x.dtype)], dim=1)
        return image, scores
