"""PGGAN (Karras et al. 2018), the progressively grown GAN, at its final resolution."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.labels import class_weights
from pipeline.generators.layers import LRELU_SLOPE, pixel_norm
from pipeline.generators.progressive import Kernel, ToRGB, check_blocks, check_shifts
from pipeline.generators.synthesis import ActivationHook


@dataclass(frozen=True)
class PGGANConfig:
    """Architecture of a PGGAN.

    Attributes:
        resolution: image size, a power of two of at least 4.
        channels: channels of each block, from 4 x 4 up to ``resolution``.
        z_dim: length of z.
        num_classes: classes of a class-conditional network, else 0.
        normalize_z: scale z to unit mean square before the labels are joined to it (Hammer), and
            not only the two together (the official network). Without labels it is the same.
        pixel_norm_eps: added to the mean squares of the features.
    """

    resolution: int
    channels: tuple[int, ...]
    z_dim: int = 512
    num_classes: int = 0
    normalize_z: bool = True
    pixel_norm_eps: float = 1e-8

    def __post_init__(self) -> None:
        check_blocks("PGGAN", self.resolution, self.channels)
        if self.z_dim < 1 or self.num_classes < 0:
            raise UserError(
                f"PGGAN: z_dim={self.z_dim} must be at least 1, num_classes={self.num_classes} at "
                "least 0."
            )


class PGGANLayer(nn.Module):
    """Pixel norm, 3 x 3 convolution (b4.conv0: a dense layer to 4 x 4), bias, leaky ReLU.

    Args:
        kernel: the convolution.
        eps: added to the mean square of each pixel's features.
    """

    def __init__(self, kernel: Kernel, eps: float) -> None:
        super().__init__()
        self.eps, self.conv = eps, kernel
        self.bias = nn.Parameter(torch.zeros(kernel.weight.shape[0]))

    def forward(self, x: Tensor, shift: Tensor | None) -> Tensor:
        """Features ``[n, in, h, w]`` to features ``[n, out, h', w']``."""
        x = self.conv(pixel_norm(x, self.eps), shift)
        return F.leaky_relu(x + self.bias[:, None, None], LRELU_SLOPE)


class DenseKernel(Kernel):
    """A kernel ``[out, in, 4, 4]`` whose pixel (i, j) gives the output's pixel (i, j)."""

    def forward(self, x: Tensor, shift: Tensor | None = None) -> Tensor:
        """Features ``[n, in, 1, 1]`` to features ``[n, out, 4, 4]``."""
        weight = self.kernel(shift)
        samples = "n" if weight.ndim == 5 else ""
        return torch.einsum(f"nc,{samples}ocij->noij", x[:, :, 0, 0], weight)


class PGGAN(Generator):
    """PGGAN with access to z, activations and parameters.

    Layers and their kernels are called b4.conv0, b4.conv1, b8.conv0, ..., and ``torgb``.
    """

    spaces = frozenset({Space.Z, Space.ACTIVATIONS, Space.PARAMETERS})

    def __init__(self, config: PGGANConfig) -> None:
        super().__init__()
        self.name, self.config, self.resolution = "pggan", config, config.resolution
        self.layers: list[str] = []
        previous = config.z_dim + config.num_classes
        for i, width in enumerate(config.channels):
            first = Kernel(previous, width, up=True) if i else DenseKernel(previous, width, 4)
            block = nn.Module()
            block.conv0 = PGGANLayer(first, config.pixel_norm_eps)
            block.conv1 = PGGANLayer(Kernel(width, width), config.pixel_norm_eps)
            self.add_module(f"b{2 ** (i + 2)}", block)
            self.layers += [f"b{2 ** (i + 2)}.conv{j}" for j in range(2)]
            previous = width
        self.torgb = ToRGB(previous)

    @property
    def architecture(self) -> str:
        """The configuration as JSON."""
        return json.dumps(asdict(self.config))

    @property
    def kernels(self) -> dict[str, nn.Parameter]:
        """The kernels that can be shifted, ``[out, in, k, k]`` each."""
        kernels = {name: self.get_parameter(f"{name}.conv.weight") for name in self.layers}
        return kernels | {"torgb": self.torgb.weight}

    def sample(self, n: int, generator: torch.Generator) -> Codes:
        """Standard normal z; a class-conditional network gets uniform labels."""
        z = torch.randn(n, self.config.z_dim, generator=generator)
        labels = None
        if self.config.num_classes:
            labels = torch.randint(self.config.num_classes, (n,), generator=generator)
        return Codes(Space.Z, z, labels).to(self.torgb.bias.device)

    def convert(self, codes: Codes, space: Space) -> Codes:
        """Codes of z as they are.

        Raises:
            UserError: another space is meant, or the codes have another shape.
        """
        if codes.space != Space.Z or space != Space.Z:
            raise UserError(
                f"generator={self.name} cannot turn codes of '{codes.space}' into '{space}': "
                "its codes live in z."
            )
        if tuple(codes.values.shape[1:]) != (self.config.z_dim,):
            raise UserError(
                f"generator={self.name} has codes of 'z' of shape [{self.config.z_dim}]; "
                f"these are {list(codes.values.shape[1:])}."
            )
        return codes

    def inputs(self, codes: Codes) -> Tensor:
        """What the first layer reads: z, normalised, and the weights of the classes beside it."""
        z, classes = self.convert(codes, Space.Z).values, self.config.num_classes
        if self.config.normalize_z:
            z = pixel_norm(z, self.config.pixel_norm_eps)
        return torch.cat([z, class_weights(codes.labels, classes, z)], 1) if classes else z

    def render(
        self,
        codes: Codes,
        shifts: Mapping[str, Tensor] | None = None,
        hook: ActivationHook | None = None,
    ) -> Tensor:
        """Images ``[n, 3, r, r]`` of codes in z.

        Args:
            codes: the codes.
            shifts: what to add to the kernels of named layers, ``[out, in, k, k]`` or one per
                sample ``[n, out, in, k, k]``; the network itself stays as it is.
            hook: sees, and may replace, the output of every layer.

        Raises:
            UserError: the codes are none of this network's, there is no such layer, or a shift
                does not fit its kernel.
        """
        shifts, see = shifts or {}, hook or (lambda _name, x: x)
        check_shifts(shifts, self.kernels)
        x = self.inputs(codes)[:, :, None, None]
        for name in self.layers:
            x = see(name, self.get_submodule(name)(x, shifts.get(name)))
        x = pixel_norm(x, self.config.pixel_norm_eps)
        return see("torgb", self.torgb(x, shifts.get("torgb")))
