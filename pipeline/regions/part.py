"""Regions that follow what is in the picture."""

from collections.abc import Callable, Collection

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.regions.region import Region, nearest_pixels

Parser = Callable[[Tensor], Tensor]


class Part(Region):
    """Semantic parts as a parser finds them in each image, e.g. the hair.

    An image that lacks the part has an empty mask, which is no error.

    Args:
        name: the name it is reported under.
        parser: images ``[n, 3, H, W]`` in [-1, 1] to part ids ``[n, H', W']``.
        parts: ids of the parts that make up the region.

    Raises:
        UserError: no part is given.
    """

    per_image = True

    def __init__(self, name: str, parser: Parser, parts: Collection[int]) -> None:
        if not parts:
            raise UserError(f"region={name} names no part: give at least one part id.")
        self.name, self.parser, self.parts = name, parser, tuple(parts)

    def mask(self, resolution: int, images: Tensor | None = None) -> Tensor:
        """Float32 ``[n, resolution, resolution]``; see :meth:`Region.mask`."""
        if images is None:
            raise UserError(f"region={self.name} is found in each image: it needs the images.")
        with torch.no_grad():
            labels = self.parser(images)
        height, width = labels.shape[-2:]
        rows, columns = nearest_pixels(height, resolution), nearest_pixels(width, resolution)
        seen = labels[:, rows.to(labels.device)][:, :, columns.to(labels.device)]
        wanted = torch.tensor(self.parts, device=seen.device, dtype=seen.dtype)
        return torch.isin(seen, wanted).float()
