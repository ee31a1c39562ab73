"""The evaluators of the embedded domain, with their shipped weights: stand-ins with own names.

All take images ``[n, 3, H, W]``, float32, RGB, in [-1, 1]; other sizes than 64 x 64 are resampled.
They are frozen when loaded, and differentiable with respect to the images.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.datasets.procfaces.factors import FACTORS, NAMES
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.errors import UserError
from pipeline.evaluators import shipped
from pipeline.evaluators.base import Identities
from pipeline.evaluators.networks import SIZE, Summary, Trunk, unit

FEATURES, IDENTITY = 128, 64
_TRUNKS: WeakValueDictionary[str, Trunk] = WeakValueDictionary()


class Embedded(nn.Module):
    """A network with weights in ``pipeline/assets``.

    Attributes:
        file: name of the weights file.
        provenance: what the loaded file says of its training; empty before.
        fingerprint: hash of the loaded weights; empty before.
    """

    file: ClassVar[str]
    trunk: Trunk

    def __init__(self) -> None:
        super().__init__()
        self.provenance: dict[str, Any] = {}
        self.fingerprint = ""

    @classmethod
    def load(cls, folder: Path = shipped.FOLDER) -> Self:
        """Read the shipped weights.

        Raises:
            UserError: the file is missing, damaged, or made for other parts or factors.
        """
        path = folder / cls.file
        content = shipped.load(path)
        network = cls()
        content.load_into(network, path)
        network.provenance, network.fingerprint = content.provenance, content.fingerprint
        network.check(path)
        network.share_trunk(content.tensors)
        return network.to(memory_format=torch.channels_last).eval().requires_grad_(False)

    def share_trunk(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the trunk of a network loaded before if its weights are the same."""
        own = shipped.digest({k: v for k, v in tensors.items() if k.startswith("trunk.")})
        self.trunk = _TRUNKS.setdefault(own, self.trunk)

    def check(self, path: Path) -> None:
        """Refuse a file that was trained for another version of the domain."""
        if tuple(self.provenance["factors"]) != NAMES or tuple(self.provenance["parts"]) != PARTS:
            raise UserError(
                f"'{path}' was trained on another version of the faces (its parts or factors "
                f"differ). {shipped.REMEDY}"
            )

    def prepare(self, images: Tensor) -> Tensor:
        """Images on the network's device, in float32 and at 64 x 64."""
        images = images.to(next(self.parameters()).device, torch.float32)
        if images.shape[-2:] == (SIZE, SIZE):
            return images
        return functional.interpolate(images, (SIZE, SIZE), mode="bilinear", antialias=True)


class FaceParser(Embedded):
    """Says which part of the face each pixel belongs to."""

    name = "parser"
    file = "procfaces_parser.safetensors"

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(len(PARTS))

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[n, len(PARTS), H, W]``."""
        logits: Tensor = self.trunk(self.prepare(images)).logits
        if logits.shape[-2:] == images.shape[-2:]:
            return logits
        return functional.interpolate(logits, images.shape[-2:], mode="bilinear")

    def parse(self, images: Tensor) -> Tensor:
        """Part ids uint8 ``[n, H, W]``, indices into ``PARTS``."""
        labels: Tensor = self(images).argmax(1).to(torch.uint8)
        return labels


class TrunkSummary(Embedded):
    """A trunk and the summary vector of what it saw."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.trunk, self.summary = Trunk(len(PARTS)), Summary(len(PARTS), dim)

    def summarise(self, images: Tensor) -> Tensor:
        """Summary vectors ``[n, dim]``."""
        vectors: Tensor = self.summary(self.trunk(self.prepare(images)))
        return vectors


class AttributeRegressor(TrunkSummary):
    """Reads the value of every factor of the renderer off an image.

    Attributes:
        names: the factors, in the order of the columns.
        readable: the factors it reads with a held-out R2 of at least 0.8.
    """

    name = "regressor"
    file = "procfaces_regressor.safetensors"
    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__(FEATURES)
        self.head = nn.Linear(FEATURES, len(FACTORS))
        self.register_buffer("mean", torch.zeros(len(FACTORS)))
        self.register_buffer("std", torch.ones(len(FACTORS)))
        self.names = NAMES

    @property
    def readable(self) -> tuple[str, ...]:
        """Names of the factors that its card vouches for."""
        return tuple(self.provenance.get("readable", ()))

    def read(self, summary: Tensor) -> Tensor:
        """Factors ``[n, len(names)]`` in the renderer's units, from summary vectors."""
        outputs = self.head(summary)
        return torch.where(is_presence(outputs), outputs.sigmoid(), outputs * self.std + self.mean)

    def predict(self, images: Tensor) -> Tensor:
        """Factors ``[n, len(names)]`` in the renderer's units; presences in [0, 1]."""
        return self.read(self.summarise(images))

    def standardise(self, factors: Tensor) -> Tensor:
        """Factors in standard deviations from the mean of the data."""
        return (factors - self.mean) / self.std

    def standardised(self, images: Tensor) -> Tensor:
        """Factors ``[n, len(names)]`` in standard deviations from the mean of the data."""
        return self.standardise(self.predict(images))

    def forward(self, images: Tensor) -> Tensor:
        """Same as ``predict``."""
        return self.predict(images)


class EmbeddedFeatures(TrunkSummary):
    """Features for ``fd_embedded``: the 128 numbers from which all factors are read linearly.

    Each has mean zero and variance one over the data and no sharp bound, which suits a Fréchet
    distance between Gaussians.
    """

    name = "fd_embedded"
    dim = FEATURES
    file = "procfaces_features.safetensors"

    def __init__(self) -> None:
        super().__init__(FEATURES)

    def forward(self, images: Tensor) -> Tensor:
        """Features ``[n, 128]``."""
        return self.summarise(images)


class EmbeddedDistance(TrunkSummary):
    """Perceptual distance ``lpips_embedded`` in the form of Zhang et al. 2018, equation 1.

    Squared difference of channel-normalised activations, averaged over space; the five levels of
    the encoder (64 x 64 to 4 x 4) count equally and no channel weights are fitted, since there are
    no human judgements of this domain.
    """

    name = "lpips_embedded"
    file = "procfaces_features.safetensors"

    def __init__(self) -> None:
        super().__init__(FEATURES)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Distances ``[n]`` between images, 0 for equal ones, at most 2."""
        first, second = (self.trunk(self.prepare(images)).levels for images in (a, b))
        pairs = zip(first, second, strict=True)
        terms = [(unit(x) - unit(y)).square().sum(1).mean((1, 2)) for x, y in pairs]
        return torch.stack(terms).mean(0)


class EmbeddedIdentity(TrunkSummary):
    """Identity ``id_embedded``: unit vectors that ignore expression, pose, light and background."""

    name = "id_embedded"
    file = "procfaces_identity.safetensors"

    def __init__(self) -> None:
        super().__init__(IDENTITY)

    def forward(self, images: Tensor) -> Identities:
        """Vectors ``[n, 64]``; every image counts as valid, since the domain is faces alone."""
        vectors = unit(self.summarise(images))
        return Identities(
            vectors, torch.ones(len(vectors), dtype=torch.bool, device=vectors.device)
        )


def is_presence(like: Tensor) -> Tensor:
    """Which factors are presences, bool ``[len(FACTORS)]`` on the device of ``like``."""
    return torch.tensor([factor.kind == "presence" for factor in FACTORS], device=like.device)
