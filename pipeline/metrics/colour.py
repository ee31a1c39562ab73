"""sRGB to CIELAB, differentiable, in torch."""

import torch
from torch import Tensor

# IEC 61966-2-1: linear sRGB to XYZ, rows X, Y, Z.
_RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_WHITE = (0.95047, 1.0, 1.08883)  # D65, 2 degree observer
_CUBE_ROOT_FROM = 0.008856


def to_unit(images: Tensor) -> Tensor:
    """Images from [-1, 1] to [0, 1] in float64; values outside are clamped."""
    return (images.double().clamp(-1, 1) + 1) / 2


def srgb_to_lab(images: Tensor) -> Tensor:
    """CIELAB (CIE 1976) of sRGB images, D65 and the 2 degree observer; white is (100, 0, 0).

    Args:
        images: ``[..., 3, H, W]``, gamma-encoded RGB in [0, 1], float32 or float64.

    Returns:
        L* in [0, 100], a* and b* in about [-110, 100], ``[..., 3, H, W]``.
    """
    matrix = images.new_tensor(_RGB_TO_XYZ) / images.new_tensor(_WHITE)[:, None]
    xyz = torch.einsum("ij,...jhw->...ihw", matrix, _linear(images))
    above = xyz > _CUBE_ROOT_FROM
    # The unused branch is kept away from 0, where the cube root has no finite derivative.
    root = xyz.where(above, 1.0).pow(1 / 3)
    x, y, z = root.where(above, 7.787 * xyz + 16 / 116).unbind(-3)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=-3)


def _linear(images: Tensor) -> Tensor:
    above = images > 0.04045
    curve = ((images.where(above, 1.0) + 0.055) / 1.055).pow(2.4)
    return curve.where(above, images / 12.92)
