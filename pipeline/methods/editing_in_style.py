"""Editing in Style: a part of a reference, transferred by style channels (Collins et al. 2020)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import torch

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.catalog.activations import styled_features
from pipeline.methods.catalog.building import Plan
from pipeline.methods.catalog.catalog import Catalog
from pipeline.methods.catalog.locating import clusters_in
from pipeline.methods.catalog.method import CatalogMethod
from pipeline.methods.clock import now
from pipeline.methods.edits import Edits
from pipeline.methods.gram import Progress
from pipeline.methods.query_edit import Interpolation, QueryEdit, layer_budgets, query_edit
from pipeline.methods.style_channels import style_slices
from pipeline.regions.region import Region


@dataclass
class EditingInStyle(CatalogMethod):
    """Conditioned interpolation of style coefficients (Sec. 3.2), found by a semantic catalog.

    A strength is lambda: 0 leaves the target, 1 takes all that the query asks for.

    Args:
        catalog: file of a catalog, as scripts/build_catalog.py writes it; None makes one.
        labels: YAML file of ``label: [clusters]`` that replaces the catalog's own names.
        label: what to transfer; None takes what the region shows.
        layers: layers whose features are clustered, each in turn; None takes all of 16, 32 and 64
            pixels.
        clusters: K, or several, each in turn; the parser's parts decide which is best.
        parts: parts that clusters are judged by; None takes those of a face.
        num_samples: images behind the catalog; the paper takes 200.
        num_vectors: feature vectors kept of them for the clustering.
        restarts: clusterings tried for each, from other seeds.
        interpolation: ``sequential`` (Eq. 5), ``simultaneous`` (Eq. 4) or ``global`` (Eq. 2).
        epsilon: sequential: the budget of effect outside, per layer; a list gives the first layers
            their own, its last number goes for all that follow.
        threshold: sequential: least contribution, the paper's rho / (1 + rho).
        bias: move AdaIN's offsets too (StyleGAN); the paper moves scales alone.
        to_rgb: move styles of to-RGB layers too (StyleGAN2).
        num_codes: images that a region without a name is looked for in.
    """

    needs_reference: ClassVar[bool] = True
    strengths: ClassVar[tuple[float, ...]] = (0.25, 0.5, 0.75, 1.0)
    catalog: str | None = None
    labels: str | None = None
    label: str | None = None
    layers: Sequence[str] | None = None
    clusters: int | Sequence[int] = (12, 16, 20)
    parts: Sequence[str] | None = None
    num_samples: int = 200
    num_vectors: int = 40_000
    restarts: int = 6
    interpolation: Interpolation = Interpolation.SEQUENTIAL
    epsilon: float | Sequence[float] = 20.0
    threshold: float = 0.1
    bias: bool = False
    to_rgb: bool = True
    num_codes: int = 32
    name: str = "editing_in_style"
    prepared: Catalog | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.interpolation not in tuple(Interpolation):
            raise unknown_name("interpolation", self.interpolation, Interpolation)
        self.interpolation = Interpolation(self.interpolation)
        if not 0 <= self.threshold < 1:
            raise UserError(f"threshold={self.threshold} must lie in 0..1, less than 1.")
        if self.num_codes < 1:
            raise UserError(f"num_codes={self.num_codes} must be at least 1.")
        self._plan = Plan(
            _tuple(self.layers),
            (self.clusters,) if isinstance(self.clusters, int) else tuple(self.clusters),
            self.num_samples,
            self.num_vectors,
            self.restarts,
            _tuple(self.parts),
        )

    @property
    def plan(self) -> Plan:
        """How a catalog is made where no file is given."""
        return self._plan

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a generator without styles, a catalog of another, or options that do not fit."""
        sources = styled_features(generator)
        generator.require(Space.S, f"method={self.name}")
        layer_budgets(self.epsilon, len(sources))
        self.check_catalog(generator)

    def check_strengths(self, strengths: Sequence[float]) -> None:
        """Refuse strengths that are no share of a reference.

        Raises:
            UserError: one is not above 0, or above 1 where the query is complete there.
        """
        most = float("inf") if self.interpolation == Interpolation.SIMULTANEOUS else 1.0
        wrong = [s for s in strengths if not 0 < s <= most]
        if wrong:
            raise UserError(
                f"strength={wrong[0]:g}: method={self.name} goes from the target (0) to the "
                "reference (1); give shares above 0 and up to 1, e.g. strength=[0.5,1]. Only "
                "method.interpolation=simultaneous goes on above 1."
            )

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; one edit, of the part that the region shows.

        Raises:
            UserError: there is no such label, no cluster in the region, or no channel in the query.
        """
        self.check(generator, region)
        began = now(codes.values.device)
        if self.prepared is None:
            self.prepared = self.make_catalog(generator, seed, progress)
        elif progress is not None:
            progress(1, 1)
        catalog = self.prepared
        catalogued = now(codes.values.device)
        part, clusters = self._part(catalog, generator, codes[: self.num_codes], region)
        edit = query_edit(
            generator,
            catalog,
            part,
            clusters,
            self.interpolation,
            self.epsilon,
            self.threshold,
            self.bias,
            self.to_rgb,
        )
        moved, shares = self._moved(generator, catalog, clusters, edit)
        seconds = {"catalog": catalogued - began, "query": now(codes.values.device) - catalogued}
        return self.found(
            (edit,),
            generator,
            region,
            seed,
            extra={"eigenvalues": shares.reshape(1)},
            notes={
                "options": self._options(),
                "clusters": list(clusters),
                "catalog": catalog_notes(catalog),
                "channels": moved,
                "seconds": seconds,
            },
        )

    def _part(
        self, catalog: Catalog, generator: Generator, codes: Codes, region: Region
    ) -> tuple[str, tuple[int, ...]]:
        """What is transferred, and its clusters."""
        if self.label is not None:
            return self.label, catalog.clusters_of(self.label)
        names = () if self.reader is None else tuple(self.reader.parts)
        return region.name, clusters_in(catalog, generator, codes, region, names)

    def _moved(
        self, generator: Generator, catalog: Catalog, clusters: Sequence[int], edit: QueryEdit
    ) -> tuple[dict[str, int], torch.Tensor]:
        """Channels of each layer that move, and the mean share of their energy in the part."""
        moved, weights, energy = {}, torch.zeros(()).double(), torch.zeros(()).double()
        for name in styled_features(generator):
            own = catalog.contributions.of(name, clusters)
            query = edit.query[style_slices(generator)[name]][: len(own)].double()
            moved[name] = int((query > 0).sum())
            weights, energy = weights + query.sum(), energy + (query * own).sum()
        if not any(moved.values()):
            raise UserError(
                f"The query for {edit.part} is empty: no channel contributes more than "
                f"method.threshold={self.threshold:g} within method.epsilon={self.epsilon}; a "
                "smaller threshold or a greater epsilon lets some in."
            )
        return moved, energy / weights

    def _options(self) -> dict[str, Any]:
        """Its options as JSON can hold them, without the catalog that was made."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "prepared"}
        return {
            name: list(value)
            if isinstance(value, Sequence) and not isinstance(value, str)
            else value
            for name, value in given.items()
        }


def catalog_notes(catalog: Catalog) -> dict[str, Any]:
    """What the file of edits says of a catalog."""
    return {
        "hash": catalog.hash,
        "layer": catalog.layer,
        "clusters": catalog.count,
        "labels": {name: list(ids) for name, ids in catalog.labels.items()},
        "scores": {name: score.plain() for name, score in catalog.scores.items()},
        **catalog.notes,
    }


def _tuple(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)
