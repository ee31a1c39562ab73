"""The page of a semantic catalog: clusters over images, for a person to name; their scores."""

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from markupsafe import Markup
from torch import Tensor

from pipeline.report.images import shrink, to_pixels
from pipeline.report.markup import Picture, render_template
from pipeline.report.page import Page, PageSection, Record, write_page

LONGEST = 256
WIDTH = 96
_DIM = 0.22  # what is left of the light outside a cluster
_COVER = 0.6  # weight of a cluster's colour over an image


@dataclass(frozen=True)
class LabelRow:
    """A label: its clusters and, where a parser looked, IoU, purity and coverage of its part."""

    name: str
    clusters: Sequence[int]
    iou: float = float("nan")
    purity: float = float("nan")
    coverage: float = float("nan")


@dataclass(frozen=True)
class Alternative:
    """Another layer or number of clusters that was tried."""

    layer: str
    clusters: int
    similarity: float
    mean_iou: float = float("nan")
    ious: Mapping[str, float] = field(default_factory=dict)
    chosen: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class ClusterSheet:
    """Everything that the page shows.

    Attributes:
        title: heading of the page.
        facts: names and short texts below it.
        images: samples ``[n, 3, H, W]``, RGB, in [-1, 1].
        clusters: cluster of every pixel ``[n, H, W]``.
        count: number of clusters.
        labels: in the order of the catalog.
        alternatives: what was compared, the chosen one among them.
        file: name of the file of labels.
        record: how the catalog is made again.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    images: Tensor
    clusters: Tensor
    count: int
    labels: Sequence[LabelRow]
    alternatives: Sequence[Alternative]
    file: str
    record: Record


@dataclass(frozen=True)
class _Cluster:
    number: int
    colour: str
    labels: str
    share: float
    pictures: Sequence[Picture]


def write_clusters(sheet: ClusterSheet, path: Path) -> None:
    """Write the page, all or nothing.

    Raises:
        OSError: it cannot be written.
    """
    sections = [
        PageSection("overlays", "Clusters over images", _overlays(sheet)),
        PageSection("clusters", "Every cluster", _each(sheet)),
        PageSection("labels", "Labels", render_template("sections/labels.html.j2", _labels(sheet))),
    ]
    if len(sheet.alternatives) > 1:
        context = {"rows": sheet.alternatives, "parts": list(sheet.alternatives[0].ious)}
        body = render_template("sections/alternatives.html.j2", context)
        sections.append(PageSection("compared", "Layers and numbers compared", body))
    sections.append(sheet.record.section())
    write_page(Page(sheet.title, sheet.facts, (), sections), path)


def colours(count: int) -> Tensor:
    """Colours that tell clusters apart, float ``[count, 3]`` in [-1, 1]."""
    golden = 0.61803398875
    steps = [(k * golden % 1, (0.9, 0.55)[k % 2], (0.95, 0.8, 0.6)[k % 3]) for k in range(count)]
    return 2 * torch.tensor([colorsys.hsv_to_rgb(*step) for step in steps]) - 1


def overlay(images: Tensor, clusters: Tensor, count: int) -> Tensor:
    """Images ``[n, 3, H, W]`` under the colours of their clusters ``[n, H, W]``."""
    covers = colours(count)[clusters.cpu()].movedim(-1, 1)
    return torch.lerp(images.float().cpu(), covers, _COVER)


def spotlight(images: Tensor, inside: Tensor) -> Tensor:
    """Images ``[n, 3, H, W]``, dark where not inside ``[n, H, W]``."""
    light = torch.where(inside[:, None].cpu().bool(), 1.0, _DIM)
    return (images.float().cpu() + 1) * light - 1


def _overlays(sheet: ClusterSheet) -> Markup:
    covered = overlay(sheet.images, sheet.clusters, sheet.count)
    tones = colours(sheet.count)
    owners = _owners(sheet)
    rows = [
        ("images", [_picture(x, f"Sample {i}") for i, x in enumerate(sheet.images)]),
        ("clusters", [_picture(x, f"Clusters of sample {i}") for i, x in enumerate(covered)]),
    ]
    keys = [(k, _hex(tones[k]), owners.get(k, "")) for k in range(sheet.count)]
    return render_template("sections/overlays.html.j2", {"rows": rows, "keys": keys})


def _each(sheet: ClusterSheet) -> Markup:
    tones, owners = colours(sheet.count), _owners(sheet)
    rows = []
    for k in range(sheet.count):
        inside = sheet.clusters == k
        lit = spotlight(sheet.images, inside)
        pictures = [_picture(x, f"Cluster {k} in sample {i}") for i, x in enumerate(lit)]
        share = float(inside.double().mean())
        rows.append(_Cluster(k, _hex(tones[k]), owners.get(k, ""), share, pictures))
    return render_template("sections/clusters.html.j2", {"rows": rows})


def _labels(sheet: ClusterSheet) -> Mapping[str, object]:
    lines = [f"{row.name}: {list(row.clusters)}" for row in sheet.labels if row.clusters]
    scored = any(row.iou == row.iou for row in sheet.labels)
    return {
        "rows": sheet.labels,
        "scored": scored,
        "yaml": "\n".join(lines) or "mouth: [3, 7]",
        "file": sheet.file,
    }


def _owners(sheet: ClusterSheet) -> dict[int, str]:
    """Names of the labels that each cluster belongs to."""
    owners: dict[int, str] = {}
    for row in sheet.labels:
        for k in row.clusters:
            owners[k] = f"{owners[k]}, {row.name}" if k in owners else row.name
    return owners


def _picture(image: Tensor, alt: str) -> Picture:
    small = shrink(image, LONGEST)
    width = max(WIDTH, small.shape[-1] if small.shape[-1] <= 128 else WIDTH)
    return Picture.of(to_pixels(small), alt, width)


def _hex(colour: Tensor) -> str:
    return "#" + "".join(f"{round(float(c + 1) / 2 * 255):02x}" for c in colour)
