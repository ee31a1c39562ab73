"""Contributions of style channels to clusters: the matrix M (Editing in Style, Eq. 1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from pipeline.errors import unknown_name


@dataclass(frozen=True, eq=False)
class Contributions:
    """M of every layer that styles scale.

    Attributes:
        matrices: by layer, ``[k, c]`` float64 in [0, 1]: the share of a channel's energy that lies
            in a cluster. The column of a channel sums to 1, or to 0 where a channel never varies
            within an image.
        samples: images that the means are over.
    """

    matrices: Mapping[str, Tensor]
    samples: int

    def of(self, layer: str, clusters: Sequence[int]) -> Tensor:
        """Contributions of a layer's channels to some clusters together, ``[c]``.

        Raises:
            UserError: there is no such layer.
        """
        if layer not in self.matrices:
            raise unknown_name("layer", layer, self.matrices)
        return self.matrices[layer][list(clusters)].sum(dim=0)


def contribution(features: Tensor, membership: Tensor) -> Tensor:
    """M of one layer, over some images (Eq. 1).

    ``M[k, c] = sum_nhw A[n, c, h, w]^2 U[n, k, h, w] / (N H W)``, with U brought to the size of A.

    Args:
        features: A, ``[n, c, h, w]`` with zero mean and unit variance per image and channel.
        membership: U, ``[n, k, h', w']``, which sums to 1 over k.

    Returns:
        ``[k, c]`` float64.
    """
    u = resized(membership, features.shape[-1])
    shares = torch.einsum("nkp,ncp->kc", u.flatten(2), features.square().flatten(2).to(u))
    return shares.double() / (len(features) * features.shape[-2] * features.shape[-1])


def resized(membership: Tensor, resolution: int) -> Tensor:
    """Membership ``[n, k, h, w]`` at another size, bilinear as in the paper; still sums to 1.

    Where it shrinks every pixel counts (antialiasing), and not only those next to the samples.
    """
    size = membership.shape[-1]
    if size == resolution:
        return membership
    return interpolate(
        membership, (resolution, resolution), mode="bilinear", antialias=resolution < size
    )


class StreamingContributions:
    """M over images that come in batches."""

    def __init__(self) -> None:
        self.samples = 0
        self._sums: dict[str, Tensor] = {}

    def update(self, features: Mapping[str, Tensor], membership: Tensor) -> None:
        """Take in images.

        Args:
            features: by layer of styles, ``[n, c, h, w]``.
            membership: ``[n, k, h', w']``.
        """
        n = len(membership)
        by_size: dict[int, Tensor] = {}
        for layer, values in features.items():
            size = values.shape[-1]
            if size not in by_size:
                by_size[size] = resized(membership, size)
            own = n * contribution(values, by_size[size])
            self._sums[layer] = self._sums[layer] + own if layer in self._sums else own
        self.samples += n

    def result(self) -> Contributions:
        """The mean over all images."""
        means = {layer: total.cpu() / self.samples for layer, total in self._sums.items()}
        return Contributions(means, self.samples)
