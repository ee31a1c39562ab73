"""How good the small conditional generators are: do samples show the class, paintings the map?

All is read by the embedded evaluators off samples and renders alike. Intervals (95 %) are those of
the samples; the data counts as known.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.datasets.face_classes import CLASSES, classes_of
from pipeline.datasets.procfaces.factors import sample_factors
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.datasets.procfaces.render import render
from pipeline.datasets.rendered_maps import RenderedMaps
from pipeline.evaluators.quality import Score, bootstrap, iou_scores
from pipeline.generators.base import Codes
from pipeline.generators.class_conditional import ClassConditional
from pipeline.generators.pix2pixhd import Pix2PixHD
from pipeline.training.quality import BATCH, Bar, Readers, assess

DRAWN = 2048
"""Faces drawn at a time until there are enough of every class."""


@dataclass(frozen=True)
class ClassQuality:
    """How good a class-conditional generator is.

    Attributes:
        classes: share of each class's samples that is read as of the class, then of all.
        renders: the same of renders, which is as well as classes are read.
        bars: see :func:`pipeline.training.quality.assess`, against renders of balanced classes.
    """

    classes: tuple[Score, ...]
    renders: tuple[Score, ...]
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class PaintingQuality:
    """How good a painter of label maps is.

    Attributes:
        parts: intersection over union of the map and of what the parser sees in the painting, by
            part, then their mean.
        renders: the same of the renders that the maps belong to: as well as parts are read.
        bars: see :func:`pipeline.training.quality.assess`, against these and as many renders more.
    """

    parts: tuple[Score, ...]
    renders: tuple[Score, ...]
    bars: tuple[Bar, ...]


def balanced_factors(each: int, seed: int) -> tuple[Tensor, Tensor]:
    """Factors of ``each`` faces of every class, in turns, and their classes."""
    generator = torch.Generator().manual_seed(seed)
    found: list[Tensor] = [torch.empty(0)] * len(CLASSES)
    while min(len(faces) for faces in found) < each:
        factors = sample_factors(DRAWN, generator)
        labels = classes_of(factors)
        drawn = [factors[labels == i] for i in range(len(CLASSES))]
        found = [torch.cat([a, b]) if len(a) else b for a, b in zip(found, drawn, strict=True)]
    chosen = torch.stack([faces[:each] for faces in found], dim=1).flatten(0, 1)
    return chosen, torch.arange(len(CLASSES)).repeat(each)


def class_quality(
    network: ClassConditional, samples: int, seed: int, readers: Readers
) -> ClassQuality:
    """Quality of about ``samples`` samples against twice as many renders, all classes alike."""
    each = -(-samples // len(CLASSES))
    factors, labels = balanced_factors(2 * each, seed + 1)
    data = readers.read(render(part).images for part in factors.split(BATCH))
    codes = class_codes(network, each, seed)
    read = readers.read(_images(network, codes))
    return ClassQuality(
        _accuracy(classes_of(read.factors), labels[: len(codes)]),
        _accuracy(classes_of(data.factors), labels),
        assess(read, data, readers.regressor.readable),
    )


def class_codes(network: ClassConditional, each: int, seed: int) -> Codes:
    """Codes of ``each`` samples of every class, in turns."""
    codes = network.sample(each * len(CLASSES), torch.Generator().manual_seed(seed))
    return Codes(codes.space, codes.values, torch.arange(len(CLASSES)).repeat(each))


def painting_quality(
    network: Pix2PixHD, samples: int, seed: int, readers: Readers
) -> PaintingQuality:
    """Quality of paintings of ``samples`` maps of fresh renders."""
    maps = RenderedMaps(2 * samples, seed, network.resolution)
    rendered = [render(part, maps.size) for part in maps.factors.split(BATCH)]
    labels = torch.cat([rendering.labels for rendering in rendered])
    data = readers.read(rendering.images for rendering in rendered)
    codes = network.codes(maps[torch.arange(samples)])
    painted = list(_images(network, codes))
    renders = [rendering.images for rendering in rendered]
    return PaintingQuality(
        _overlap(readers, painted, labels[:samples]),
        _overlap(readers, renders, labels),
        assess(readers.read(painted), data, readers.regressor.readable),
    )


@torch.inference_mode()
def _images(network: ClassConditional | Pix2PixHD, codes: Codes) -> Iterator[Tensor]:
    for start in range(0, len(codes), BATCH):
        yield network.render(codes[start : start + BATCH]).clamp(-1, 1).cpu()


def _accuracy(read: Tensor, labels: Tensor) -> tuple[Score, ...]:
    right = (read == labels).double()
    scores = [_share(right[labels == i]) for i in range(len(CLASSES))]
    return *scores, _share(right)


def _share(right: Tensor) -> Score:
    return bootstrap(lambda index: right[index].mean(0, keepdim=True), len(right))[0]


@torch.inference_mode()
def _overlap(readers: Readers, images: list[Tensor], labels: Tensor) -> tuple[Score, ...]:
    seen = torch.cat([readers.parser.parse(batch) for batch in images])
    return tuple(iou_scores(seen, labels, len(PARTS)))
