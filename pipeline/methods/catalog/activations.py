"""The features that clusters and contributions are made of, normalised per image and channel.

Editing in Style works on what a style scales. In StyleGAN that is the output of each layer's
instance norm. StyleGAN2 normalises weights instead and its styles scale the input of a convolution:
the features here are the outputs of its layers, normalised explicitly, and a style's are those of
the layer before. PGGAN has no styles; its outputs are normalised likewise.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator
from pipeline.generators.pggan import PGGAN
from pipeline.generators.progressive import instance_norm
from pipeline.generators.stylegan import StyleGAN
from pipeline.generators.stylegan2 import StyleGAN2
from pipeline.methods.style_channels import is_to_rgb

CONSTANT = "b4.const"
_EPS = 1e-8
_PIXELS = 1 << 21  # of image, rendered at once
_MOST = 64  # images rendered at once, and codes drawn at once


class _EnoughError(Exception):
    """All layers wanted have been seen."""


def feature_layers(generator: Generator) -> tuple[str, ...]:
    """The layers whose features can be clustered, from coarse to fine.

    Raises:
        UserError: the generator is of none of the three kinds.
    """
    if isinstance(generator, StyleGAN2 | StyleGAN):
        return tuple(name for name in generator.style_slices if not is_to_rgb(name))
    if isinstance(generator, PGGAN):
        return tuple(generator.layers)
    raise UserError(
        f"generator={generator.name} has no layers that a semantic catalog is known for: use a "
        "StyleGAN, a StyleGAN2 or a PGGAN."
    )


def styled_features(generator: Generator) -> dict[str, str]:
    """For every layer with styles, the features that these scale.

    Raises:
        UserError: the generator has no styles.
    """
    if isinstance(generator, StyleGAN):
        return {name: name for name in generator.style_slices}
    if isinstance(generator, StyleGAN2):
        sources, before = {}, CONSTANT
        for name in generator.style_slices:
            sources[name] = before
            before = before if is_to_rgb(name) else name
        return sources
    raise UserError(
        f"generator={generator.name} has no styles to transfer (its catalog is for analysis only): "
        "use a StyleGAN or a StyleGAN2."
    )


def resolution_of(layer: str) -> int:
    """Height and width of a layer's features by its name, e.g. 32 for ``b32.conv0``."""
    return int(layer.partition(".")[0].removeprefix("b"))


def images_at_once(generator: Generator) -> int:
    """How many images of a generator are worked on at a time, for bounded memory."""
    return max(1, min(_MOST, _PIXELS // generator.resolution**2))


@torch.no_grad()
def features(generator: Generator, codes: Codes, layers: Sequence[str]) -> dict[str, Tensor]:
    """Features of some layers, zero mean and unit variance per image and channel.

    A channel that is the same everywhere in an image is 0 there. The network is run no further than
    the last of the layers.

    Args:
        generator: StyleGAN, StyleGAN2 or PGGAN.
        codes: n codes of it.
        layers: names as in :func:`feature_layers`, or ``b4.const`` of a StyleGAN2.

    Returns:
        ``[n, c, h, w]`` by layer.

    Raises:
        UserError: there is no such layer.
    """
    return _look(generator, codes, layers, to_the_end=False)[0]


@torch.no_grad()
def features_and_images(
    generator: Generator, codes: Codes, layers: Sequence[str]
) -> tuple[dict[str, Tensor], Tensor]:
    """:func:`features`, and the images ``[n, 3, H, W]``, clamped to [-1, 1]."""
    seen, images = _look(generator, codes, layers, to_the_end=True)
    if images is None:
        raise RuntimeError("the network was not run to its end")
    return seen, images.clamp(-1, 1)


def _look(
    generator: Generator, codes: Codes, layers: Sequence[str], to_the_end: bool
) -> tuple[dict[str, Tensor], Tensor | None]:
    _check(generator, layers)
    suffix = ".norm" if isinstance(generator, StyleGAN) else ""
    wanted = {f"{name}{suffix}": name for name in layers if name != CONSTANT}
    seen: dict[str, Tensor] = {}
    if CONSTANT in layers:
        constant = generator.get_parameter(f"synthesis.{CONSTANT}").detach()
        seen[CONSTANT] = instance_norm(constant.expand(len(codes), -1, -1, -1), _EPS)

    def hook(name: str, x: Tensor) -> Tensor:
        if name in wanted:
            seen[wanted[name]] = x if suffix else instance_norm(x, _EPS)
        if len(seen) == len(set(layers)) and not to_the_end:
            raise _EnoughError
        return x

    try:
        images: Tensor = generator.render(codes, hook=hook)  # type: ignore[call-arg]
    except _EnoughError:
        return seen, None
    return seen, images


def _check(generator: Generator, layers: Sequence[str]) -> None:
    known = feature_layers(generator)
    for name in layers:
        constant = name == CONSTANT and isinstance(generator, StyleGAN2)
        if name not in known and not constant:
            raise unknown_name("layer", name, known)
