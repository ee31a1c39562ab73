"""The attributes of real faces, read by the classifiers of StyleGAN's separability metric.

The official files were never at hand here: the network is verified against the papers' formulas
with made-up weights. That presence is the second of the metric's two probabilities is what those
say who used the files (StyleSpace: "the lowest logits have the attribute").
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.datasets.celeba import ATTRIBUTES
from pipeline.errors import UserError, unknown_name
from pipeline.evaluators.attribute_files import read_attribute_network
from pipeline.evaluators.attribute_network import AttributeNetwork
from pipeline.weights.attributes import PREFIX
from pipeline.weights.cache import find, locate, require
from pipeline.weights.checksums import sha256

SIZE = 256
READ_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class Scale:
    """What a standard deviation of every attribute is.

    Attributes:
        mean: of the log-odds ``[a]``.
        std: of the log-odds ``[a]``.
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, log_odds: Tensor) -> "Scale":
        """The scale of the data that log-odds ``[n, a]`` were read off."""
        double = log_odds.double()
        return cls(double.mean(0).float(), double.std(0).clamp(min=1e-6).float())


class CelebaAttributes:
    """Reads attributes of CelebA off aligned faces, one network each.

    A network is loaded when it is first needed, onto the device of the images.

    Attributes:
        names: the attributes, in the order of the columns; all of them count as readable.
        scale: what they are standardised by; None until somebody measured it.
        tells_the_domain: whether all taken together say that an image is a face no more: they may
            be few, of which one that moves as it should is most, and log-odds have no bound.

    Args:
        names: of :data:`ATTRIBUTES`.

    Raises:
        UserError: there is no such attribute, or its weights are not here.
    """

    name = "celebahq_classifiers"
    tells_the_domain = False

    def __init__(self, names: Sequence[str]) -> None:
        for name in names:
            require_attribute(name)
        self.names = self.readable = tuple(dict.fromkeys(names))
        self.scale: Scale | None = None
        self._networks: dict[str, AttributeNetwork] = {}

    @classmethod
    def present(cls) -> Self:
        """The attributes whose weights are in the weights folder; there may be none."""
        return cls([name for name in ATTRIBUTES if find(f"{PREFIX}{name}")])

    @property
    def weights(self) -> str:
        """Hash of the files behind the attributes; ``none`` where there are none.

        Raises:
            UserError: one is not the file that it was when it was first seen.
        """
        if not self.names:
            return "none"
        files = (f"{name}={sha256(require(f'{PREFIX}{name}'))}" for name in self.names)
        return hashlib.sha256(" ".join(files).encode()).hexdigest()[:16]

    @property
    def fingerprint(self) -> str:
        """Hash of what :meth:`standardised` depends on: the files, and the scale."""
        if self.scale is None:
            return self.weights
        numbers = torch.cat([self.scale.mean, self.scale.std]).numpy().tobytes()
        return hashlib.sha256(self.weights.encode() + numbers).hexdigest()[:16]

    def log_odds(self, images: Tensor) -> Tensor:
        """Log-odds of every attribute's presence, ``[n, len(names)]``; differentiable.

        Args:
            images: ``[n, 3, r, r]`` in [-1, 1]; r is 256 or a multiple of it.
        """
        if not self.names:
            return images.new_empty(len(images), 0)
        shrunk = reduced(images.float())
        networks = [self._network(name, images.device) for name in self.names]
        few = shrunk.split(READ_AT_ONCE)
        return torch.cat(
            [torch.stack([network.log_odds(x) for network in networks], 1) for x in few]
        )

    def probabilities(self, images: Tensor) -> Tensor:
        """The probabilities of StyleGAN's separability metric, ``[n, len(names)]``."""
        return self.log_odds(images).sigmoid()

    def standardised(self, images: Tensor) -> Tensor:
        """Log-odds ``[n, len(names)]`` in standard deviations from the mean of the scale.

        Raises:
            RuntimeError: nobody measured the scale (:mod:`pipeline.standardising`).
        """
        if not self.names:
            return self.log_odds(images)
        if self.scale is None:
            raise RuntimeError("the scale of the attributes is not measured")
        mean, std = self.scale.mean.to(images.device), self.scale.std.to(images.device)
        return (self.log_odds(images) - mean) / std

    def _network(self, name: str, device: torch.device) -> AttributeNetwork:
        if name not in self._networks:
            path = require(f"{PREFIX}{name}")
            with torch.inference_mode(False):  # what is made in it takes part in no gradient
                self._networks[name] = read_attribute_network(path)
        return self._networks[name].to(device)


def require_attribute(name: str) -> None:
    """Refuse an attribute that there is no classifier of, or whose weights are not here.

    Raises:
        UserError: says which ones there are; or names the file, its address and its place.
    """
    if name not in ATTRIBUTES:
        raise unknown_name("attribute", name, ATTRIBUTES)
    locate(f"{PREFIX}{name}")


def check_size(resolution: int, what: str) -> None:
    """Refuse images that do not come down to 256 px by whole means of pixels.

    Raises:
        UserError: says what to do without attributes.
    """
    if resolution < SIZE or resolution % SIZE:
        raise UserError(
            f"{what} makes images of {resolution} px, and the attribute classifiers look at "
            f"{SIZE} px (or 512, 1024, ..., averaged down): add dataset.attributes=[] to do "
            "without attributes."
        )


def reduced(images: Tensor) -> Tensor:
    """Images ``[n, 3, 256 k, 256 k]`` as means over k x k pixels, ``[n, 3, 256, 256]``."""
    factor = images.shape[-1] // SIZE
    return images if factor == 1 else F.avg_pool2d(images, factor)
