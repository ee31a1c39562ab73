"""From a semantic catalog to its page and its file of labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pipeline.generators.base import Codes, Generator
from pipeline.methods.catalog.activations import features_and_images
from pipeline.methods.catalog.catalog import Catalog, upsampled
from pipeline.methods.catalog.labels import write_labels
from pipeline.report.clusters import Alternative, ClusterSheet, LabelRow, write_clusters
from pipeline.report.page import Record

SHOWN = 8  # samples; the paper's annotators look at five to ten


def write_catalog(
    catalog: Catalog, generator: Generator, record: Record, folder: Path, name: str = "catalog"
) -> None:
    """Write ``catalog.safetensors``, its page, and its labels as YAML.

    Raises:
        UserError: the folder cannot be written.
    """
    catalog.save(folder / f"{name}.safetensors")
    write_labels(catalog.labels, folder / f"{name}_labels.yaml")
    write_clusters(sheet_of(catalog, generator, record, name), folder / f"{name}.html")


def sheet_of(
    catalog: Catalog, generator: Generator, record: Record, name: str = "catalog"
) -> ClusterSheet:
    """Everything that the page shows."""
    images, clusters = seen(catalog, generator)
    facts = [
        ("generator", catalog.generator),
        ("layer", catalog.layer),
        ("clusters", str(catalog.count)),
        ("samples", str(catalog.samples)),
        ("similarity", f"{catalog.similarity:.3f}"),
    ]
    mean = catalog.notes.get("mean_iou")
    if mean is not None and catalog.scores:
        facts.append(("mean IoU", f"{mean:.3f}"))
    rows = [_row(label, catalog) for label in dict.fromkeys([*catalog.scores, *catalog.labels])]
    return ClusterSheet(
        title=f"Semantic catalog: {catalog.layer}, {catalog.count} clusters",
        facts=facts,
        images=images,
        clusters=clusters,
        count=catalog.count,
        labels=rows,
        alternatives=[_alternative(row, catalog) for row in catalog.notes.get("compared", ())],
        file=f"{name}_labels.yaml",
        record=record,
    )


def seen(catalog: Catalog, generator: Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples that the catalog was not made from, and their clusters ``[n, H, W]``."""
    random = torch.Generator().manual_seed(2 * catalog.seed + 1)
    codes: Codes = generator.sample(SHOWN, random)
    found, images = features_and_images(generator, codes, [catalog.layer])
    return images, upsampled(
        catalog.assign(found[catalog.layer]), catalog.count, generator.resolution
    )


def _row(label: str, catalog: Catalog) -> LabelRow:
    clusters = catalog.labels.get(label, ())
    if label not in catalog.scores:
        return LabelRow(label, clusters)
    score = catalog.scores[label]
    return LabelRow(label, clusters, score.iou, score.purity, score.coverage)


def _alternative(row: Mapping[str, Any], catalog: Catalog) -> Alternative:
    wanted = catalog.notes.get("parts", ())
    found = float("nan") if row["mean_iou"] is None else row["mean_iou"]
    return Alternative(
        row["layer"],
        row["clusters"],
        row["similarity"],
        found,
        {name: row["scores"][name]["iou"] for name in wanted if name in row["scores"]},
        (row["layer"], row["clusters"]) == (catalog.layer, catalog.count),
    )
