"""Jacobians of images by forward mode.

A generator has far fewer latent dimensions than pixels, so the columns of its Jacobian (one forward
derivative per latent dimension) cost far less than its rows (one backward pass per pixel).
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.func import jvp, vmap

ImageFunction = Callable[[Tensor], Tensor]


def jacobian(function: ImageFunction, point: Tensor, chunk: int = 32) -> Tensor:
    """Jacobian of an image with respect to a flat latent (ReSeFa, Zhu et al. 2022, Eq. 4).

    Holds all of it; :func:`pipeline.methods.gram.gram_matrices` needs less.

    Args:
        function: latent ``[d]`` to an image ``[c, h, w]`` (or a tensor of any other shape).
        point: the latent ``[d]`` to differentiate at.
        chunk: columns computed at a time.

    Returns:
        ``[c, h, w, d]`` in the function's dtype.
    """
    d = len(point)
    blocks = [columns(function, point, low, min(low + chunk, d)) for low in range(0, d, chunk)]
    return torch.cat(blocks).movedim(0, -1)


def columns(function: ImageFunction, point: Tensor, start: int, stop: int) -> Tensor:
    """Columns ``start..stop`` of the Jacobian, ``[stop - start, c, h, w]``, in one batch."""
    tangents = torch.zeros(stop - start, len(point), dtype=point.dtype, device=point.device)
    tangents.diagonal(start).fill_(1)

    def column(tangent: Tensor) -> Tensor:
        derivative: Tensor = jvp(function, (point,), (tangent,))[1]
        return derivative

    with torch.no_grad(), _full_precision(), warnings.catch_warnings():
        # torch compiles its forward-mode rules on first use, by its own deprecated function.
        warnings.filterwarnings("ignore", message="`torch.jit.script` is")
        batch: Tensor = vmap(column)(tangents)
    return batch


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
