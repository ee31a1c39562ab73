"""What a network that judges images is to the metrics: features, identities and distances.

An evaluator's ``name`` becomes the name of the metric computed with it. The real networks are
called ``fid``, ``id`` and ``lpips``; a stand-in takes a name of its own (``fd_embedded``,
``id_embedded``, ``lpips_embedded``), so that no number passes for another.

Every evaluator takes images ``[n, 3, H, W]``, float32, RGB, in [-1, 1], brings them to its own
device and size, and answers on whatever device it lives on.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor


class FeatureExtractor(Protocol):
    """Maps images to the feature vectors between whose Gaussians a Fréchet distance is taken."""

    @property
    def name(self) -> str:
        """The name of the distance: ``fid`` for the official Inception, else one of its own."""

    @property
    def dim(self) -> int:
        """Length of a feature vector."""

    def __call__(self, images: Tensor) -> Tensor:
        """Features ``[n, dim]``, float32, of images ``[n, 3, H, W]`` in [-1, 1]."""


@dataclass(frozen=True)
class Identities:
    """Who is on each image.

    Attributes:
        vectors: unit vectors ``[n, d]``, float32; the rows of invalid images mean nothing.
        valid: bool ``[n]``, False where no face was found.
    """

    vectors: Tensor
    valid: Tensor


class IdentityEmbedder(Protocol):
    """Maps face images to unit vectors whose cosine says how alike two identities are."""

    @property
    def name(self) -> str:
        """The name of the score: ``id`` for a real recogniser, else one of its own."""

    def __call__(self, images: Tensor) -> Identities:
        """Identities of images ``[n, 3, H, W]`` in [-1, 1]."""


class PerceptualDistance(Protocol):
    """Maps pairs of images to how different they look."""

    @property
    def name(self) -> str:
        """The name of the distance: ``lpips`` for the official network, else one of its own."""

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """Distances ``[n]``, float32, of images ``[n, 3, H, W]`` in [-1, 1]."""


def fingerprint_of(judge: Any) -> str:
    """What identifies an evaluator's weights: their hash, or the name of the official file."""
    return str(getattr(judge, "fingerprint", "") or f"{judge.name}:official")
