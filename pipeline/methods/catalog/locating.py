"""Which clusters of a catalog make up a region."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator
from pipeline.methods.catalog.activations import features_and_images, images_at_once
from pipeline.methods.catalog.catalog import Catalog, upsampled
from pipeline.regions.part import Part
from pipeline.regions.region import Region

COVERED = 0.5  # a cluster belongs to a region that holds at least this share of its pixels


def clusters_in(
    catalog: Catalog, generator: Generator, codes: Codes, region: Region, parts: Sequence[str]
) -> tuple[int, ...]:
    """The clusters of a region: by its name, by its parts, or by what lies in it.

    A region that is called like a label means it, e.g. the box ``mouth``; one of parts means their
    labels; of any other those clusters count that lie in it by at least half.

    Args:
        catalog: the catalog.
        generator: the catalog's.
        codes: of the images to look for it in.
        region: the region.
        parts: names of the parts that a region of parts has numbers of.

    Raises:
        UserError: there is no such cluster.
    """
    if region.name in catalog.labels:
        return catalog.clusters_of(region.name)
    named = [parts[i] for i in region.parts] if isinstance(region, Part) else []
    found = [k for name in named for k in catalog.labels.get(name, ())]
    if not found:
        shares = _shares(catalog, generator, codes, region)
        found = (shares >= COVERED).nonzero()[:, 0].tolist()
    if not found:
        known = ", ".join(sorted(catalog.labels)) or "none"
        raise UserError(
            f"No cluster of {catalog.layer} (K = {catalog.count}) lies in region={region.name} by "
            f"at least half, and no label is called so (labels: {known}): take a label with "
            "method.label=NAME, a larger region, or more method.clusters."
        )
    return tuple(dict.fromkeys(found))


def _shares(catalog: Catalog, generator: Generator, codes: Codes, region: Region) -> Tensor:
    """The share of each cluster's pixels that lies in the region, ``[k]``."""
    batch, layer = images_at_once(generator), catalog.layer
    inside = torch.zeros(catalog.count, dtype=torch.float64)
    total = torch.zeros_like(inside)
    for start in range(0, len(codes), batch):
        seen, images = features_and_images(generator, codes[start : start + batch], [layer])
        maps = upsampled(catalog.assign(seen[layer]), catalog.count, generator.resolution).cpu()
        mask = region.mask(generator.resolution, images).cpu().expand(maps.shape)
        total += torch.bincount(maps.flatten(), minlength=catalog.count)
        weights = mask.flatten().double()
        inside += torch.bincount(maps.flatten(), weights, minlength=catalog.count)
    return inside / total.clamp(min=1)
