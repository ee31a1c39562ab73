"""Regions made of regions."""

from collections.abc import Sequence

from torch import Tensor

from pipeline.errors import UserError
from pipeline.regions.region import Outline, Region


class Union(Region):
    """Everything that lies in at least one of several regions.

    Args:
        name: the name it is reported under.
        regions: the regions; one that looks at the images makes the union do so.

    Raises:
        UserError: no region is given.
    """

    def __init__(self, name: str, regions: Sequence[Region]) -> None:
        if not regions:
            raise UserError(f"region={name} is a union of no regions: give at least one.")
        self.name, self.regions = name, tuple(regions)
        self.per_image = any(region.per_image for region in self.regions)

    def mask(self, resolution: int, images: Tensor | None = None) -> Tensor:
        """Float32 ``[resolution, resolution]`` or one per image; see :meth:`Region.mask`."""
        masks = [region.mask(resolution, images) for region in self.regions]
        if images is not None:
            masks = [mask.to(images.device) for mask in masks]
        union = masks[0]
        for mask in masks[1:]:
            union = union.maximum(mask)
        return union

    def outline(self) -> list[Outline] | None:
        """The outlines of all its regions; they may overlap."""
        if self.per_image:
            return None
        return [line for region in self.regions for line in region.outline() or []]
