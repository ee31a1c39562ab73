"""Forward passes that begin again at a layer, for styles that are solved layer by layer."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.layers import upsample
from pipeline.generators.stylegan2 import StyleGAN2
from pipeline.generators.synthesis import PartialPass, SynthesisNetwork
from pipeline.methods.style_channels import is_to_rgb, style_slices

ImageOfLayer = Callable[[Tensor], Tensor]
"""Images ``[n, 3, H, W]`` of one layer's styles ``[n, channels]``, all other layers fixed."""


class Renderer(ABC):
    """Renders styles layer by layer, from the coarsest to the finest.

    Attributes:
        slices: where each layer's styles lie in s, in their order.
    """

    def __init__(self, generator: Generator) -> None:
        self.slices = style_slices(generator)

    @abstractmethod
    def at(self, name: str, styles: Tensor) -> ImageOfLayer:
        """Images as a function of the styles of the layer that comes next.

        Args:
            name: the layer; those below it have been passed with :meth:`fix`.
            styles: styles of all layers ``[n, s]``; those from this one on count.
        """

    @abstractmethod
    def fix(self, name: str, styles: Tensor) -> None:
        """Pass the next layer with these styles of it ``[n, channels]``."""

    @abstractmethod
    def keep(self, rows: Tensor) -> "Renderer":
        """The same for some of the images (indices ``[k]``)."""


class Restarting(Renderer):
    """StyleGAN2's pass, begun at the layer being solved: what lies below is computed once.

    A to-RGB layer changes no features, so that its images are a constant plus its enlarged RGB:
    nothing above it is computed a second time.
    """

    def __init__(self, generator: StyleGAN2, n: int) -> None:
        super().__init__(generator)
        self.synthesis: SynthesisNetwork = generator.synthesis
        self.below = self.synthesis.start(n)

    def at(self, name: str, styles: Tensor) -> ImageOfLayer:
        """See :meth:`Renderer.at`."""
        below, above = self.below, self._above(name)
        if not is_to_rgb(name):
            return lambda own: self._finish(self._step(below, name, own), above, styles)
        with torch.no_grad():
            size = below.features.shape[-2:]
            dark = PartialPass(below.features, styles.new_zeros(len(styles), 3, *size))
            rest = self._finish(dark, above, styles)
        doublings = sum(is_to_rgb(layer) for layer in above)

        def image(own: Tensor) -> Tensor:
            rgb = self._finish(self._step(below, name, own), [], styles)
            for _ in range(doublings):
                rgb = upsample(rgb)
            return rgb + rest

        return image

    def fix(self, name: str, styles: Tensor) -> None:
        """See :meth:`Renderer.fix`."""
        with torch.no_grad():
            self.below = self._step(self.below, name, styles)

    def keep(self, rows: Tensor) -> "Restarting":
        """See :meth:`Renderer.keep`."""
        fewer = object.__new__(Restarting)
        fewer.slices, fewer.synthesis = self.slices, self.synthesis
        image = self.below.image
        fewer.below = PartialPass(self.below.features[rows], None if image is None else image[rows])
        return fewer

    def _above(self, name: str) -> list[str]:
        names = list(self.slices)
        return names[names.index(name) + 1 :]

    def _step(self, so_far: PartialPass, name: str, own: Tensor) -> PartialPass:
        return self.synthesis.advance(so_far, name, own)

    def _finish(self, so_far: PartialPass, above: list[str], styles: Tensor) -> Tensor:
        for name in above:
            so_far = self._step(so_far, name, styles[:, self.slices[name]])
        if so_far.image is None:
            raise RuntimeError("the last layer is a to-RGB layer")
        return so_far.image


class Whole(Renderer):
    """Every image by a pass through the whole network: for any generator with styles.

    It is also the plain way that :class:`Restarting` is measured against.
    """

    def __init__(self, generator: Generator, n: int) -> None:
        super().__init__(generator)
        self.generator, self.n = generator, n
        self.fixed: dict[str, Tensor] = {}

    def at(self, name: str, styles: Tensor) -> ImageOfLayer:
        """See :meth:`Renderer.at`."""
        parts = {layer: styles[:, part] for layer, part in self.slices.items()} | self.fixed

        def image(own: Tensor) -> Tensor:
            values = torch.cat([*(parts | {name: own}).values()], dim=1)
            return self.generator.render(Codes(Space.S, values))

        return image

    def fix(self, name: str, styles: Tensor) -> None:
        """See :meth:`Renderer.fix`."""
        self.fixed[name] = styles

    def keep(self, rows: Tensor) -> "Whole":
        """See :meth:`Renderer.keep`."""
        fewer = Whole(self.generator, len(rows))
        fewer.fixed = {name: styles[rows] for name, styles in self.fixed.items()}
        return fewer


def renderer(generator: Generator, n: int) -> Renderer:
    """The fastest renderer of a generator, at its first layer, for n images."""
    if isinstance(generator, StyleGAN2):
        return Restarting(generator, n)
    return Whole(generator, n)
