"""The losses that a StyleGAN2 is trained with (Karras et al. 2020; Mescheder et al. 2018)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Non-saturating logistic loss of the generator (Goodfellow et al. 2014), mean of the batch."""
    return F.softplus(-fake_logits.float()).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Logistic loss of the discriminator, mean over the batch."""
    return F.softplus(fake_logits.float()).mean() + F.softplus(-real_logits.float()).mean()


def r1_penalty(real_logits: Tensor, real_images: Tensor, gamma: float) -> Tensor:
    """``gamma / 2`` times the mean squared gradient norm at real images (Mescheder, Eq. 9).

    Args:
        real_logits: logits ``[n]``, computed from ``real_images``.
        real_images: ``[n, ...]``, images or features; they require a gradient.
        gamma: weight of the penalty.
    """
    (gradient,) = torch.autograd.grad(real_logits.sum(), real_images, create_graph=True)
    return 0.5 * gamma * gradient.flatten(1).square().sum(dim=1).mean()


def path_lengths(images: Tensor, ws: Tensor, noise: Tensor) -> Tensor:
    """Length of the image's random projection pulled back to w+ (StyleGAN2, Eq. 4).

    Args:
        images: ``[n, 3, h, w]``, computed from ``ws``.
        ws: codes ``[n, num_ws, w_dim]`` that require a gradient.
        noise: standard normal, the shape of ``images``.

    Returns:
        One length per image ``[n]``.
    """
    scale = 1 / math.sqrt(images.shape[2] * images.shape[3])
    projected = (images * noise).sum() * scale
    (gradient,) = torch.autograd.grad(projected, ws, create_graph=True)
    return gradient.square().sum(dim=2).mean(dim=1).sqrt()


def path_length_penalty(
    lengths: Tensor, mean: Tensor, weight: float = 2.0, decay: float = 0.01
) -> tuple[Tensor, Tensor]:
    """Penalty on lengths that differ from their running mean, and the new running mean.

    Args:
        lengths: ``[n]``, see :func:`path_lengths`.
        mean: the running mean, a scalar.
        weight: of the penalty.
        decay: how far the mean moves towards this batch's.
    """
    new_mean = mean.lerp(lengths.detach().mean(), decay)
    return weight * (lengths - new_mean).square().mean(), new_mean
