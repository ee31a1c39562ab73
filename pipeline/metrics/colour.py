"""sRGB to CIELAB, differentiable, in torch."""

from enum import StrEnum

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


class Lab(StrEnum):
    """How an image becomes CIELAB.

    ``correct`` is CIE 1976. ``reference`` is what the public code of Collins et al. 2020 does: it
    multiplies by the transposed matrix, so that white becomes (107, -91, 5); numbers that shall
    stand beside the paper's need it.
    """

    CORRECT = "correct"
    REFERENCE = "reference"


def to_unit(images: Tensor) -> Tensor:
    """Images from [-1, 1] to [0, 1] in float64; values outside are clamped."""
    return (images.double().clamp(-1, 1) + 1) / 2


def srgb_to_lab(images: Tensor, lab: Lab = Lab.CORRECT) -> Tensor:
    """CIELAB (CIE 1976) of sRGB images, D65 and the 2 degree observer; white is (100, 0, 0).

    Args:
        images: ``[..., 3, H, W]``, gamma-encoded RGB in [0, 1], float32 or float64.
        lab: the space itself, or what the public code of Collins et al. 2020 takes for it.

    Returns:
        L* in [0, 100], a* and b* in about [-110, 100], ``[..., 3, H, W]``.
    """
    to_xyz = images.new_tensor(_RGB_TO_XYZ)
    if lab == Lab.REFERENCE:
        to_xyz = to_xyz.T
    matrix = to_xyz / images.new_tensor(_WHITE)[:, None]
    xyz = torch.einsum("ij,...jhw->...ihw", matrix, _linear(images))
    above = xyz > _CUBE_ROOT_FROM
    # The unused branch is kept away from 0, where the cube root has no finite derivative.
    root = xyz.where(above, 1.0).pow(1 / 3)
    x, y, z = root.where(above, 7.787 * xyz + 16 / 116).unbind(-3)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=-3)


def lab_error(a: Tensor, b: Tensor, lab: Lab = Lab.CORRECT) -> Tensor:
    """Squared CIELAB difference per pixel, mean over the three channels, ``[..., H, W]``.

    ``reference`` also scales as the public code does: L* by 2.55, and all by 1 / 255.

    Args:
        a: ``[..., 3, H, W]`` in [0, 1].
        b: likewise.
        lab: see :class:`Lab`.
    """
    difference = srgb_to_lab(a, lab) - srgb_to_lab(b, lab)
    if lab == Lab.REFERENCE:
        scale = difference.new_tensor([2.55, 1.0, 1.0]) / 255
        difference = difference * scale[:, None, None]
    return difference.square().mean(-3)


def _linear(images: Tensor) -> Tensor:
    above = images > 0.04045
    curve = ((images.where(above, 1.0) + 0.055) / 1.055).pow(2.4)
    return curve.where(above, images / 12.92)
