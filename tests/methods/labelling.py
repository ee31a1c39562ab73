"""A domain to learn attributes of a small network in: bright and even pictures, upper and lower."""

from collections.abc import Sequence

import torch
from torch import Tensor

ATTRIBUTES = ("bright", "even", "top")


class Halves:
    """Parts by place: the upper and the lower half on a background of one row."""

    name, fingerprint = "halves", "halves"

    def parse(self, images: Tensor) -> Tensor:
        labels = torch.ones(len(images), *images.shape[-2:], dtype=torch.uint8)
        labels[:, images.shape[-2] // 2 :] = 2
        labels[:, 0] = 0
        return labels


class Brightness:
    """Mean, spread and upper half of a picture."""

    name, fingerprint = "brightness", "brightness"
    names: Sequence[str] = ATTRIBUTES
    readable = ATTRIBUTES

    def standardised(self, images: Tensor) -> Tensor:
        upper = images[:, :, : images.shape[-2] // 2]
        values = [images.mean((1, 2, 3)), -images.std((1, 2, 3)), upper.mean((1, 2, 3))]
        return torch.stack(values, 1) / 0.1


class Scenes:
    """The domain."""

    parts = ("background", "upper", "lower")
    attribute_parts = {"bright": ("face",), "even": ("lower",), "top": ("upper",)}
    parser, predictor = Halves(), Brightness()
