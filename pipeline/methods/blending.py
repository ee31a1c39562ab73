"""What transfer by copying shares: where the region is, and the methods that need no search.

Editing in Style is held against two ways to copy a region from a reference (Collins et al. 2020,
Figure 5), :mod:`~pipeline.methods.feature_blending` and :mod:`~pipeline.methods.poisson_blending`.
The paper does not say which mask they take. Here it is the target's, so that what is measured
inside and outside the target's region is measured where they copy.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator
from pipeline.methods.catalog.activations import feature_layers
from pipeline.methods.catalog.building import Plan
from pipeline.methods.catalog.catalog import Catalog
from pipeline.methods.catalog.locating import clusters_in
from pipeline.methods.catalog.method import CatalogMethod
from pipeline.methods.edits import Edit, Edits
from pipeline.methods.gram import Progress
from pipeline.regions.region import Region


@dataclass(frozen=True, eq=False, kw_only=True)
class BlendingEdit(Edit):
    """Copies a region of the target from the reference.

    A strength is a share of the way from the target, 0, to the copy, 1. The region is a fixed mask,
    or clusters of a catalog in each target.

    Attributes:
        mask: the fixed mask ``[H, W]`` at the generator's resolution; None for clusters.
        centroids: of the catalog; None for a fixed mask.
        layer: that the catalog clusters; empty for a fixed mask.
        clusters: those that make up the region.
    """

    needs_reference: ClassVar[bool] = True
    mask: Tensor | None = None
    centroids: Tensor | None = None
    layer: str = ""
    clusters: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "clusters", tuple(self.clusters))

    def masks(self, generator: Generator, codes: Codes) -> Tensor:
        """The region in each target, float32 ``[n, H, W]`` or, where it is fixed, ``[H, W]``."""
        device = codes.values.device
        if self.mask is not None:
            return self.mask.to(device)
        if self.centroids is None:
            raise ValueError(f"the edit {self.name} has neither a mask nor clusters")
        catalog = Catalog(
            generator=self.generator,
            fingerprint=self.fingerprint,
            layer=self.layer,
            centroids=self.centroids,
            samples=0,
            seed=0,
            similarity=0.0,
        )
        return catalog.masks(generator, codes, self.clusters)

    def reference_of(self, reference: Codes | None, count: int) -> Codes:
        """The codes to copy from, one per image.

        Raises:
            UserError: there are none, or neither one nor one per image.
        """
        if reference is None:
            raise UserError(f"The edit {self.name} copies from a reference: give the codes of one.")
        if len(reference) not in (1, count):
            raise UserError(
                f"The edit {self.name} has {count} images and {len(reference)} references: give "
                "one, or one for each."
            )
        return reference[torch.arange(count) % len(reference)]


class Mask(StrEnum):
    """Where a region's mask comes from.

    ``region`` is the region itself where it is the same in every image, and else as ``catalog``:
    the clusters, in each target, that the region's name or place means.
    """

    REGION = "region"
    CATALOG = "catalog"


@dataclass
class Blending(CatalogMethod):
    """A method whose only edit copies the region; nothing has to be found but where it is.

    Args:
        mask: see :class:`Mask`.
        catalog: file of a catalog, as scripts/build_catalog.py writes it; None makes one. This
            option and the next ones are those of method=editing_in_style, and so is the catalog.
        labels: YAML file of ``label: [clusters]`` that replaces the catalog's own names.
        layers: layers whose features are clustered; None takes all of 16, 32 and 64 pixels.
        clusters: K, or several, of which the parser's parts decide.
        num_samples: images behind the catalog.
        num_vectors: feature vectors kept of them.
        restarts: clusterings tried for each.
        num_codes: images that a region without a label of its name is looked for in.
    """

    needs_reference: ClassVar[bool] = True
    strengths: ClassVar[tuple[float, ...]] = (0.25, 0.5, 0.75, 1.0)
    mask: Mask = Mask.REGION
    catalog: str | None = None
    labels: str | None = None
    layers: Sequence[str] | None = None
    clusters: int | Sequence[int] = (16, 18, 20)
    num_samples: int = 200
    num_vectors: int = 20_000
    restarts: int = 8
    num_codes: int = 32
    prepared: Catalog | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.mask not in tuple(Mask):
            raise unknown_name("method.mask", self.mask, Mask)
        self.mask = Mask(self.mask)
        self._plan = Plan(
            None if self.layers is None else tuple(self.layers),
            (self.clusters,) if isinstance(self.clusters, int) else tuple(self.clusters),
            self.num_samples,
            self.num_vectors,
            self.restarts,
        )

    @property
    def plan(self) -> Plan:
        """How a catalog is made where no file is given."""
        return self._plan

    def looks_up(self, region: Region) -> bool:
        """Whether the mask is of clusters."""
        return region.per_image or self.mask == Mask.CATALOG

    @abstractmethod
    def edit(self, **place: Any) -> BlendingEdit:
        """The edit, given everything but its own options."""

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a catalog that cannot be made, where the mask needs one."""
        if self.looks_up(region):
            feature_layers(generator)
            self.check_catalog(generator)

    def check_strengths(self, strengths: Sequence[float]) -> None:
        """Refuse strengths that are no share of a reference.

        Raises:
            UserError: one is not above 0 and at most 1.
        """
        wrong = [s for s in strengths if not 0 < s <= 1]
        if wrong:
            raise UserError(
                f"strength={wrong[0]:g}: method={self.name} goes from the target (0) to the copy "
                "(1); give shares above 0 and up to 1, e.g. strength=[0.5,1]."
            )

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; one edit.

        Raises:
            UserError: see :meth:`check`; or no cluster lies in the region.
        """
        self.check(generator, region)
        found = None
        if self.looks_up(region):
            found = self.prepared or self.make_catalog(generator, seed, progress)
            names = () if self.reader is None else tuple(self.reader.parts)
            few = codes[: self.num_codes]
            clusters = clusters_in(found, generator, few, region, names)
            edit = self.edit(**clusters_place(self.name, generator, found, region.name, clusters))
        else:
            edit = self.edit(**fixed_place(self.name, generator, region))
        if progress is not None and (found is None or self.prepared is not None):
            progress(1, 1)
        masks = "the region" if found is None else f"clusters {list(edit.clusters)} of {edit.layer}"
        return self.found(
            (edit,),
            generator,
            region,
            seed,
            extra={"eigenvalues": torch.full((1,), torch.nan)},
            notes={"mask": f"the target's: {masks}"},
        )


def fixed_place(method: str, generator: Generator, region: Region) -> dict[str, Any]:
    """Name and mask of an edit of a region that is the same in every image.

    Raises:
        UserError: it covers no pixel.
    """
    return {**_names(method, generator, region.name), "mask": region.mask(generator.resolution)}


def clusters_place(
    method: str, generator: Generator, catalog: Catalog, part: str, clusters: Sequence[int]
) -> dict[str, Any]:
    """Name and clusters of an edit of a part, as a catalog finds it in every target.

    Raises:
        UserError: it is another generator's catalog.
    """
    catalog.check(generator)
    place = {"centroids": catalog.centroids, "layer": catalog.layer, "clusters": tuple(clusters)}
    return {**_names(method, generator, part), **place}


def _names(method: str, generator: Generator, place: str) -> dict[str, Any]:
    return {
        "name": f"{method}/{place}",
        "generator": generator.name,
        "fingerprint": generator.fingerprint,
    }
