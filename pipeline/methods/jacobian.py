"""Jacobians of images by forward mode, and products with them.

A generator has far fewer latent dimensions than pixels, so the columns of its Jacobian (one forward
derivative per latent dimension) cost far less than its rows (one backward pass per pixel).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

from pipeline.methods.recording import NotRecordableError, Recording, quiet, record

ImageFunction = Callable[[Tensor], Tensor]

CHUNK = 8  # columns at a time: more are no faster on a CPU, and take their memory


class Linearisation:
    """The derivative J of an image at a point, recorded once and multiplied with many vectors.

    Memory: the values that the derivative reads, about those of one backward pass.

    Attributes:
        point: the latent ``[d]``.
        value: the image ``[c, h, w]`` there.
    """

    def __init__(self, function: ImageFunction, point: Tensor) -> None:
        self.point, self._function = point, function
        self._recording: Recording | None = None
        with _full_precision():
            try:
                self._recording = record(function, point)
            except NotRecordableError:
                with torch.no_grad():
                    self.value = function(point)
            else:
                self.value = self._recording.value

    def columns(self, start: int, stop: int) -> Tensor:
        """Columns ``start..stop`` of J, ``[stop - start, c, h, w]``, in one batch."""
        tangents = self.point.new_zeros(stop - start, len(self.point))
        tangents.diagonal(start).fill_(1)
        return self.push(tangents)

    def push(self, tangents: Tensor) -> Tensor:
        """J v for each v of ``[m, d]``: ``[m, c, h, w]``, in one batch."""
        with torch.no_grad(), quiet(), _full_precision():
            images: Tensor = vmap(self._along)(tangents)
        return images

    def pull(self, cotangents: Tensor) -> Tensor:
        """J'u for each u of ``[m, c, h, w]``: ``[m, d]``, in one batch."""
        with torch.no_grad(), quiet(), _full_precision():
            function = self._recording.along if self._recording else self._function
            backward = vjp(function, self.point)[1]  # what is linear has one derivative everywhere
            latents: Tensor = vmap(backward)(cotangents)[0]
        return latents

    @property
    def num_bytes(self) -> int:
        """Memory that it holds on to."""
        return 0 if self._recording is None else self._recording.num_bytes

    def _along(self, tangent: Tensor) -> Tensor:
        if self._recording is not None:
            return self._recording.along(tangent)
        derivative: Tensor = jvp(self._function, (self.point,), (tangent,))[1]
        return derivative


def jacobian(function: ImageFunction, point: Tensor, chunk: int = CHUNK) -> Tensor:
    """Jacobian of an image with respect to a flat latent (ReSeFa, Zhu et al. 2022, Eq. 4).

    Holds all of it; :func:`pipeline.methods.gram.gram_matrices` needs less.

    Args:
        function: latent ``[d]`` to an image ``[c, h, w]`` (or a tensor of any other shape).
        point: the latent ``[d]`` to differentiate at.
        chunk: columns computed at a time.

    Returns:
        ``[c, h, w, d]`` in the function's dtype.
    """
    d, linear = len(point), Linearisation(function, point)
    blocks = [linear.columns(low, min(low + chunk, d)) for low in range(0, d, chunk)]
    return torch.cat(blocks).movedim(0, -1)


@contextmanager
def _full_precision() -> Iterator[None]:
    """No TF32: its errors, squared, would drown the small eigenvalues of a background matrix."""
    convolutions = torch.backends.cudnn.allow_tf32
    products = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.backends.cuda.matmul.allow_tf32 = products
