"""Making a catalog: several layers and numbers of clusters side by side, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator
from pipeline.methods.catalog.activations import (
    feature_layers,
    features,
    features_and_images,
    images_at_once,
    resolution_of,
    styled_features,
)
from pipeline.methods.catalog.catalog import Catalog, upsampled
from pipeline.methods.catalog.contributions import Contributions, StreamingContributions
from pipeline.methods.catalog.kmeans import Reservoir, spherical_kmeans
from pipeline.methods.catalog.labels import automatic_labels, mean_iou, overlaps, scores
from pipeline.methods.reader import Reader

Progress = Callable[[int, int], None]
JUDGED = 500  # images that a parser looks at, at most, to name clusters; and others to score them
_DRAWN = 64  # codes drawn at once, whatever the batch, so that it does not decide which
WANTED = ("background", "skin", "nose", "eyes", "mouth", "hair")
"""The parts that a catalog of faces is judged by, where the parser knows them."""


@dataclass(frozen=True)
class Plan:
    """How a catalog is made.

    Attributes:
        layers: whose features are clustered, each in turn; None takes those of 16, 32 and 64
            pixels.
        clusters: numbers of clusters, each in turn.
        samples: images that the vectors come from and that contributions are means over; as many
            others, at most :data:`JUDGED`, judge the clusters.
        vectors: feature vectors kept of them for the clustering.
        restarts: clusterings from other seeds, for each of these; where there is a reader its parts
            decide which is kept, else the similarity.
        parts: parts of the reader that clusters are judged by; None takes :data:`WANTED`.
    """

    layers: tuple[str, ...] | None = None
    clusters: tuple[int, ...] = (12, 16, 20)
    samples: int = 200
    vectors: int = 40_000
    restarts: int = 6
    parts: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.clusters or min(self.clusters) < 1:
            raise UserError(f"clusters={list(self.clusters)}: give numbers of at least 1.")
        for option in ("samples", "vectors", "restarts"):
            if getattr(self, option) < 1:
                raise UserError(f"{option}={getattr(self, option)} must be at least 1.")

    def settings(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    def layers_of(self, generator: Generator) -> tuple[str, ...]:
        """The layers to cluster.

        Raises:
            UserError: the generator has no such layer, or too few pixels for so many clusters.
        """
        known = feature_layers(generator)
        chosen = self.layers
        if chosen is None:
            chosen = tuple(n for n in known if resolution_of(n) in (16, 32, 64)) or known[-2:]
        for name in chosen:
            if name not in known:
                raise unknown_name("layer", name, known)
            vectors = min(self.vectors, self.samples * resolution_of(name) ** 2)
            if max(self.clusters) > vectors:
                raise UserError(
                    f"clusters={max(self.clusters)}: {self.samples} samples of {name} have "
                    f"{vectors} vectors to cluster; use fewer clusters, or more samples."
                )
        return chosen

    def parts_of(self, reader: Reader) -> tuple[str, ...]:
        """The parts to judge by.

        Raises:
            UserError: the parser does not know one.
        """
        if self.parts is None:
            return tuple(n for n in WANTED if n in reader.parts) or tuple(reader.parts)
        for name in self.parts:
            if name not in reader.parts:
                raise unknown_name("part", name, reader.parts)
        return self.parts


@dataclass(frozen=True)
class Built:
    """What came of a plan.

    Attributes:
        catalogs: the best for every layer and number of clusters, with labels and scores where
            there is a reader; contributions only in the best of all.
        best: index of that with the greatest mean IoU on the images it was made from; without a
            reader the first.
    """

    catalogs: tuple[Catalog, ...]
    best: int

    @property
    def catalog(self) -> Catalog:
        """The best one."""
        return self.catalogs[self.best]


def build(
    generator: Generator,
    plan: Plan,
    seed: int,
    reader: Reader | None = None,
    progress: Progress | None = None,
) -> Built:
    """Cluster, name, and measure contributions.

    Args:
        generator: StyleGAN, StyleGAN2, or PGGAN (without contributions).
        plan: what is tried.
        seed: of samples and clustering.
        reader: whose parser names the clusters; None leaves them without names.
        progress: called with the numbers of steps done and to be done.

    Raises:
        UserError: there is no such layer or part, or more clusters than vectors.
    """
    layers = plan.layers_of(generator)
    looking = reader if reader is not None and reader.parser is not None and reader.parts else None
    work = _Work(generator, plan, seed, progress, 1 + len(layers) * len(plan.clusters) + 2)
    groups = _clustered(work, layers, plan.restarts if looking else 1)
    if looking is None:
        best, kept = 0, [group[0] for group in groups]
    else:
        best, kept = _named(work, groups, looking)
    work.step()
    contributions = _contributions(work, kept[best])
    notes = {**kept[best].notes, "compared": [_row(catalog) for catalog in kept]}
    kept[best] = replace(kept[best], contributions=contributions, notes=notes)
    work.step()
    return Built(tuple(kept), best)


@dataclass
class _Work:
    """What all steps share."""

    generator: Generator
    plan: Plan
    seed: int
    progress: Progress | None
    total: int
    done: int = 0

    def step(self) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)

    def batches(self, most: int | None = None, held_out: bool = False) -> Iterator[Codes]:
        """The samples of the plan, all or the first so many; or as many others."""
        count = min(self.plan.samples, most or self.plan.samples)
        random = torch.Generator().manual_seed(2 * self.seed + held_out)
        batch = images_at_once(self.generator)
        for start in range(0, count, _DRAWN):
            codes = self.generator.sample(_DRAWN, random)[: count - start]
            for first in range(0, len(codes), batch):
                yield codes[first : first + batch]


def _clustered(work: _Work, layers: Sequence[str], candidates: int) -> list[list[Catalog]]:
    """Catalogs without names, so many for every layer and number of clusters."""
    reservoirs = {name: Reservoir(work.plan.vectors, work.seed) for name in layers}
    for codes in work.batches():
        for name, values in features(work.generator, codes, layers).items():
            reservoirs[name].update(values)
    work.step()
    found = []
    for name in layers:
        vectors = reservoirs.pop(name).vectors()
        for count in work.plan.clusters:
            random = torch.Generator().manual_seed(work.seed)
            given = name, vectors, count, random, work.plan.restarts // candidates
            found.append([_catalog(work, *given) for _ in range(candidates)])
            work.step()
    return found


def _catalog(
    work: _Work, layer: str, vectors: Tensor, count: int, random: torch.Generator, restarts: int
) -> Catalog:
    clustering = spherical_kmeans(vectors, count, random, restarts)
    return Catalog(
        generator=work.generator.name,
        fingerprint=work.generator.fingerprint,
        layer=layer,
        centroids=clustering.centroids,
        samples=work.plan.samples,
        seed=work.seed,
        similarity=clustering.similarity,
        notes={"vectors": len(vectors), "iterations": clustering.iterations},
    )


def _named(
    work: _Work, groups: Sequence[Sequence[Catalog]], reader: Reader
) -> tuple[int, list[Catalog]]:
    """The best of every group with names from the samples' parts; and the best of all.

    What is best is told on the samples themselves, the scores are of other images.
    """
    wanted, parts = work.plan.parts_of(reader), tuple(reader.parts)
    everyone = [catalog for group in groups for catalog in group]
    counts = iter(_overlaps(work, everyone, reader, held_out=False))
    kept, ious = [], []
    for group in groups:
        named = []
        for catalog in group:
            own = next(counts)
            labels = automatic_labels(own, parts, wanted)
            named.append((mean_iou(scores(own, parts, labels, wanted), wanted), labels, catalog))
        iou, labels, catalog = max(named, key=lambda item: item[0])
        ious.append(iou)
        kept.append(replace(catalog, labels=labels))
    unseen = _overlaps(work, kept, reader, held_out=True)
    scored = []
    for catalog, own in zip(kept, unseen, strict=True):
        found = scores(own, parts, catalog.labels, wanted)
        notes = {**catalog.notes, "mean_iou": mean_iou(found, wanted), "parts": list(wanted)}
        scored.append(replace(catalog, scores=found, notes=notes))
    return max(range(len(ious)), key=lambda i: ious[i]), scored


def _overlaps(
    work: _Work, catalogs: Sequence[Catalog], reader: Reader, held_out: bool
) -> list[Tensor]:
    """Pixels of images by cluster and part, for every catalog ``[k, parts]``."""
    layers, parser = list(dict.fromkeys(c.layer for c in catalogs)), reader.parser
    if parser is None:
        raise ValueError("there is no parser")
    totals = [torch.zeros(c.count, len(reader.parts), dtype=torch.float64) for c in catalogs]
    for codes in work.batches(JUDGED, held_out):
        seen, images = features_and_images(work.generator, codes, layers)
        found = parser.parse(images)
        for total, catalog in zip(totals, catalogs, strict=True):
            maps = upsampled(catalog.assign(seen[catalog.layer]), catalog.count, found.shape[-1])
            total += overlaps(maps, found, catalog.count, len(reader.parts))
    return totals


def _contributions(work: _Work, catalog: Catalog) -> Contributions:
    """M of every layer that styles scale; none where there are no styles."""
    try:
        sources = styled_features(work.generator)
    except UserError:
        return Contributions({}, 0)
    streaming = StreamingContributions()
    layers = list(dict.fromkeys([catalog.layer, *sources.values()]))
    for codes in work.batches():
        seen = features(work.generator, codes, layers)
        own = {layer: seen[source] for layer, source in sources.items()}
        streaming.update(own, catalog.membership(seen[catalog.layer]))
    return streaming.result()


def _row(catalog: Catalog) -> dict[str, Any]:
    """One line of the comparison."""
    return {
        "layer": catalog.layer,
        "clusters": catalog.count,
        "similarity": catalog.similarity,
        "mean_iou": catalog.notes.get("mean_iou"),
        "scores": {name: score.plain() for name, score in catalog.scores.items()},
    }
