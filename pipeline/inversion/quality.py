"""How well a code reproduces a photograph."""

import torch
from torch import Tensor

from pipeline.evaluators.base import IdentityEmbedder, PerceptualDistance
from pipeline.metrics.base import Estimate
from pipeline.metrics.intervals import mean_estimate

Quality = dict[str, Tensor]
"""Float64 ``[n]`` by name, one number per image; NaN where there is none."""


@torch.no_grad()
def reconstruction_quality(
    photos: Tensor,
    reconstructions: Tensor,
    distance: PerceptualDistance | None,
    identity: IdentityEmbedder | None,
) -> Quality:
    """Each reconstruction compared with its photograph.

    Args:
        photos: ``[n, 3, H, W]``, RGB, clamped to [-1, 1] here.
        reconstructions: likewise.
        distance: None leaves the perceptual distance out.
        identity: None leaves the identity out.

    Returns:
        ``psnr`` in dB of ``mse``, the squared error per pixel and channel of RGB in [0, 1] (a
        perfect image has infinitely many dB); the perceptual distance and the cosine of the
        identities under the names of their networks.
    """
    photos, drawn = photos.clamp(-1, 1), reconstructions.clamp(-1, 1)
    mse = ((photos.double() - drawn.double()) / 2).square().mean((1, 2, 3)).cpu()
    found = {"psnr": -10 * mse.log10(), "mse": mse}
    if distance is not None:
        found[distance.name] = distance(photos, drawn).double().cpu()
    if identity is not None:
        before, after = identity(photos), identity(drawn)
        cosines = (before.vectors.double() * after.vectors.double()).sum(1).clamp(-1, 1)
        found[identity.name] = torch.where(before.valid & after.valid, cosines, torch.nan).cpu()
    return found


def summary(quality: Quality) -> dict[str, Estimate]:
    """The mean over images of every number, with its interval."""
    return {name: mean_estimate(values) for name, values in quality.items()}
