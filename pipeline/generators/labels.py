"""Class labels of conditional generators."""

import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import UserError


def class_weights(labels: Tensor | None, num_classes: int, like: Tensor) -> Tensor:
    """The weight of each class ``[n, num_classes]``, in the type of the codes.

    Args:
        labels: classes ``[n]``, or their weights ``[n, num_classes]`` (one-hot or mixed).
        num_classes: the classes of the network.
        like: the codes ``[n, ...]``.

    Raises:
        UserError: labels are missing, are not one per code, or name unknown classes.
    """
    if labels is None:
        raise UserError(
            f"This generator is class-conditional: its codes need labels in 0..{num_classes - 1}."
        )
    if tuple(labels.shape) not in ((len(like),), (len(like), num_classes)):
        raise UserError(
            f"Labels of {len(like)} codes must be [{len(like)}] or [{len(like)}, {num_classes}]; "
            f"these are {list(labels.shape)}."
        )
    if labels.ndim == 2:
        return labels.to(like)
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise UserError(
            f"Class labels must lie in 0..{num_classes - 1}; these lie in {low}..{high}."
        )
    return F.one_hot(labels.long(), num_classes).to(like)
