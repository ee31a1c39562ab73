"""Projection of images into W and W+ (Karras et al. 2020, appendix D; Abdal et al. 2019).

As there, the search starts at the mean w, follows a perceptual distance under Adam with a learning
rate that is ramped up and down, and explores at first with noise on the code. Here the pixels count
as well. One w for all layers comes first; in W+ each layer's w may then depart from it, as little
as it takes: codes near W are as editable as sampled ones (Tov et al. 2021, section 4). The flat
part of the learning rate ends once nothing is gained any more.

The noise maps of the layers stay the generator's own. Karras et al. fit them too and regularise
them; but an edit renders codes, which carry no noise maps, so that what noise had explained would
be lost in every edited image.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from pipeline.errors import UserError
from pipeline.evaluators.base import PerceptualDistance
from pipeline.generators.base import Codes, Generator, Space
from pipeline.inversion.latents import LatentDistribution

Progress = Callable[[int, int], None]
RAMP_UP, EXPLORATION, RAMP_DOWN = 0.05, 0.5, 0.25  # parts of the steps
PERCEIVED = 256  # perceptual distances look at larger images averaged to this size
BETAS = (0.9, 0.99)


@dataclass(frozen=True)
class ProjectionSettings:
    """How images are projected.

    Attributes:
        space: ``w+``, or ``w`` for one w in all layers.
        steps: at most; a plateau ends the projection earlier.
        rate: greatest learning rate, in standard deviations of w.
        exploration: standard deviation of the noise on the code at the start, likewise; it
            vanishes within the first half of the steps, in which all layers share one w.
        mse: weight of the squared error per pixel and channel, images in [-1, 1].
        perceptual: weight of the perceptual distance.
        spread: weight of the squared departures, of the shared w from the mean and of each layer's
            w from the shared one, in standard deviations of w and per coordinate of w.
        plateau: relative gain of one twentieth of the steps over the one before, below which the
            learning rate is ramped down; 0 takes all steps.

    Raises:
        UserError: a value that cannot be used.
    """

    space: Space = Space.W_PLUS
    steps: int = 300
    rate: float = 0.1
    exploration: float = 0.05
    mse: float = 1.0
    perceptual: float = 0.2
    spread: float = 0.005
    plateau: float = 0.01

    def __post_init__(self) -> None:
        if self.space not in (Space.W, Space.W_PLUS):
            raise UserError(f"codes.space={self.space}: allowed are w and w+.")
        object.__setattr__(self, "space", Space(self.space))
        if self.steps < 1:
            raise UserError(f"codes.steps={self.steps}: must be a whole number of at least 1.")
        if not (math.isfinite(self.rate) and self.rate > 0):
            raise UserError(f"codes.rate={self.rate}: must be a number above 0.")
        for name in ("exploration", "mse", "perceptual", "spread", "plateau"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise UserError(f"codes.{name}={value}: must be a number of at least 0.")
        if self.mse == self.perceptual == 0:
            raise UserError("codes.mse=0 codes.perceptual=0: one of them must be above 0.")


@dataclass(frozen=True, eq=False)
class Projection:
    """What a projection found.

    Attributes:
        codes: w+ codes ``[n, num_ws, w_dim]``.
        steps: how many were taken.
    """

    codes: Codes
    steps: int


def project(
    generator: Generator,
    images: Tensor,
    latents: LatentDistribution,
    distance: PerceptualDistance | None,
    settings: ProjectionSettings,
    randoms: Sequence[torch.Generator],
    progress: Progress = lambda _done, _total: None,
) -> Projection:
    """Codes whose images are most like the given ones.

    Images do not influence each other, but that all of a batch end together.

    Args:
        generator: in evaluation mode, with frozen weights.
        images: ``[n, 3, H, W]`` in [-1, 1] at the generator's resolution, on its device.
        latents: of this generator.
        distance: perceptual distance, differentiable; None where there is none.
        settings: how.
        randoms: one per image, for the exploration.
        progress: called with the steps taken and the most there can be.
    """
    images = images.to(latents.mean)
    layers, w_dim = latents.mean.shape
    shared = latents.mean.new_zeros(len(images), 1, w_dim, requires_grad=True)
    own = latents.mean.new_zeros(len(images), layers, w_dim, requires_grad=True)
    adam = torch.optim.Adam([shared, own], settings.rate, BETAS)
    schedule = Schedule(settings)
    while (rate := schedule.rate()) is not None:
        for group in adam.param_groups:
            group["lr"] = rate
        departures = shared + schedule.exploration() * _noise(shared, randoms)
        apart = schedule.relaxed and settings.space == Space.W_PLUS
        if apart:
            departures = departures + own
        drawn = generator.render(latents.codes(departures.expand(-1, layers, -1)))
        losses = mismatch(drawn, images, distance, settings)
        losses = losses + settings.spread * spread(shared, own)
        sought = [shared, own] if apart else [shared]
        # Not backward(), which would leave gradients in the generator as well.
        for code, gradient in zip(sought, torch.autograd.grad(losses.sum(), sought), strict=True):
            code.grad = gradient
        adam.step()
        schedule.note(float(losses.detach().mean()))
        progress(schedule.taken, settings.steps)
    return Projection(latents.codes((shared + own).detach()), schedule.taken)


def spread(shared: Tensor, own: Tensor) -> Tensor:
    """How far codes are from usual ones, ``[n]``: squared departures per coordinate of w.

    Those of the layers add up, so that a departure that all share is cheaper shared.

    Args:
        shared: departures of the shared w from the mean ``[n, 1, w_dim]``, in deviations.
        own: departures of each layer's w from the shared one ``[n, num_ws, w_dim]``, likewise.
    """
    return shared.square().mean((1, 2)) + own.square().mean(2).sum(1)


def mismatch(
    drawn: Tensor,
    wanted: Tensor,
    distance: PerceptualDistance | None,
    settings: ProjectionSettings,
) -> Tensor:
    """How far drawn images ``[n, 3, H, W]`` are from the wanted ones, ``[n]``."""
    loss = settings.mse * (drawn - wanted).square().mean((1, 2, 3))
    if distance is None or settings.perceptual == 0:
        return loss
    return loss + settings.perceptual * distance(_perceived(drawn), _perceived(wanted)).to(loss)


class Schedule:
    """Learning rate and exploration over the steps, and when it is time to end.

    Two parts: all layers share one w, under exploration; then they part. At the beginning of each
    the learning rate rises linearly. At last it falls along a cosine; it begins to fall when the
    loss has stopped falling, or in time to end with the last step.
    """

    def __init__(self, settings: ProjectionSettings) -> None:
        self.settings, self.taken = settings, 0
        steps = settings.steps
        self._rising, self._window = max(1, math.ceil(RAMP_UP * steps)), max(1, steps // 20)
        self._relaxes = math.floor(EXPLORATION * steps)
        self._falling = math.ceil(RAMP_DOWN * steps)
        self._falls = steps - self._falling
        self._losses: list[float] = []

    @property
    def relaxed(self) -> bool:
        """Whether the layers may have a w each."""
        return self.taken >= self._relaxes

    def rate(self) -> float | None:
        """The learning rate of the next step; None where there is none."""
        left = self._falls + self._falling - self.taken
        if left <= 0:
            return None
        since = self.taken - (self._relaxes if self.relaxed else 0)
        up = min(1.0, (since + 1) / self._rising)
        down = 0.5 - 0.5 * math.cos(math.pi * min(1.0, left / (self._falling + 1)))
        return self.settings.rate * up * down

    def exploration(self) -> float:
        """Standard deviation of the noise of the next step; it vanishes quadratically."""
        if self.relaxed:
            return 0.0
        return self.settings.exploration * (1 - self.taken / self._relaxes) ** 2

    def note(self, loss: float) -> None:
        """Take a step's loss into account."""
        self._losses.append(loss)
        self.taken += 1
        if self.taken < self._falls and self._on_plateau():
            self._falls = self.taken

    def _on_plateau(self) -> bool:
        """Whether the last steps gained less on those before than is worth going on for."""
        if self.taken < self._relaxes + 2 * self._window:
            return False
        before = math.fsum(self._losses[-2 * self._window : -self._window])
        last = math.fsum(self._losses[-self._window :])
        return before - last < self.settings.plateau * before


def _noise(like: Tensor, randoms: Sequence[torch.Generator]) -> Tensor:
    """Standard normal ``[n, 1, w_dim]``, one for all layers, each image from its own source."""
    drawn = [torch.randn(1, like.shape[2], generator=random) for random in randoms]
    return torch.stack(drawn).to(like)


def _perceived(images: Tensor) -> Tensor:
    return adaptive_avg_pool2d(images, PERCEIVED) if images.shape[-1] > PERCEIVED else images
