"""What a region and the rest of the image do when a latent moves: M_f and M_b of a generator."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.gram import Grams, Progress, gram_matrices
from pipeline.methods.gram_products import GramProducts
from pipeline.methods.jacobian import ImageFunction
from pipeline.methods.latents import Coordinates, LayerRange, as_layer_range, shift
from pipeline.regions.region import Region

REFERENCE_RESOLUTION = 256  # the references differentiate larger images at this size


class Channels(StrEnum):
    """What the rows of a Jacobian are: all channels of the pixels, their sums or their means."""

    RGB = "rgb"
    SUM = "sum"
    MEAN = "mean"


def layer_ranges(
    space: Space, layers: Sequence[int] | None, edit_layers: Sequence[int] | None
) -> tuple[LayerRange | None, LayerRange | None]:
    """The w+ layers that a Jacobian and the edits move; the second are the first unless given.

    Raises:
        UserError: a range is none, the space has no layers, or a direction of w+ would be used on
            layers that it says nothing about.
    """
    looked_at = as_layer_range(layers)
    edited = as_layer_range(edit_layers) or looked_at
    if edited and space not in (Space.W, Space.W_PLUS):
        raise UserError(f"layers belong to the spaces w and w+; space={space} has none.")
    if space != Space.W_PLUS or not (looked_at and edited):
        return looked_at, edited
    if not looked_at[0] <= edited[0] < edited[1] <= looked_at[1]:
        raise UserError(
            f"edit_layers={list(edited)} must lie within layers={list(looked_at)}: "
            "a direction of w+ says nothing about other layers."
        )
    return looked_at, edited


def require_background(region: Region, resolution: int) -> None:
    """Refuse a region that leaves nothing of the image to preserve.

    Raises:
        UserError: a fixed region covers every pixel.
    """
    if not region.per_image and bool(region.mask(resolution).all()):
        raise no_pixels(region.name, inside=False)


def no_pixels(region: str, inside: bool) -> UserError:
    """The error for a region that has no pixels, or leaves none."""
    if inside:
        return UserError(f"region={region} has no pixel in any of the images: use other codes.")
    return UserError(
        f"region={region} covers the whole image, so there is no background to preserve: "
        "use a smaller region."
    )


def working_resolution(generator: Generator, wanted: int | None, option: str) -> int:
    """The size that images are averaged down to; None is the generator's, at most 256.

    Args:
        generator: whose images they are.
        wanted: the size asked for.
        option: the name it was asked for by.

    Raises:
        UserError: it does not divide the generator's.
    """
    full = generator.resolution
    resolution = min(full, REFERENCE_RESOLUTION) if wanted is None else wanted
    if resolution < 1 or full % resolution:
        raise UserError(f"{option}={wanted} must divide the generator's resolution, {full}.")
    return resolution


def averaged(images: Tensor, resolution: int) -> Tensor:
    """Images ``[..., H, H]`` averaged over areas, ``[..., resolution, resolution]``."""
    factor = images.shape[-1] // resolution
    if factor == 1:
        return images
    areas: Tensor = images.unflatten(-1, (resolution, factor)).unflatten(-3, (resolution, factor))
    return areas.mean(dim=(-3, -1))


def region_masks(
    generator: Generator, singles: Sequence[Codes], region: Region, resolution: int
) -> Tensor:
    """Masks ``[n, r, r]`` of the images of single codes, or ``[1, r, r]`` of all images."""
    if not region.per_image:
        return region.mask(resolution)[None]
    with torch.no_grad():
        return torch.cat([region.mask(resolution, generator.render(c)) for c in singles])


@dataclass(frozen=True)
class RegionJacobian:
    """How the Jacobian of an image is taken.

    Attributes:
        space: the space of the steps.
        layers: half-open range of the w+ layers that they move; None is all.
        channels: the rows.
        resolution: the size that images are averaged down to.
        chunk: columns computed at a time.
        max_bytes: bound on the part of the Jacobian that is held at a time.
    """

    space: Space
    layers: LayerRange | None
    channels: Channels
    resolution: int
    chunk: int
    max_bytes: int

    def start(self, generator: Generator, codes: Codes) -> tuple[Codes, Coordinates]:
        """The codes where the steps begin, and the coordinates of the steps."""
        layered = Space.W_PLUS if self.space == Space.W else self.space
        with torch.no_grad():
            start = generator.convert(codes, layered)
            return start, Coordinates.of(generator, start, self.space, self.layers)

    def grams(
        self,
        generator: Generator,
        start: Codes,
        coordinates: Coordinates,
        regions: Sequence[Region],
        progress: Progress | None = None,
    ) -> Grams:
        """J'J inside and outside of several regions, from one pass.

        Args:
            generator: makes the images.
            start: n codes, as :meth:`start` gives them.
            coordinates: likewise.
            regions: the foregrounds.
            progress: called with the numbers of columns done and to be done.
        """
        masks = [self._masks(generator, start, region) for region in regions]
        return gram_matrices(
            self._functions(generator, start, coordinates),
            start.values.new_zeros(len(coordinates)),
            torch.stack(torch.broadcast_tensors(*masks), dim=1),
            self.chunk,
            self.max_bytes,
            progress,
        )

    def products(
        self, generator: Generator, start: Codes, coordinates: Coordinates, region: Region
    ) -> GramProducts:
        """Products with M_f and M_b of a region, in the place of the matrices.

        Raises:
            UserError: the region or the rest has no pixel in any of the images.
        """
        products = GramProducts(
            self._functions(generator, start, coordinates),
            start.values.new_zeros(len(coordinates)),
            self._masks(generator, start, region),
            self.chunk,
            self.max_bytes,
        )
        for inside in (True, False):
            if products.pixels(inside) == 0:
                raise no_pixels(region.name, inside)
        return products

    def _masks(self, generator: Generator, start: Codes, region: Region) -> Tensor:
        return region_masks(generator, _singles(start), region, self.resolution)

    def _functions(
        self, generator: Generator, start: Codes, coordinates: Coordinates
    ) -> list[ImageFunction]:
        return [self._function(generator, code, coordinates) for code in _singles(start)]

    def _function(
        self, generator: Generator, code: Codes, coordinates: Coordinates
    ) -> ImageFunction:
        def function(offset: Tensor) -> Tensor:
            step = coordinates.step(offset).unsqueeze(0)
            moved = shift(generator, code, step, self.space, self.layers)
            return self._read(generator.render(moved)[0])

        return function

    def _read(self, image: Tensor) -> Tensor:
        """The rows ``[c, r, r]`` of an image ``[3, H, H]``."""
        image = averaged(image, self.resolution)
        if self.channels == Channels.RGB:
            return image
        if self.channels == Channels.SUM:
            return image.sum(dim=0, keepdim=True)
        return image.mean(dim=0, keepdim=True)


def _singles(codes: Codes) -> list[Codes]:
    return [codes[i : i + 1] for i in range(len(codes))]


@dataclass(frozen=True, eq=False)
class RegionPass:
    """What one pass over the Jacobian says of several regions.

    Attributes:
        grams: of the regions, by number.
        regions: their names.
        seconds: that the pass took.
    """

    grams: Grams
    regions: tuple[str, ...]
    seconds: float

    def matrices(self, number: int = 0) -> tuple[Tensor, Tensor]:
        """M_f and M_b of a region by its number: J'J over the rows of each part, by their number.

        Raises:
            UserError: the region or the rest has no pixel in any of the images.
        """
        for inside in (True, False):
            if self.grams.count(number, inside) == 0:
                raise no_pixels(self.regions[number], inside)
        return self.grams.mean(number, inside=True), self.grams.mean(number, inside=False)
