"""Label maps: what image-to-image generators paint."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.fingerprints import tensor_hash


@dataclass(frozen=True)
class LabelMaps:
    """Semantic maps of n images.

    Attributes:
        classes: class of each pixel ``[n, h, w]``, integers.
        instances: number of the object that each pixel belongs to ``[n, h, w]``, integers; None
            for networks that do not see objects.
    """

    classes: Tensor
    instances: Tensor | None = None

    def __len__(self) -> int:
        return len(self.classes)

    def __getitem__(self, index: slice | Tensor) -> "LabelMaps":
        instances = None if self.instances is None else self.instances[index]
        return LabelMaps(self.classes[index], instances)

    @property
    def fingerprint(self) -> str:
        """Hash of the maps, 16 hex digits."""
        maps = {"classes": self.classes, "instances": self.instances}
        return tensor_hash({k: m for k, m in maps.items() if m is not None})[:16]

    def compact(self, channels: int) -> Tensor:
        """The maps without loss in little room, as codes carry them; see :func:`one_hot`.

        Args:
            channels: of the network's input.

        Returns:
            Integers ``[n, 1, h, w]``: classes; or ``[n, 2, h, w]``, where there are instances:
            classes, and 1 on the boundaries of objects.

        Raises:
            UserError: the shapes of the maps differ, or a class has no channel.
        """
        self._check()
        classes = channels - (self.instances is not None)
        low, high = int(self.classes.min()), int(self.classes.max())
        if low < 0 or high >= classes:
            raise UserError(
                f"Label maps must hold classes in 0..{classes - 1}, one for each of the network's "
                f"{classes} class channels; these hold {low}..{high}."
            )
        maps = [self.classes]
        if self.instances is not None:
            maps.append(instance_edges(self.instances))
        dtype = torch.uint8 if classes <= 256 else torch.int32
        return torch.stack([m.to(dtype) for m in maps], dim=1)

    def encode(self, channels: int) -> Tensor:
        """The maps as a network with so many input channels reads them; see :func:`one_hot`.

        Raises:
            UserError: as in :meth:`compact`.
        """
        return one_hot(self.compact(channels), channels)

    def _check(self) -> None:
        for name, maps in (("classes", self.classes), ("instances", self.instances)):
            if maps is not None and (maps.ndim != 3 or maps.shape != self.classes.shape):
                raise UserError(
                    f"Label maps are [n, height, width], classes and instances alike; these "
                    f"{name} are {list(maps.shape)}, the classes {list(self.classes.shape)}."
                )


class LabelSource(Protocol):
    """Label maps that are at hand, or read when they are asked for."""

    @property
    def fingerprint(self) -> str:
        """Hash of the maps."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, index: Tensor, /) -> LabelMaps:
        """Those of some numbers, int64 ``[n]``."""


def one_hot(compact: Tensor, channels: int) -> Tensor:
    """What a network reads of maps (pix2pixHD, Wang et al. 2018, section 3.3).

    Args:
        compact: as :meth:`LabelMaps.compact` gives it.
        channels: of the network's input.

    Returns:
        ``[n, channels, h, w]`` float32: classes one-hot; then, where there are instances, their
        boundaries as the last channel.
    """
    n, kinds, h, w = compact.shape
    encoded = torch.zeros(n, channels, h, w, device=compact.device)
    encoded.scatter_(1, compact[:, :1].long(), 1.0)
    if kinds == 2:
        encoded[:, -1] = compact[:, 1]
    return encoded


def instance_edges(instances: Tensor) -> Tensor:
    """Boundaries of objects: 1 where the left, right, upper or lower neighbour is another object.

    Args:
        instances: numbers of objects ``[n, h, w]``.

    Returns:
        ``[n, h, w]`` float32.
    """
    edges = torch.zeros(instances.shape, dtype=torch.bool, device=instances.device)
    beside = instances[..., 1:] != instances[..., :-1]
    below = instances[:, 1:] != instances[:, :-1]
    edges[..., 1:] |= beside
    edges[..., :-1] |= beside
    edges[:, 1:] |= below
    edges[:, :-1] |= below
    return edges.float()
