"""The discriminator of PGGAN as a classifier (Karras et al. 2018, Table 2; 2019, Sec. 4.2)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.generators.discriminator import minibatch_stddev
from pipeline.generators.layers import LRELU_GAIN, LRELU_SLOPE
from pipeline.generators.progressive import Kernel, check_blocks
from pipeline.generators.stylegan import blur


@dataclass(frozen=True)
class AttributeNetworkConfig:
    """Architecture of a classifier.

    Attributes:
        channels: of each resolution from 4 x 4 up to that of the images.
        head: channels of the convolution at 4 x 4 and of the dense layer after it.
        group_size: images over which the standard deviation of a minibatch is taken; 0 where the
            network has no such channel.
        blurred: smooth with [1, 2, 1] before downscaling, as StyleGAN's discriminator does.
        late: downscale after the activation, as PGGAN's discriminator does where it is not fused.
    """

    channels: tuple[int, ...]
    head: tuple[int, int]
    group_size: int = 0
    blurred: bool = False
    late: bool = False

    def __post_init__(self) -> None:
        check_blocks("attribute classifier", self.resolution, self.channels)

    @property
    def resolution(self) -> int:
        """Size of the images."""
        return int(2 ** (len(self.channels) + 1))


class Convolution(nn.Module):
    """Convolution with equalised learning rate (He's constant at run time), bias, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.conv = Kernel(inputs, outputs, kernel_size)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """``[n, in, h, w]`` to ``[n, out, h, w]``."""
        return self.activate(self.conv(x))

    def activate(self, x: Tensor) -> Tensor:
        """Bias and leaky ReLU."""
        return F.leaky_relu(x + self.bias[:, None, None], LRELU_SLOPE)


class DownConvolution(Convolution):
    """A convolution and the mean over 2 x 2 pixels, which comes before the activation or after."""

    def __init__(self, inputs: int, outputs: int, blurred: bool, late: bool) -> None:
        super().__init__(inputs, outputs)
        self.blurred, self.late = blurred, late

    def forward(self, x: Tensor) -> Tensor:
        """``[n, in, h, w]`` to ``[n, out, h / 2, w / 2]``."""
        x = blur(x) if self.blurred else x
        if self.late:
            return F.avg_pool2d(super().forward(x), 2)
        return self.activate(downconvolve(x, self.conv.kernel(None)))


class Dense(nn.Module):
    """Fully connected layer with equalised learning rate.

    Args:
        gain: standard deviation of the output for unit inputs, before equalisation.
    """

    def __init__(self, inputs: int, outputs: int, gain: float) -> None:
        super().__init__()
        self.weight_gain = gain / inputs**0.5
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """``[n, in]`` to ``[n, out]``."""
        return F.linear(x, self.weight * self.weight_gain, self.bias)


class AttributeNetwork(nn.Module):
    """One number per image; the probability of the attribute is ``sigmoid(-2 x)`` of it.

    Layers are called ``fromrgb``, b256.conv0, b256.conv1, ..., b4.conv, b4.dense0, b4.dense1.
    """

    def __init__(self, config: AttributeNetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.fromrgb = Convolution(3, config.channels[-1], kernel_size=1)
        self.blocks = [f"b{2 ** (i + 2)}" for i in range(len(config.channels) - 1, 0, -1)]
        for name, i in zip(self.blocks, range(len(config.channels) - 1, 0, -1), strict=True):
            wide, narrow = config.channels[i], config.channels[i - 1]
            block = nn.Module()
            block.conv0 = Convolution(wide, wide)
            block.conv1 = DownConvolution(wide, narrow, config.blurred, config.late)
            self.add_module(name, block)
        inputs = config.channels[0] + (1 if config.group_size else 0)
        last = nn.Module()
        last.conv = Convolution(inputs, config.head[0])
        last.dense0 = Dense(config.head[0] * 16, config.head[1], LRELU_GAIN)
        last.dense1 = Dense(config.head[1], 1, gain=1.0)
        self.add_module("b4", last)

    def forward(self, images: Tensor) -> Tensor:
        """Outputs ``[n]`` of images ``[n, 3, r, r]`` in [-1, 1].

        Where the network has the channel of the minibatch, images n, n + m, n + 2 m, ... make a
        group (m groups), and what is said of one depends on the others.
        """
        x = self.fromrgb(images)
        for name in self.blocks:
            block = self.get_submodule(name)
            x = block.get_submodule("conv1")(block.get_submodule("conv0")(x))
        if self.config.group_size:
            x = minibatch_stddev(x, self.config.group_size)
        x = self.get_submodule("b4.conv")(x).flatten(1)
        x = F.leaky_relu(self.get_submodule("b4.dense0")(x), LRELU_SLOPE)
        outputs: Tensor = self.get_submodule("b4.dense1")(x)
        return outputs.squeeze(1)

    def log_odds(self, images: Tensor) -> Tensor:
        """Log-odds ``[n]`` of the attribute, each image looked at for itself.

        The separability of StyleGAN takes ``softmax([x, -x])`` of an output x. The second of the
        two is the attribute's presence: its log-odds are -2 x.
        """
        if self.config.group_size:
            return torch.cat([-2 * self(image[None]) for image in images])
        outputs: Tensor = -2 * self(images)
        return outputs


def downconvolve(x: Tensor, weight: Tensor) -> Tensor:
    """Convolve ``[n, in, h, w]``, 3 x 3, and take means over 2 x 2 pixels, in one step.

    The means of four shifted convolutions are one with the mean of four shifted kernels: 16 instead
    of 36 products for every pixel that stays.
    """
    padded = F.pad(weight, (1, 1, 1, 1))
    rows = padded[:, :, 1:] + padded[:, :, :-1]
    kernel = (rows[..., 1:] + rows[..., :-1]) / 4
    return F.conv2d(x, kernel, stride=2, padding=1)
