"""Products with the Gram matrices of an image's Jacobian, without the matrices."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from pipeline.methods.clock import now
from pipeline.methods.jacobian import CHUNK, ImageFunction, Linearisation


class GramProducts:
    """Products with M_f and M_b: J'J over the rows inside and outside of a region, by their number.

    J v comes from forward mode, and from it, cut to either side, J'J v from reverse mode.

    Memory: a recording per image up to ``max_bytes`` in all (images beyond it are recorded anew for
    every call), and what ``chunk`` vectors need on their way through the network.

    Args:
        functions: one per image, latent ``[d]`` to image ``[c, h, w]``, all of one shape.
        point: the latent ``[d]`` to differentiate each of them at.
        masks: not zero inside; ``[h, w]`` or, for each image, ``[n, h, w]``.
        chunk: vectors multiplied at a time.
        max_bytes: bound on the recordings that are kept.

    Attributes:
        point: as given; products are of its dtype's precision.
        seconds: that the products have taken so far.
    """

    def __init__(
        self,
        functions: Sequence[ImageFunction],
        point: Tensor,
        masks: Tensor,
        chunk: int = CHUNK,
        max_bytes: int = 2**30,
    ) -> None:
        self.point, self.seconds = point, 0.0
        self._functions, self._chunk, self._max_bytes = functions, chunk, max_bytes
        inside = (masks != 0).to(point.device).expand(len(functions), *masks.shape[-2:])
        self._sides = torch.stack([inside, ~inside])
        self._kept: dict[int, Linearisation] = {}

    def pixels(self, inside: bool = True) -> int:
        """Pixels inside (or outside) of the region, over all images."""
        return int(self._sides[0 if inside else 1].sum())

    def __call__(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """M_f v and M_b v for each v of ``[m, d]``, both ``[m, d]`` in float64."""
        began = now(self.point.device)
        sums = torch.zeros(2, *vectors.shape, dtype=torch.float64, device=vectors.device)
        channels = 1
        for number, linear in self._linearisations():
            channels = len(linear.value)
            for low in range(0, len(vectors), self._chunk):
                part = slice(low, low + self._chunk)
                images = linear.push(vectors[part].to(self.point.dtype))
                for total, side in zip(sums, self._sides[:, number], strict=True):
                    total[part] += linear.pull(images * side).double()
        self.seconds += now(self.point.device) - began
        return (
            sums[0] / (channels * self.pixels(inside=True)),
            sums[1] / (channels * self.pixels(inside=False)),
        )

    def _linearisations(self) -> Iterator[tuple[int, Linearisation]]:
        for number, function in enumerate(self._functions):
            linear = self._kept.get(number) or Linearisation(function, self.point)
            held = sum(kept.num_bytes for kept in self._kept.values())
            if number not in self._kept and held + linear.num_bytes <= self._max_bytes:
                self._kept[number] = linear
            yield number, linear
