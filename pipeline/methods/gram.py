"""Gram matrices of an image's Jacobian over regions of the image, in bounded memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.methods.column_store import ColumnStore, column_store
from pipeline.methods.jacobian import CHUNK, ImageFunction, Linearisation

Progress = Callable[[int, int], None]

_BAND = 2**20  # entries of the float64 copies made on the way to a product: 8 MiB
_BLOCKS = 8  # of columns, in a symmetric product: it takes 9/16 of the time of a full one


@dataclass(frozen=True, eq=False)
class Grams:
    """Gram matrices J'J of the pixels inside and outside of regions, summed over images.

    Pixels that lie in the same regions share one matrix. What is inside or outside of a region is a
    sum of such matrices: neither is ever the small difference of two large ones, as the matrix of
    the background is where it is taken as all minus the foreground.

    Attributes:
        sums: by pattern (bit k is set inside region k), float64 ``[d, d]``.
        rows: by pattern, the number of rows of J (pixels times channels, over all images).
    """

    sums: Mapping[int, Tensor]
    rows: Mapping[int, int]

    def count(self, region: int = 0, inside: bool = True) -> int:
        """Rows of J inside (or outside) of a region."""
        return sum(self.rows[p] for p in self._patterns(region, inside))

    def mean(self, region: int = 0, inside: bool = True) -> Tensor:
        """J'J / rows over the rows inside (or outside) of a region, float64 ``[d, d]``.

        Raises:
            ValueError: there are no such rows.
        """
        rows = self.count(region, inside)
        if rows == 0:
            raise ValueError(f"no pixel {'inside' if inside else 'outside'} of region {region}")
        total, *others = [self.sums[p] for p in self._patterns(region, inside)]
        for other in others:
            total = total + other
        return total / rows

    def _patterns(self, region: int, inside: bool) -> list[int]:
        return [p for p in self.sums if bool(p >> region & 1) == inside]


def gram_matrices(
    functions: Sequence[ImageFunction],
    point: Tensor,
    masks: Tensor,
    chunk: int = CHUNK,
    max_bytes: int = 2**30,
    progress: Progress | None = None,
) -> Grams:
    """J'J inside and outside of regions, over several images, in one pass.

    Each column of a Jacobian is computed once and each of its rows multiplied once, however many
    regions there are.

    Memory: the Jacobian of one image is held in the function's dtype, in a temporary file where it
    takes more than ``max_bytes``; beside it a few MiB in float64, the result (8 d^2 bytes per
    pattern of regions) and what ``chunk`` columns need, with the function's own intermediates.

    Args:
        functions: one per image, latent ``[d]`` to image ``[c, h, w]``, all of one shape.
        point: the latent ``[d]`` to differentiate each of them at.
        masks: not zero inside; ``[k, h, w]`` for k regions, or ``[n, k, h, w]`` for each image.
        chunk: columns computed at a time.
        max_bytes: bound on the part of the Jacobian that is held in memory.
        progress: called with the numbers of columns done and to be done.

    Raises:
        ValueError: the images do not have the size of the masks, or there are over 60 regions.
        UserError: there is no room for the temporary file.
    """
    d = len(point)
    sums: dict[int, Tensor] = {}
    rows: dict[int, int] = {}
    counter = _Counter(d * len(functions), progress)
    per_image = masks.to(point.device).expand(len(functions), *masks.shape[-3:])
    for function, mask in zip(functions, per_image, strict=True):
        with torch.no_grad():
            image = function(point)
        order, parts = _sorted_rows(image, mask)
        with column_store(d, image.flatten(), max_bytes) as store:
            _fill(store, function, point, order, chunk, counter)
            for pattern, part in parts.items():
                if pattern not in sums:
                    sums[pattern] = point.new_zeros(d, d, dtype=torch.float64)
                _add_product(sums[pattern], store, part)
        for pattern, part in parts.items():
            rows[pattern] = rows.get(pattern, 0) + part.stop - part.start
    return Grams({p: upper.triu() + upper.triu(1).T for p, upper in sums.items()}, rows)


class _Counter:
    """Columns done so far, told to whoever wants to know."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total, self.progress, self.done = total, progress, 0

    def add(self, count: int) -> None:
        self.done += count
        if self.progress is not None:
            self.progress(self.done, self.total)


def _sorted_rows(image: Tensor, masks: Tensor) -> tuple[Tensor, dict[int, slice]]:
    """The rows of J by the regions that they lie in: their order, and by pattern where they are."""
    if image.ndim != 3 or image.shape[1:] != masks.shape[1:]:
        raise ValueError(f"image {tuple(image.shape)} does not fit masks {tuple(masks.shape)}")
    if len(masks) > 60:
        raise ValueError(f"{len(masks)} regions at once: at most 60")
    bits = 2 ** torch.arange(len(masks), device=masks.device)
    patterns = ((masks != 0).flatten(1) * bits[:, None]).sum(0).repeat(len(image))
    found, counts = torch.unique(patterns, return_counts=True)
    ends = counts.cumsum(0).tolist()
    parts = map(slice, [0, *ends[:-1]], ends)
    return patterns.argsort(stable=True), dict(zip(found.tolist(), parts, strict=True))


def _fill(
    store: ColumnStore,
    function: ImageFunction,
    point: Tensor,
    order: Tensor,
    chunk: int,
    counter: _Counter,
) -> None:
    """Compute all columns and keep them with their rows in order."""
    linear = Linearisation(function, point)
    for part in _pieces(slice(0, len(point)), chunk):
        block = linear.columns(part.start, part.stop).flatten(1)
        store.write(part.start, block[:, order])
        counter.add(len(block))


def _add_product(total: Tensor, store: ColumnStore, part: slice) -> None:
    """Add J'J over some rows of J to the upper triangle of ``[d, d]``, in float64."""
    d = len(total)
    for rows in _pieces(part, max(1, _BAND // d)):
        band = store.read(rows).double()
        for block in _pieces(slice(0, d), -(-d // _BLOCKS)):
            total[block, block.start :].addmm_(band[block], band[block.start :].T)


def _pieces(span: slice, length: int) -> Iterator[slice]:
    for low in range(span.start, span.stop, length):
        yield slice(low, min(low + length, span.stop))
