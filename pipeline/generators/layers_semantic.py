"""Local generators of a SemanticStyleGAN and their fusion (Shi et al. 2022, section 3.1).

All classes are computed at once: the 1 x 1 convolutions of K classes are K matrices, and positions
lie side by side in one axis of length ``p``. Where the features of all classes are needed only as
their weighted sum, the sum is taken before the feature heads, which are linear: one product instead
of K.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.generators.layers import LRELU_GAIN, LRELU_SLOPE

EPSILON = 1e-8


def grid(size: int, like: Tensor) -> Tensor:
    """Positions (column, row) of a square map in [-1, 1], ends included: ``[2, size * size]``."""
    axis = torch.linspace(-1, 1, size, dtype=like.dtype, device=like.device)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([columns.flatten(), rows.flatten()])


class PositionEmbedding(nn.Module):
    """Positions and their Fourier features (sines and cosines of ``2^j x``), mixed linearly.

    Args:
        channels: of the result.
        frequencies: how many octaves.
    """

    def __init__(self, channels: int, frequencies: int) -> None:
        super().__init__()
        inputs = 2 + 4 * frequencies
        self.frequencies, self.weight_gain = frequencies, 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.randn(channels, inputs))

    def forward(self, positions: Tensor) -> Tensor:
        """``[..., 2, p]`` to ``[..., channels, p]``."""
        octaves = 2.0 ** torch.arange(self.frequencies, device=positions.device)
        angles = positions.unsqueeze(-3) * octaves.to(positions)[:, None, None]
        waves = torch.cat([angles.sin(), angles.cos()], dim=-2).flatten(-3, -2)
        features = torch.cat([positions, waves], dim=-2)
        return torch.matmul(self.weight * self.weight_gain, features)


class LocalGenerators(nn.Module):
    """The generators of all classes: modulated 1 x 1 convolutions, depth and feature heads.

    Args:
        classes: how many; the first is the background, whose pseudo-depth is 0 everywhere.
        layers: convolutions of each.
        depth_layers: after how many of them the depth is read.
        channels: of each layer.
        features: of the feature heads.
        w_dim: length of w.
    """

    def __init__(
        self,
        classes: int,
        layers: int,
        depth_layers: int,
        channels: int,
        features: int,
        w_dim: int,
    ) -> None:
        super().__init__()
        self.depth_layers = depth_layers
        self.weight_gain, self.affine_gain = 1 / math.sqrt(channels), 1 / math.sqrt(w_dim)
        self.affine_weight = nn.Parameter(torch.randn(classes, layers, channels, w_dim))
        self.affine_bias = nn.Parameter(torch.ones(classes, layers, channels))
        self.weight = nn.Parameter(torch.randn(classes, layers, channels, channels))
        self.bias = nn.Parameter(torch.zeros(classes, layers, channels))
        self.depth_weight = nn.Parameter(torch.randn(classes - 1, channels))
        self.depth_modulation = nn.Parameter(torch.ones(classes - 1, channels))
        self.depth_bias = nn.Parameter(torch.zeros(classes - 1))
        self.feature_weight = nn.Parameter(torch.randn(classes, features, channels))
        self.feature_modulation = nn.Parameter(torch.ones(classes, channels))
        self.feature_bias = nn.Parameter(torch.zeros(classes, features))

    def styles(self, codes: Tensor) -> Tensor:
        """Styles ``[n, K * L * channels]`` of a w for every layer, ``[n, K * L, w_dim]``."""
        weight = self.affine_weight * self.affine_gain
        per_layer = codes.unflatten(1, weight.shape[:2]).unsqueeze(-1)
        return (torch.matmul(weight, per_layer).squeeze(-1) + self.affine_bias).flatten(1)

    def forward(self, styles: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Pseudo-depths and what the feature heads read.

        Args:
            styles: of all layers ``[n, K * L * channels]``.
            embedding: of the positions ``[channels, p]``, or of every class's own
                ``[n, K, channels, p]``.

        Returns:
            Depths ``[n, K, p]``, 0 for the background, and features ``[n, K, channels, p]``.
        """
        kernels = self._kernels(styles)
        bias = (self.bias * LRELU_GAIN).unsqueeze(-1)
        x, depths = embedding, torch.empty(0)
        for layer in range(self.weight.shape[1]):
            x = torch.matmul(kernels[:, :, layer], x)
            x = F.leaky_relu(x + bias[:, layer].to(x.dtype), LRELU_SLOPE)
            if layer == self.depth_layers - 1:
                depths = self._depths(x)
        return depths, x

    def fuse(self, features: Tensor, shares: Tensor) -> Tensor:
        """The sum over classes of shares ``[n, K, p]`` times the feature heads: ``[n, f, p]``."""
        gained = self.feature_weight * (self.feature_modulation * self.weight_gain).unsqueeze(1)
        heads = gained.transpose(0, 1).flatten(1)
        weighted = (features * shares.to(features.dtype).unsqueeze(2)).flatten(1, 2)
        return torch.matmul(heads, weighted) + torch.matmul(self.feature_bias.T, shares)

    def _kernels(self, styles: Tensor) -> Tensor:
        """Modulated and demodulated kernels ``[n, K, L, out, in]`` with the gain of leaky ReLU."""
        per_layer = styles.unflatten(1, self.weight.shape[:3]).unsqueeze(-2)
        kernels: Tensor = self.weight * self.weight_gain * per_layer
        norm = kernels.square().sum(dim=-1, keepdim=True) + EPSILON
        return kernels * (norm.rsqrt() * LRELU_GAIN)

    def _depths(self, x: Tensor) -> Tensor:
        weight = self.depth_weight * self.depth_modulation * self.weight_gain
        foreground = torch.matmul(weight.unsqueeze(1), x[:, 1:]).squeeze(2)
        foreground = foreground + self.depth_bias.unsqueeze(1)
        return torch.cat([torch.zeros_like(foreground[:, :1]), foreground], dim=1)


def soft_masks(depths: Tensor, present: Tensor | None = None) -> Tensor:
    """Masks of the classes by their pseudo-depths (section 3.1): the nearest one is seen.

    Args:
        depths: ``[n, K, p]``.
        present: how much each class counts, ``[K]`` or ``[n, K]``: 1 is as it is, 0 leaves it out;
            None is all.

    Returns:
        Shares that add up to 1 over the classes ``[n, K, p]``.
    """
    if present is not None:  # as depths, so that a class far in front can be left out too
        depths = depths + present.to(depths).log().expand(depths.shape[:2]).unsqueeze(-1)
    masks: Tensor = depths.softmax(dim=1)
    return masks


def blending_shares(masks: Tensor, transparent: tuple[int, ...]) -> Tensor:
    """How much of each class's features is seen where some classes are transparent.

    Opaque classes share each position among themselves as if there were no transparent ones, whose
    features are added to theirs.

    Args:
        masks: ``[n, K, p]``, see :func:`soft_masks`.
        transparent: numbers of the transparent classes.
    """
    if not transparent:
        return masks
    seen_through = torch.zeros(masks.shape[1], dtype=torch.bool, device=masks.device)
    seen_through = seen_through.index_fill(0, torch.tensor(transparent, device=masks.device), True)
    opaque = (masks * (~seen_through).to(masks)[:, None]).sum(dim=1, keepdim=True)
    return torch.where(seen_through[:, None], masks, masks / opaque)
