"""Losses against closed forms."""

import math

import pytest
import torch
from torch import Tensor

from pipeline.training.losses import (
    discriminator_loss,
    generator_loss,
    path_length_penalty,
    path_lengths,
    r1_penalty,
)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_non_saturating_values() -> None:
    fake, real = torch.tensor([0.0, 2.0]), torch.tensor([-1.0, 3.0, 0.0])

    def log1pexp(x: float) -> float:
        return math.log1p(math.exp(x))

    expected = (log1pexp(0) + log1pexp(-2)) / 2
    assert generator_loss(fake).item() == pytest.approx(expected)
    of_fake = (log1pexp(0) + log1pexp(2)) / 2
    of_real = (log1pexp(1) + log1pexp(-3) + log1pexp(0)) / 3
    assert discriminator_loss(real, fake).item() == pytest.approx(of_fake + of_real)


def test_the_generator_still_learns_from_a_sure_discriminator() -> None:
    """What non-saturating means: the gradient does not vanish where the fake is recognised."""
    logits = torch.tensor([-20.0], requires_grad=True)
    generator_loss(logits).backward()
    assert float(logits.grad) == pytest.approx(-1, abs=1e-6)


def test_bfloat16_logits_are_judged_in_float32() -> None:
    logits = draw(4).bfloat16()
    assert generator_loss(logits).dtype == torch.float32
    assert discriminator_loss(logits, logits).dtype == torch.float32


@pytest.mark.parametrize("gamma", [0.2, 10.0])
def test_r1_of_a_quadratic(gamma: float) -> None:
    """D(x) = a |x|^2 / 2 has the gradient a x, so R1 is gamma / 2 a^2 times the mean of |x|^2."""
    images = draw(3, 3, 4, 4).requires_grad_()
    logits = 1.5 * images.square().sum(dim=(1, 2, 3)) / 2
    expected = gamma / 2 * 1.5**2 * images.square().sum() / 3
    torch.testing.assert_close(r1_penalty(logits, images, gamma), expected)


def test_r1_moves_the_weights() -> None:
    """Of D(x) = a |x|^2 / 2: the derivative of R1 by a is gamma a times the mean of |x|^2."""
    scale = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    images = draw(3, 3, 4, 4).requires_grad_()
    r1_penalty(scale * images.square().sum(dim=(1, 2, 3)) / 2, images, 0.2).backward()
    torch.testing.assert_close(scale.grad, (0.2 * 1.5 * images.square().sum() / 3).detach())


def test_path_lengths_of_a_linear_map() -> None:
    """Of x = A w, the pull-back of noise y is A'y; w+ counts as the mean over its layers."""
    ws = draw(2, 4, 5).requires_grad_()
    maps = draw(4, 5, 3 * 8 * 8, seed=1)
    images = torch.einsum("nlw,lwp->np", ws, maps).reshape(2, 3, 8, 8)
    noise = draw(2, 3, 8, 8, seed=2)
    pulled = torch.einsum("lwp,np->nlw", maps, noise.flatten(1)) / 8
    expected = pulled.square().sum(dim=2).mean(dim=1).sqrt()
    torch.testing.assert_close(path_lengths(images, ws, noise), expected)


def test_path_length_penalty() -> None:
    lengths = torch.tensor([1.0, 3.0], requires_grad=True)
    penalty, mean = path_length_penalty(lengths, torch.tensor(4.0), weight=2.0, decay=0.25)
    assert mean.item() == pytest.approx(3.5)
    assert penalty.item() == pytest.approx(2 * ((1 - 3.5) ** 2 + (3 - 3.5) ** 2) / 2)
    (gradient,) = torch.autograd.grad(penalty, lengths)
    torch.testing.assert_close(gradient, 2 * (lengths.detach() - 3.5))  # none through the mean
