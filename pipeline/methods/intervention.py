"""Style Intervention's optimisation (Liu et al. 2020, Sec. 3.2): how much of the normal, where.

The displacement of the styles that an edit in Z makes is replaced by the normal of the attribute's
hyperplane in S, channel by channel, as far as the image outside of a part asks for it. Everything
is per image: images of one batch do not see each other.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.methods.gram import Progress
from pipeline.methods.restart import Renderer

_TINY = 1e-12  # keeps roots and quotients differentiable at zero


class PixelLoss(StrEnum):
    """How Eq. 9 measures the change outside: a mean square, or the norm as it is printed.

    The norm over millions of numbers lies in the hundreds, where Eq. 11's weights of 1e-2 and 1e-6
    mean nothing; 1e-2 fits a mean.
    """

    MSE = "mse"
    L2_SUM = "l2_sum"


@dataclass(frozen=True)
class Objective:
    """Eq. 11.

    Attributes:
        pixel: the form of Eq. 9.
        attribute: weight of Eq. 10; 1e-2 in the paper.
        norm: weight of the norm of the coefficients; 1e-6 in the paper, which in a mean square
            counts for nothing: the coefficients run to 1, and the edit is lost.
    """

    pixel: PixelLoss = PixelLoss.MSE
    attribute: float = 1e-2
    norm: float = 1e-3

    def __post_init__(self) -> None:
        if self.pixel not in tuple(PixelLoss):
            raise unknown_name("pixel", self.pixel, PixelLoss)
        object.__setattr__(self, "pixel", PixelLoss(self.pixel))
        for name in ("attribute", "norm"):
            if getattr(self, name) < 0:
                raise UserError(f"{name}={getattr(self, name)}: a weight is at least 0.")


@dataclass(frozen=True)
class Schedule:
    """Adam (Kingma & Ba 2015) on the coefficients of one layer, clamped to [0, 1].

    Attributes:
        steps: most steps on a layer.
        rate: learning rate.
        patience: steps between two looks at an image's progress; 0 never stops early.
        tolerance: an image is done with a layer when its loss has not fallen by this share since
            the last look; counted from the lowest value that Eq. 10 can bring it to, since the
            loss itself passes through zero.
    """

    steps: int = 20
    rate: float = 0.1
    patience: int = 8
    tolerance: float = 5e-4

    def __post_init__(self) -> None:
        if self.steps < 1 or self.rate <= 0 or self.patience < 0 or self.tolerance < 0:
            raise UserError(
                f"steps={self.steps} must be at least 1, rate={self.rate} positive, "
                f"patience={self.patience} and tolerance={self.tolerance} not negative."
            )


@dataclass(frozen=True, eq=False)
class Problem:
    """What is solved, for n images.

    Attributes:
        styles: ``[n, s]``, as they are.
        latent: what the latent edit adds to them, Delta s_z ``[n, s]``.
        normal: what the normal adds to them, Delta s_n ``[n, s]``.
        images: of the styles ``[n, 3, H, W]``.
        outside: what should stay, 1 there and 0 inside the part ``[n, H, W]``.
        objective: what is minimised.
    """

    styles: Tensor
    latent: Tensor
    normal: Tensor
    images: Tensor
    outside: Tensor
    objective: Objective

    def __len__(self) -> int:
        return len(self.styles)

    def __getitem__(self, rows: Tensor) -> "Problem":
        return replace(
            self,
            styles=self.styles[rows],
            latent=self.latent[rows],
            normal=self.normal[rows],
            images=self.images[rows],
            outside=self.outside[rows],
        )

    def moved(self, coefficients: Tensor) -> Tensor:
        """The edited styles ``[n, s]`` under coefficients ``[n, s]``."""
        return self.styles + merged(self.latent, self.normal, coefficients)

    def losses(self, images: Tensor, coefficients: Tensor) -> tuple[Tensor, Tensor]:
        """Eq. 11 and Eq. 9 of every edited image ``[n]``."""
        weights = self.objective
        pixel = pixel_loss(images, self.images, self.outside, weights.pixel)
        displacement = merged(self.latent, self.normal, coefficients)
        attribute = attribute_loss(self.normal, displacement)
        total = pixel + weights.attribute * attribute + weights.norm * norm_loss(coefficients)
        return total, pixel


def merged(latent: Tensor, normal: Tensor, coefficients: Tensor) -> Tensor:
    """Delta s_m of Eq. 8 ``[n, s]``."""
    return (1 - coefficients) * latent + coefficients * normal


def pixel_loss(images: Tensor, originals: Tensor, outside: Tensor, kind: PixelLoss) -> Tensor:
    """Eq. 9: the change outside of the part ``[n]``, images in [-1, 1].

    The mean is over all pixels and colours of an image, those inside (which are zero) among them.
    """
    squares = (outside[:, None] * (images - originals)).square().flatten(1)
    return squares.mean(1) if kind == PixelLoss.MSE else (squares.sum(1) + _TINY).sqrt()


def attribute_loss(normal: Tensor, displacement: Tensor) -> Tensor:
    """Eq. 10: minus the cosine between normal and displacement ``[n]``."""
    lengths = (normal.square().sum(1) * displacement.square().sum(1) + _TINY).sqrt()
    return -(normal * displacement).sum(1) / lengths


def norm_loss(coefficients: Tensor) -> Tensor:
    """The norm of the coefficients ``[n]``, with a gradient of 0 at 0."""
    return (coefficients.square().sum(1) + _TINY).sqrt()


@dataclass(frozen=True, eq=False)
class SolvedLayer:
    """One layer's coefficients.

    Attributes:
        coefficients: ``[n, channels]`` in [0, 1].
        loss: Eq. 11 with them ``[n]``.
        pixel: Eq. 9 with them ``[n]``.
        steps: steps taken, int64 ``[n]``.
    """

    coefficients: Tensor
    loss: Tensor
    pixel: Tensor
    steps: Tensor


@dataclass(frozen=True, eq=False)
class Solution:
    """All coefficients, and how the losses went from layer to layer.

    Attributes:
        coefficients: ``[n, s]`` in [0, 1].
        loss: Eq. 11 of the latent edit and after every layer ``[n, layers + 1]``.
        pixel: Eq. 9, likewise.
        steps: steps taken on every layer, int64 ``[n, layers]``.
    """

    coefficients: Tensor
    loss: Tensor
    pixel: Tensor
    steps: Tensor


Keep = Callable[[str, Callable[[], SolvedLayer]], SolvedLayer]
"""Gives a layer by name, from where it was kept or by solving it now."""


def solve(
    problem: Problem,
    renderer: Renderer,
    schedule: Schedule,
    keep: Keep = lambda _name, make: make(),
    progress: Progress | None = None,
) -> Solution:
    """Coefficients of all layers, one layer at a time, the coarsest first.

    Args:
        problem: what is solved.
        renderer: of the generator, at its first layer.
        schedule: of every layer.
        keep: where solved layers are kept, so that an interrupted call goes on from there.
        progress: called with the layers done and to be done.
    """
    coefficients = torch.zeros_like(problem.styles)
    with torch.no_grad():
        name, part = next(iter(renderer.slices.items()))
        styles = problem.moved(coefficients)
        start = problem.losses(renderer.at(name, styles)(styles[:, part]), coefficients)
    losses, pixels, steps = [start[0]], [start[1]], []
    for done, (name, part) in enumerate(renderer.slices.items(), start=1):
        layer = keep(
            name,
            lambda name=name, before=coefficients: solve_layer(  # type: ignore[misc]
                problem, renderer, name, before, schedule
            ),
        )
        coefficients = _replaced(coefficients, part, layer.coefficients.to(coefficients))
        renderer.fix(name, problem.moved(coefficients)[:, part])
        losses.append(layer.loss.to(losses[0]))
        pixels.append(layer.pixel.to(losses[0]))
        steps.append(layer.steps)
        if progress is not None:
            progress(done, len(renderer.slices))
    return Solution(
        coefficients, torch.stack(losses, 1), torch.stack(pixels, 1), torch.stack(steps, 1)
    )


def solve_layer(
    problem: Problem,
    renderer: Renderer,
    name: str,
    coefficients: Tensor,
    schedule: Schedule,
) -> SolvedLayer:
    """The best coefficients of one layer that Adam meets, those it starts from among them.

    Args:
        problem: what is solved.
        renderer: at this layer.
        name: the layer.
        coefficients: of all layers ``[n, s]``; those of the others stay.
        schedule: how long.
    """
    part, n = renderer.slices[name], len(problem)
    best = coefficients[:, part].clone()
    loss = best.new_full((n,), torch.inf)
    pixel, before = loss.clone(), loss.clone()
    taken, rows = torch.zeros(n, dtype=torch.int64), torch.arange(n, device=best.device)
    run = _Run.begin(problem, renderer, name, coefficients)
    for step in range(1, schedule.steps + 1):
        total, pixels = run.step(step, schedule.rate)
        better = total < loss[rows]
        chosen = rows[better]
        loss[chosen], pixel[chosen] = total[better], pixels[better]
        best[chosen] = run.evaluated[better]
        taken[rows.cpu()] += 1
        if step == 1:
            before = loss.clone()
        elif schedule.patience and step % schedule.patience == 0:
            least = schedule.tolerance * (loss[rows] + problem.objective.attribute)
            falling = before[rows] - loss[rows] > least
            before = loss.clone()
            if not bool(falling.any()):
                break
            if not bool(falling.all()):
                run, rows = run.keep(falling.nonzero()[:, 0]), rows[falling]
    return SolvedLayer(best, loss, pixel, taken)


class _Run:
    """Adam on one layer of the images that are not done with it."""

    def __init__(
        self,
        problem: Problem,
        renderer: Renderer,
        name: str,
        coefficients: Tensor,
        own: Tensor,
        moments: tuple[Tensor, Tensor],
    ) -> None:
        self.problem, self.renderer, self.name = problem, renderer, name
        self.coefficients, self.own, self.moments = coefficients, own, moments
        self.part = renderer.slices[name]
        self.image = renderer.at(name, problem.moved(coefficients))
        self.evaluated = own

    @classmethod
    def begin(cls, problem: Problem, renderer: Renderer, name: str, coefficients: Tensor) -> "_Run":
        own = coefficients[:, renderer.slices[name]]
        zeros = torch.zeros_like(own)
        return cls(problem, renderer, name, coefficients, own, (zeros, zeros))

    def step(self, number: int, rate: float) -> tuple[Tensor, Tensor]:
        """Losses (Eq. 11 and Eq. 9) where it stands, and one step on."""
        own = self.evaluated = self.own.detach()
        with torch.enable_grad():
            own = own.clone().requires_grad_()
            coefficients = _replaced(self.coefficients, self.part, own)
            moved = self.problem.moved(coefficients)[:, self.part]
            total, pixel = self.problem.losses(self.image(moved), coefficients)
            (slope,) = torch.autograd.grad(total.sum(), own)
        first = torch.lerp(slope, self.moments[0], 0.9)
        second = torch.lerp(slope.square(), self.moments[1], 0.999)
        self.moments = first, second
        size = (second / (1 - 0.999**number)).sqrt() + 1e-8
        self.own = (self.evaluated - rate * first / (1 - 0.9**number) / size).clamp(0, 1)
        return total.detach(), pixel.detach()

    def keep(self, rows: Tensor) -> "_Run":
        """The same for some of its images."""
        moments = self.moments[0][rows], self.moments[1][rows]
        coefficients, own = self.coefficients[rows], self.own[rows]
        few, renderer = self.problem[rows], self.renderer.keep(rows)
        return _Run(few, renderer, self.name, coefficients, own, moments)


def _replaced(coefficients: Tensor, part: slice, own: Tensor) -> Tensor:
    """All coefficients with those of one layer replaced; differentiable in these."""
    return torch.cat([coefficients[:, : part.start], own, coefficients[:, part.stop :]], dim=1)
