"""Gram matrices of an image's Jacobian over regions of the image, in bounded memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.methods.jacobian import ImageFunction, columns

Progress = Callable[[int, int], None]

_BAND = 2**22  # entries of the float64 copies made on the way to a product: 32 MiB


@dataclass(frozen=True, eq=False)
class Grams:
    """Gram matrices J'J of the pixels inside and outside of regions, summed over images.

    Pixels that lie in the same regions share one matrix. What is inside or outside of a region is a
    sum of such matrices: neither is ever the small difference of two large ones.

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
        return torch.stack([self.sums[p] for p in self._patterns(region, inside)]).sum(0) / rows

    def _patterns(self, region: int, inside: bool) -> list[int]:
        return [p for p in self.sums if bool(p >> region & 1) == inside]


def gram_matrices(
    functions: Sequence[ImageFunction],
    point: Tensor,
    masks: Tensor,
    chunk: int = 32,
    max_bytes: int = 2**30,
    progress: Progress | None = None,
) -> Grams:
    """J'J inside and outside of regions, over several images, in one pass.

    Memory: a panel of one image's Jacobian of at most ``max_bytes`` (at least ``chunk`` columns) is
    held in the function's dtype, and a few dozen MiB of it in float64; beside these, the result
    (8 d^2 bytes per pattern of regions) and what ``chunk`` columns need, with the function's own
    intermediates. Where all of the Jacobian fits, each column is computed once; with P panels, the
    columns right of a panel are computed again to be multiplied with it, (P + 1) / 2 times each on
    average.

    Args:
        functions: one per image, latent ``[d]`` to image ``[c, h, w]``, all of one shape.
        point: the latent ``[d]`` to differentiate each of them at.
        masks: not zero inside; ``[k, h, w]`` for k regions, or ``[n, k, h, w]`` for each image.
        chunk: columns computed at a time.
        max_bytes: bound on the panel.
        progress: called with the numbers of columns done and to be done.

    Raises:
        ValueError: the images do not have the size of the masks.
    """
    sums: dict[int, Tensor] = {}
    rows: dict[int, int] = {}
    counter = _Counter(len(functions), progress)
    per_image = masks.to(point.device).expand(len(functions), *masks.shape[-3:])
    for function, mask in zip(functions, per_image, strict=True):
        image = _ImageJacobian.of(function, point, mask, chunk)
        width = panel_width(len(point), image.column_bytes, chunk, max_bytes)
        for left, right, i, j in image.block_pairs(width, counter):
            for pattern, part in image.parts.items():
                if pattern not in sums:
                    sums[pattern] = point.new_zeros(len(point), len(point), dtype=torch.float64)
                sums[pattern][i, j] += _product(left[:, part], right[:, part])
        for pattern, part in image.parts.items():
            rows[pattern] = rows.get(pattern, 0) + part.stop - part.start
    return Grams({p: upper.triu() + upper.triu(1).T for p, upper in sums.items()}, rows)


def panel_width(d: int, column_bytes: int, chunk: int, max_bytes: int) -> int:
    """Columns of a Jacobian that fit into ``max_bytes``: at least ``chunk``, at most all ``d``."""
    return min(d, max(chunk, max_bytes // column_bytes))


class _Counter:
    """Columns done so far, told to whoever wants to know."""

    def __init__(self, images: int, progress: Progress | None) -> None:
        self.images, self.progress, self.done = images, progress, 0

    def add(self, count: int, per_image: int) -> None:
        self.done += count
        if self.progress is not None:
            self.progress(self.done, per_image * self.images)


@dataclass(frozen=True, eq=False)
class _ImageJacobian:
    """The Jacobian of one image by blocks of columns, its rows sorted by region."""

    function: ImageFunction
    point: Tensor
    chunk: int
    column_bytes: int
    order: Tensor
    parts: dict[int, slice]  # by pattern of regions, the rows that lie in it

    @classmethod
    def of(
        cls, function: ImageFunction, point: Tensor, masks: Tensor, chunk: int
    ) -> "_ImageJacobian":
        with torch.no_grad():
            image = function(point)
        if image.ndim != 3 or image.shape[1:] != masks.shape[1:]:
            raise ValueError(f"image {tuple(image.shape)} does not fit masks {tuple(masks.shape)}")
        bits = 2 ** torch.arange(len(masks), device=masks.device)
        patterns = ((masks != 0).flatten(1) * bits[:, None]).sum(0)
        found, counts = torch.unique(patterns, return_counts=True)
        ends = (counts.cumsum(0) * image.shape[0]).tolist()
        parts = map(slice, [0, *ends[:-1]], ends)
        column_bytes = image.numel() * image.element_size()
        order = patterns.argsort(stable=True)
        named = dict(zip(found.tolist(), parts, strict=True))
        return cls(function, point, chunk, column_bytes, order, named)

    def block_pairs(
        self, width: int, counter: _Counter
    ) -> Iterator[tuple[Tensor, Tensor, slice, slice]]:
        """Column blocks whose products make up the upper triangle of J'J, and which they are."""
        d = len(self.point)
        evaluations = sum(d - start for start in range(0, d, width))
        for start in range(0, d, width):
            panel = slice(start, min(start + width, d))
            held = self.point.new_empty(0)
            for part, block in self._blocks(panel):
                if part.start == start:
                    held = block.new_empty(panel.stop - start, block.shape[1])
                held[part.start - start : part.stop - start] = block
                counter.add(len(block), evaluations)
            yield held, held, panel, panel
            for part, block in self._blocks(slice(panel.stop, d)):
                yield held, block, panel, part
                counter.add(len(block), evaluations)

    def _blocks(self, span: slice) -> Iterator[tuple[slice, Tensor]]:
        """Blocks ``[m, rows]`` of columns; the channels of a pixel lie side by side."""
        for low in range(span.start, span.stop, self.chunk):
            part = slice(low, min(low + self.chunk, span.stop))
            block = columns(self.function, self.point, part.start, part.stop)
            yield part, block.flatten(2)[:, :, self.order].transpose(1, 2).flatten(1)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """``left @ right.T`` of ``[a, rows]`` and ``[b, rows]`` in float64, by bands of rows."""
    band = max(1, _BAND // len(left))
    total = left.new_zeros(len(left), len(right), dtype=torch.float64)
    for low in range(0, left.shape[1], band):
        part = slice(low, low + band)
        total.addmm_(left[:, part].double(), right[:, part].double().T)
    return total
