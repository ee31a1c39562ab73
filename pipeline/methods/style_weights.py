"""The matrices that a generator's first steps apply to its latent: what SeFa factorises."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.class_conditional import ClassConditional
from pipeline.generators.pggan import PGGAN
from pipeline.generators.style_based import StyleBased
from pipeline.methods.style_channels import style_slices


@dataclass(frozen=True, eq=False)
class StyleWeight:
    """The affine map from w to the styles of one layer.

    Attributes:
        name: of the layer, e.g. ``b16.conv1``.
        layer: the w+ layer that it reads.
        weight: ``[channels, w_dim]``, float64, with every gain that acts.
    """

    name: str
    layer: int
    weight: Tensor


def require_styles(generator: Generator) -> StyleBased:
    """The generator itself, if it has styles that read w.

    Raises:
        UserError: it has none.
    """
    if not isinstance(generator, StyleBased):
        raise UserError(
            f"generator={generator.name} has no styles that read w: use one of the StyleGAN family."
        )
    return generator


def style_weights(generator: Generator) -> tuple[StyleWeight, ...]:
    """The style weights of all layers, as the derivative of the styles, which is exact.

    Raises:
        UserError: the generator has no styles that read w.
    """
    styled = require_styles(generator)
    return tuple(_style_weight(styled, *item) for item in style_slices(styled).items())


def _style_weight(generator: StyleBased, name: str, part: slice) -> StyleWeight:
    origin = torch.zeros_like(generator.w_avg).expand(generator.num_ws, -1)
    weights = _rows(lambda ws: generator.styles(ws)[:, part], origin, part.stop - part.start)
    layer = int(weights.square().sum(dim=(0, 2)).argmax())  # all others are zero
    return StyleWeight(name, layer, weights[:, layer])


def first_layer(generator: Generator) -> Tensor:
    """The first layer's matrix ``[outputs, z_dim]``, float64, of a generator that reads z.

    In a BigGAN with a hierarchical z only the first chunk has columns that are not zero.

    Raises:
        UserError: the generator is none whose first layer is known.
    """
    if isinstance(generator, PGGAN):
        kernel = generator.kernels["b4.conv0"].detach()[:, : generator.config.z_dim]
        return kernel.movedim(1, -1).flatten(0, -2).double()
    if isinstance(generator, ClassConditional):
        return _first_linear(generator)
    raise UserError(
        f"The first layer of generator={generator.name} is not known as a matrix on z: use a "
        "PGGAN or a BigGAN, or the space w of a StyleGAN."
    )


def _first_linear(generator: ClassConditional) -> Tensor:
    """The weight of the linear layer, after what it reads of z beside the class."""
    weight = generator.linear.weight.detach()

    def read(z: Tensor) -> Tensor:
        classes = torch.zeros(len(z), dtype=torch.long, device=z.device)
        embedding = generator.embed(Codes(Space.Z, z, classes))
        return generator.conditions(z, embedding)[0]

    inputs = _rows(read, weight.new_zeros(generator.z_dim), weight.shape[1])
    return weight.double() @ inputs / generator.linear.sigma().detach().double()


def _rows(linear: Callable[[Tensor], Tensor], origin: Tensor, count: int) -> Tensor:
    """The matrix ``[count, ...]`` of a linear function of batches, a row per output; float64."""
    with torch.enable_grad():
        inputs = origin.expand(count, *origin.shape).clone().requires_grad_()
        outputs = linear(inputs).diagonal().sum()  # output i of sample i
        (rows,) = torch.autograd.grad(outputs, inputs)
    return rows.double()
