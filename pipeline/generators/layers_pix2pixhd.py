"""Layers of pix2pixHD (Wang et al. 2018), in the order of the official release.

Positions in a row of layers are names of its tensors, so padding, norms and activations count.
"""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.func import functional_call, vmap

Shifts = Mapping[nn.Module, Tensor]
"""What to add to the kernels of convolutions, one shift for all samples or one for each."""


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with instance norm, around which the input passes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor, shifts: Shifts) -> Tensor:
        """Features ``[n, c, h, w]`` to the same shape."""
        h = x
        for layer in self.conv_block:
            h = apply(layer, h, shifts)
        return x + h


def apply(layer: nn.Module, x: Tensor, shifts: Shifts) -> Tensor:
    """Run a layer, its kernel moved by its shift."""
    if isinstance(layer, ResidualBlock):
        return layer(x, shifts)  # type: ignore[no-any-return]
    if layer not in shifts:
        return layer(x)  # type: ignore[no-any-return]
    weight = layer.get_parameter("weight") + shifts[layer]

    def convolve(kernel: Tensor, image: Tensor) -> Tensor:
        result: Tensor = functional_call(layer, {"weight": kernel}, (image,))
        return result

    each: Tensor = vmap(convolve)(weight, x) if weight.ndim == 5 else convolve(weight, x)
    return each


def entry(input_channels: int, channels: int) -> list[nn.Module]:
    """The first layers at some size: 7 x 7 convolution."""
    return [
        nn.ReflectionPad2d(3),
        nn.Conv2d(input_channels, channels, 7),
        nn.InstanceNorm2d(channels),
        nn.ReLU(),
    ]


def halving(channels: int) -> list[nn.Module]:
    """Half the size, twice the channels."""
    convolution = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
    return [convolution, nn.InstanceNorm2d(2 * channels), nn.ReLU()]


def doubling(channels: int) -> list[nn.Module]:
    """Twice the size, half the channels (given)."""
    up = nn.ConvTranspose2d(2 * channels, channels, 3, stride=2, padding=1, output_padding=1)
    return [up, nn.InstanceNorm2d(channels), nn.ReLU()]


def residual(channels: int, count: int) -> list[nn.Module]:
    """Residual blocks in a row."""
    return [ResidualBlock(channels) for _ in range(count)]


def to_image(channels: int) -> list[nn.Module]:
    """The last layers: 7 x 7 convolution to RGB in [-1, 1]."""
    return [nn.ReflectionPad2d(3), nn.Conv2d(channels, 3, 7), nn.Tanh()]
