"""The mapping network of the StyleGAN family (Karras et al. 2019, section 2)."""

from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.generators.layers import EqualizedLinear, pixel_norm


class MappingNetwork(nn.Module):
    """Mapping network z -> w, with the mean w that it tracks in training.

    Args:
        z_dim: length of z.
        w_dim: length of w.
        num_layers: 8 in the papers, 2 in the ``auto`` configuration of StyleGAN2-ADA.
        lr_multiplier: learning-rate multiplier of the layers.
        num_classes: classes of a class-conditional network, else 0.
        w_avg_beta: decay of the running mean of w.
    """

    w_avg: Tensor

    def __init__(
        self,
        z_dim: int,
        w_dim: int,
        num_layers: int = 8,
        lr_multiplier: float = 0.01,
        num_classes: int = 0,
        w_avg_beta: float = 0.998,
    ) -> None:
        super().__init__()
        self.num_layers, self.num_classes, self.w_avg_beta = num_layers, num_classes, w_avg_beta
        features = z_dim
        if num_classes:
            self.embed = EqualizedLinear(num_classes, w_dim)
            features += w_dim
        for i in range(num_layers):
            layer = EqualizedLinear(features if i == 0 else w_dim, w_dim, "lrelu", lr_multiplier)
            self.add_module(f"fc{i}", layer)
        self.register_buffer("w_avg", torch.zeros(w_dim))

    @classmethod
    def of(cls, config: Any) -> Self:
        """The network that a StyleGAN2's or StyleGAN3's configuration asks for."""
        return cls(
            config.z_dim,
            config.w_dim,
            config.mapping_layers,
            config.mapping_lr_multiplier,
            config.num_classes,
        )

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map codes, without truncation.

        Args:
            z: ``[n, z_dim]``.
            labels: classes ``[n]``, or their weights ``[n, num_classes]`` (one-hot or mixed);
                a network without classes ignores them.

        Returns:
            w ``[n, w_dim]``.

        Raises:
            UserError: the network is class-conditional and the labels are missing or unknown.
        """
        x = pixel_norm(z)
        if self.num_classes:
            embedded = self.embed(self._class_weights(labels).to(z.dtype))
            x = torch.cat([x, pixel_norm(embedded)], dim=1)
        for i in range(self.num_layers):
            x = self.get_submodule(f"fc{i}")(x)
        return x

    def _class_weights(self, labels: Tensor | None) -> Tensor:
        if labels is None:
            raise UserError("This generator is class-conditional: its codes need labels.")
        if labels.ndim == 2:
            return labels
        if int(labels.min()) < 0 or int(labels.max()) >= self.num_classes:
            raise UserError(
                f"Class labels must lie in 0..{self.num_classes - 1}; "
                f"these lie in {int(labels.min())}..{int(labels.max())}."
            )
        return F.one_hot(labels, self.num_classes)

    def track_mean(self, w: Tensor) -> None:
        """Move the running mean of w towards this batch's mean (training only)."""
        mean = w.detach().float().mean(dim=0)
        self.w_avg.copy_(mean.lerp(self.w_avg, self.w_avg_beta))
