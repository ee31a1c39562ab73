"""Label maps: what image-to-image generators paint."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError


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

    def encode(self, channels: int) -> Tensor:
        """The maps as a network reads them (pix2pixHD, Wang et al. 2018, section 3.3).

        Args:
            channels: of the network's input.

        Returns:
            ``[n, channels, h, w]`` float32: classes one-hot; then, where there are instances, their
            boundaries as the last channel.

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
        n, h, w = self.classes.shape
        encoded = torch.zeros(n, channels, h, w, device=self.classes.device)
        encoded.scatter_(1, self.classes[:, None].long(), 1.0)
        if self.instances is not None:
            encoded[:, -1] = instance_edges(self.instances)
        return encoded

    def _check(self) -> None:
        for name, maps in (("classes", self.classes), ("instances", self.instances)):
            if maps is not None and (maps.ndim != 3 or maps.shape != self.classes.shape):
                raise UserError(
                    f"Label maps are [n, height, width], classes and instances alike; these "
                    f"{name} are {list(maps.shape)}, the classes {list(self.classes.shape)}."
                )


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
