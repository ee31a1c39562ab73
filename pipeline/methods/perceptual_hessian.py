"""The Hessian of a perceptual distance with respect to one kernel (NaviGAN, Sec. 3.3).

The distances are squared lengths, d(a, b) = ||f(a) - f(b)||^2 with f the weighted, normalised
features of LPIPS (Zhang et al. 2018, Eq. 1). At a = b the term with f's second derivative is zero,
so that the Hessian of d(G_theta(z), G_theta+alpha(z)) at alpha = 0 is 2 J'J, with J the derivative
of f(G_theta+alpha(z)). A product with it is exact, and costs one forward and one backward
derivative; no image is held against another, and there is nothing to difference.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.generators.base import Codes, Generator
from pipeline.methods.jacobian import Linearisation
from pipeline.methods.weight_shift import kernel_of, render_shifted

MAX_BYTES = 2**31  # of derivatives that are kept recorded between products
AT_ONCE = 4  # vectors


class PerceptualEmbedding(Protocol):
    """Maps images to vectors whose squared distances are a perceptual distance."""

    @property
    def name(self) -> str:
        """The name of the distance."""

    def __call__(self, images: Tensor) -> Tensor:
        """``[n, f]`` of images ``[n, 3, H, W]`` in [-1, 1], differentiable."""


class PerceptualHessian:
    """H = the mean over codes of the Hessian of d(G_theta(z), G_theta+alpha(z)) at alpha = 0.

    Args:
        generator: G, in evaluation mode.
        codes: the codes z.
        layer: whose kernel alpha is added to.
        embedding: f.
        batch: codes at a time.
        resolution: images are resampled to this size (nearest) before they are looked at; None
            leaves them.
        max_bytes: bound on the memory of recorded derivatives.

    Attributes:
        point: zero ``[d]``, in the dtype and on the device of the kernel; alpha is flat.
        passes: batches sent through generator and features so far: forward, forward derivative and
            backward count one each.
    """

    def __init__(
        self,
        generator: Generator,
        codes: Codes,
        layer: str,
        embedding: PerceptualEmbedding,
        batch: int = 8,
        resolution: int | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        kernel = kernel_of(generator, layer, "The Hessian of a kernel")
        self._generator, self._codes, self._layer = generator, codes, layer
        self._embedding, self._batch, self._resolution = embedding, batch, resolution
        self._shape, self._max_bytes = kernel.shape, max_bytes
        self.point = torch.zeros_like(kernel).flatten()
        self.passes = 0
        self._recorded: dict[int, Linearisation] = {}
        self._references: dict[int, Tensor] = {}

    def features(self, codes: Codes, alpha: Tensor) -> Tensor:
        """Vectors f of the images with the kernel moved by alpha ``[d]``, ``[n, f]``."""
        shifts = {self._layer: alpha.reshape(self._shape)}
        images = render_shifted(self._generator, codes, shifts)
        if self._resolution is not None and images.shape[-1] != self._resolution:
            images = F.interpolate(images, (self._resolution, self._resolution), mode="nearest")
        return self._embedding(images)

    def distance(self, alpha: Tensor) -> Tensor:
        """The mean of d(G_theta(z), G_theta+alpha(z)) over the codes; twice differentiable."""
        told = [
            (self.features(codes, alpha) - self.features(codes, self.point)).square().sum()
            for _, codes in self._batches()
        ]
        return torch.stack(told).sum() / len(self._codes)

    def multiply(
        self, vectors: Tensor, progress: Callable[[int, int], None] | None = None
    ) -> Tensor:
        """H v for each v of ``[m, d]``, exactly."""
        total = torch.zeros_like(vectors)
        for number, codes in self._batches():
            linear = self._linearised(number, codes)
            for first in range(0, len(vectors), AT_ONCE):
                few = vectors[first : first + AT_ONCE]
                total[first : first + AT_ONCE] += linear.pull(linear.push(few))
                self.passes += 2 * len(few)
        return total * (2 / len(self._codes))

    def gradient(self, alpha: Tensor) -> Tensor:
        """The gradient of :meth:`distance`, ``[d]``; the unmoved images are looked at only once."""
        total = torch.zeros_like(alpha)
        for number, codes in self._batches():
            if number not in self._references:
                with torch.no_grad():
                    self._references[number] = self.features(codes, self.point)
                self.passes += 1
            moved = alpha.detach().requires_grad_()
            away = self.features(codes, moved) - self._references[number]
            total += torch.autograd.grad(away.square().sum(), moved)[0]
            self.passes += 2
        return total / len(self._codes)

    def _batches(self) -> Iterator[tuple[int, Codes]]:
        for first in range(0, len(self._codes), self._batch):
            yield first, self._codes[first : first + self._batch]

    def _linearised(self, number: int, codes: Codes) -> Linearisation:
        """The derivative of a batch's features, recorded once where there is memory to keep it."""
        if number in self._recorded:
            return self._recorded[number]
        linear = Linearisation(lambda alpha: self.features(codes, alpha), self.point)
        self.passes += 2  # the value and one derivative
        held = sum(kept.num_bytes for kept in self._recorded.values())
        if held + linear.num_bytes <= self._max_bytes:
            self._recorded[number] = linear
        return linear
