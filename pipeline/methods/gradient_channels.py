"""Localised style channels by their gradients (StyleSpace, Wu et al. 2021, Sec. 4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from pipeline.generators.base import Codes, Generator
from pipeline.methods.channel_locality import Localisation, majority, overlaps, votes
from pipeline.methods.gram import Progress
from pipeline.methods.jacobian import Linearisation
from pipeline.methods.region_grams import averaged

COVERED = 0.5  # a region holds a part when it holds at least this share of the part's pixels


class Target(StrEnum):
    """What of a region a channel must act on: the parts that it holds, or all of its pixels."""

    PARTS = "parts"
    REGION = "region"


@dataclass(frozen=True, eq=False)
class Semantics:
    """What is where in some images.

    Attributes:
        labels: class of each cell, int64 ``[n, g, g]``; a class of its own for what does not count.
        classes: number of classes that count; the last one is the target.
    """

    labels: Tensor
    classes: int

    @property
    def target(self) -> int:
        """The class that channels are looked for."""
        return self.classes - 1


def semantics(
    labels: Tensor, mask: Tensor, parts: int, target: Target, grid: int
) -> Semantics | None:
    """The parts of some images, with the target as a class of its own.

    Args:
        labels: part ids ``[n, H, H]``.
        mask: the region, not zero inside, ``[n or 1, H, H]``.
        parts: number of parts.
        target: what becomes the target; with ``region``, what the mask leaves of the parts that it
            holds does not count.
        grid: the majority of each of so many cells along a side is taken.

    Returns:
        None where no image shows the target.
    """
    labels, inside = labels.long(), (mask != 0).expand(labels.shape)
    totals = torch.bincount(labels.flatten(), minlength=parts)
    within = torch.bincount(labels[inside], minlength=parts)
    held = ((within >= COVERED * totals) & (totals > 0))[labels]
    wanted = held if target == Target.PARTS else inside
    full = torch.where(wanted, parts, torch.where(held, parts + 1, labels))
    cells = majority(full, grid, parts + 2)
    return Semantics(cells, parts + 1) if bool((cells == parts).any()) else None


@dataclass(frozen=True, eq=False)
class Search:
    """What the gradients of some channels say.

    Attributes:
        channels: components of s, int64 ``[k]``.
        localisation: of these channels.
        strengths: mean magnitude of a channel's gradient on the target, float64 ``[k]``.
    """

    channels: Tensor
    localisation: Localisation
    strengths: Tensor


def search(
    generator: Generator,
    styles: Codes,
    seen: Semantics,
    layers: Mapping[str, slice],
    discount: float,
    chunk: int,
    progress: Progress | None = None,
) -> Search:
    """Look at the gradients of every channel in every image, by forward mode.

    Args:
        generator: makes the images.
        styles: n codes in s.
        seen: what their images show, on a grid that divides the resolution.
        layers: where the channels of each layer lie in s.
        discount: see :func:`votes`.
        chunk: channels computed at a time.
        progress: called with the numbers of channels done and to be done, over all images.
    """
    channels = torch.cat([torch.arange(part.start, part.stop) for part in layers.values()])
    counts = torch.zeros(len(channels), seen.classes, dtype=torch.long)
    strengths = torch.zeros(len(channels), dtype=torch.float64)
    shown = torch.zeros(seen.classes, dtype=torch.long)
    done, total = 0, len(channels) * len(styles)
    for index, cells in enumerate(seen.labels.flatten(1).cpu()):
        areas = torch.bincount(cells, minlength=seen.classes)[: seen.classes]
        inside, row = cells == seen.target, 0
        for maps in _maps(generator, styles[index : index + 1], seen, layers.values(), chunk):
            part = slice(row, row + len(maps))
            counts[part] += votes(overlaps(maps, cells, seen.classes), areas, discount)
            if bool(inside.any()):
                strengths[part] += maps[:, inside].double().mean(dim=1)
            row, done = part.stop, done + len(maps)
            if progress is not None:
                progress(done, total)
        shown += (areas > 0).long()
    return Search(channels, Localisation(counts, shown), strengths / shown[seen.target])


def _maps(
    generator: Generator, code: Codes, seen: Semantics, layers: Iterable[slice], chunk: int
) -> Iterable[Tensor]:
    """Gradient magnitudes of blocks of channels ``[m, cells]``, averaged over colours."""
    grid = seen.labels.shape[-1]

    def image(styles: Tensor) -> Tensor:
        return averaged(generator.render(code.with_values(styles[None]))[0], grid)

    linear = Linearisation(image, code.values[0])
    for part in layers:
        for low in range(part.start, part.stop, chunk):
            block = linear.columns(low, min(low + chunk, part.stop))
            yield block.abs().mean(dim=1).flatten(1).cpu()
