"""The latent shift that mimics another edit best (NaviGAN, Cherepkov et al. 2021, Sec. 4.3, Eq. 5).

One shift h for all codes: min over h of E_z d(G(z + h), E(z)), where E(z) is the image that the
other edit, e.g. a shift of weights, makes of z. What is left of d, as a share of d(G(z), E(z)),
says whether a latent shift can do what that edit does: 1 is no better than doing nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import cos, pi
from typing import Protocol, cast

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.evaluators.base import PerceptualDistance
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.latents import shift
from pipeline.methods.style_channels import is_to_rgb

SPACES = (Space.Z, Space.W, Space.W_PLUS, Space.ACTIVATIONS)
AT_ONCE = 32  # codes rendered together where nothing is differentiated
WINDOW = 10  # steps that a point of the curve is the mean of

Render = Callable[[Codes], Tensor]
Distances = dict[str, Tensor]
"""Float64 ``[n]`` by name: ``mse`` (RGB in [0, 1]), and the perceptual distance under its own."""
Progress = Callable[[int, int], None]
Look = Callable[[str, Tensor], Tensor]


class _Hooked(Protocol):
    """A generator that offers the space ``activations``."""

    def render(self, codes: Codes, *, hook: Look) -> Tensor: ...


@dataclass(frozen=True, kw_only=True)
class MimicryRecipe:
    """How the shift is sought.

    Attributes:
        steps: of Adam; its rate falls to 0 along half a cosine.
        batch: codes in each.
        rate: at the start, in standard deviations of the codes (of each channel of activations).
        mse: weight of the squared error, as a share of that of doing nothing.
        perceptual: weight of the perceptual distance, likewise; 0 is the paper's Eq. 5.
    """

    steps: int = 300
    batch: int = 16
    rate: float = 0.1
    mse: float = 1.0
    perceptual: float = 1.0

    def __post_init__(self) -> None:
        for option in ("steps", "batch", "rate"):
            if not getattr(self, option) > 0:
                raise UserError(f"{option}={getattr(self, option)} must be more than 0.")
        if min(self.mse, self.perceptual) < 0 or self.mse + self.perceptual == 0:
            raise UserError(
                f"mse={self.mse} and perceptual={self.perceptual} must be at least 0, and one of "
                "them more."
            )


class Mover(ABC):
    """A space in which one shift moves all codes alike.

    Attributes:
        scale: of its coordinates over the codes, in a shape that goes with :attr:`shape`.
        shape: of a shift.
    """

    scale: Tensor
    shape: torch.Size

    @abstractmethod
    def render(self, codes: Codes, moved: Tensor) -> Tensor:
        """Images with every code moved by a shift of :attr:`shape`; differentiable in it."""


class LatentMover(Mover):
    """Shifts of z, w or w+; a shift in w moves the w of all layers."""

    def __init__(self, generator: Generator, codes: Codes, space: Space) -> None:
        values = generator.convert(codes, space).values
        self.generator, self.space, self.shape = generator, space, values.shape[1:]
        self.scale = (values - values.mean(0)).square().mean().sqrt()

    def render(self, codes: Codes, moved: Tensor) -> Tensor:
        """See :meth:`Mover.render`."""
        return self.generator.render(shift(self.generator, codes, moved[None], self.space))


class ActivationMover(Mover):
    """Shifts of the features that a convolution is given, of every channel at every pixel.

    Args:
        generator: offers the space ``activations``.
        codes: the deviation of every channel is measured on.
        layer: the convolution.
    """

    def __init__(self, generator: Generator, codes: Codes, layer: str) -> None:
        self.generator, self.before = generator, layer_before(generator, codes, layer)
        features = seen(generator, codes, self.before)
        self.shape = features.shape[1:]
        centred = features - features.mean((0, 2, 3), keepdim=True)
        self.scale = centred.square().mean((0, 2, 3)).sqrt()[:, None, None]

    def render(self, codes: Codes, moved: Tensor) -> Tensor:
        """See :meth:`Mover.render`."""

        def look(layer: str, features: Tensor) -> Tensor:
            return features + moved if layer == self.before else features

        return cast(_Hooked, self.generator).render(codes, hook=look)


def mover(generator: Generator, codes: Codes, space: Space, layer: str) -> Mover:
    """What moves codes in a space.

    Raises:
        UserError: the generator has no such space, or nothing before the layer.
    """
    generator.require(space, "The shift that is sought")
    if space == Space.ACTIVATIONS:
        return ActivationMover(generator, codes, layer)
    return LatentMover(generator, codes, space)


@torch.no_grad()
def layer_before(generator: Generator, codes: Codes, layer: str) -> str:
    """The layer whose output a convolution is given.

    Raises:
        UserError: no layer of this name can be looked at, or none is before it.
    """
    names: list[str] = []

    def look(name: str, features: Tensor) -> Tensor:
        names.append(name)
        return features

    cast(_Hooked, generator).render(codes[:1], hook=look)
    before = names[: names.index(layer)] if layer in names else []
    before = [name for name in before if not is_to_rgb(name)]
    if not before:
        raise UserError(
            f"layer={layer} is given no features of another layer of generator={generator.name} "
            "that could be shifted: choose a later one, or another space."
        )
    return before[-1]


@torch.no_grad()
def seen(generator: Generator, codes: Codes, layer: str) -> Tensor:
    """The output ``[n, c, h, w]`` of a layer for codes."""
    found: list[Tensor] = []

    def look(name: str, features: Tensor) -> Tensor:
        if name == layer:
            found.append(features)
        return features

    for first in range(0, len(codes), AT_ONCE):
        cast(_Hooked, generator).render(codes[first : first + AT_ONCE], hook=look)
    return torch.cat(found)


def distances(a: Tensor, b: Tensor, perceptual: PerceptualDistance | None) -> Distances:
    """How unlike images ``[n, 3, H, W]`` are to others, one by one; differentiable."""
    found = {"mse": ((a - b) / 2).square().mean((1, 2, 3)).double()}
    if perceptual is not None:
        found[perceptual.name] = perceptual(a, b).double()
    return found


@dataclass(frozen=True, eq=False)
class Mimicry:
    """A shift that mimics an edit.

    Attributes:
        shift: in the shape of the space.
        curve: the loss, means over :data:`WINDOW` steps, float64; 1 is doing nothing.
    """

    shift: Tensor
    curve: Tensor


def mimic(
    mover: Mover,
    codes: Codes,
    original: Render,
    target: Render,
    recipe: MimicryRecipe,
    random: torch.Generator,
    perceptual: PerceptualDistance | None = None,
    progress: Progress | None = None,
) -> Mimicry:
    """Eq. 5 by Adam from no shift at all.

    Args:
        mover: the space.
        codes: to learn on; the images of all of them are held.
        original: renders them as they are.
        target: renders them as the edit makes them.
        recipe: how.
        random: draws the batches.
        perceptual: None leaves the squared error.
        progress: called with the steps done and to be done.

    Raises:
        UserError: the edit changes nothing, so that there is nothing to mimic.
    """
    wanted = drawn(target, codes)
    weights = _weights(drawn(original, codes), wanted, recipe, perceptual)
    share = torch.zeros(mover.shape).to(mover.scale).requires_grad_()
    adam = torch.optim.Adam([share], lr=recipe.rate)
    losses = []
    for step in range(recipe.steps):
        adam.param_groups[0]["lr"] = recipe.rate * (1 + cos(pi * step / recipe.steps)) / 2
        rows = torch.randperm(len(codes), generator=random)[: recipe.batch].to(wanted.device)
        images = mover.render(codes[rows], share * mover.scale)
        found = distances(images, wanted[rows], perceptual)
        loss = torch.stack([weights[name] * found[name].mean() for name in weights]).sum()
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        losses.append(loss.detach())
        if progress is not None:
            progress(step + 1, recipe.steps)
    told = torch.stack(losses).double().cpu()
    curve = torch.stack([part.mean() for part in told.split(WINDOW)])
    return Mimicry((share * mover.scale).detach().cpu(), curve)


@torch.no_grad()
def drawn(render: Render, codes: Codes) -> Tensor:
    """All images ``[n, 3, H, W]`` of codes."""
    parts = range(0, len(codes), AT_ONCE)
    return torch.cat([render(codes[first : first + AT_ONCE]) for first in parts])


@torch.no_grad()
def _weights(
    images: Tensor, wanted: Tensor, recipe: MimicryRecipe, perceptual: PerceptualDistance | None
) -> Mapping[str, float]:
    """Of each distance, over what it is where nothing is done."""
    nothing = _judged(images, wanted, perceptual)
    if not all(float(values.mean()) > 0 for values in nothing.values()):
        raise UserError("The edit changes nothing, so that no shift can mimic it.")
    wish = {name: recipe.mse if name == "mse" else recipe.perceptual for name in nothing}
    total = sum(wish.values())
    return {name: wish[name] / total / float(values.mean()) for name, values in nothing.items()}


@torch.no_grad()
def judged(
    images: Render, wanted: Render, codes: Codes, perceptual: PerceptualDistance | None
) -> Distances:
    """How unlike two renderings of codes are, as pictures are seen: clamped to [-1, 1]."""
    seen_as, meant = (drawn(render, codes).clamp(-1, 1) for render in (images, wanted))
    return _judged(seen_as, meant, perceptual)


def _judged(a: Tensor, b: Tensor, perceptual: PerceptualDistance | None) -> Distances:
    parts = [
        distances(first, second, perceptual)
        for first, second in zip(a.split(AT_ONCE), b.split(AT_ONCE), strict=True)
    ]
    return {name: torch.cat([part[name].cpu() for part in parts]) for name in parts[0]}
