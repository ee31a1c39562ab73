"""Shifts of a kernel, learned together with a network that tells them apart (Sec. 3.2, Eq. 1)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Generator
from pipeline.methods.kernel_basis import Basis
from pipeline.methods.reconstructor import Reconstructor
from pipeline.methods.training_loop import TrainingLoop
from pipeline.methods.weight_shift import render_shifted, scaled

HELD_OUT = 512  # pairs of fresh codes, directions and magnitudes that it is tested on


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How directions are trained.

    Attributes:
        directions: K.
        steps: of Adam.
        batch: pairs in each.
        rate: of Adam, for the directions and the reconstructor.
        magnitude: T; None goes by ``reach``.
        reach: T as a share of the kernel's norm (3500 of the paper is 2.28 of a fresh kernel of
            512 x 512 x 3 x 3, and 80 is 0.052).
        least: the smallest size of t, as a share of T; smaller ones are moved out to it.
        regression: weight of the error of t / T; the paper's lambda is this divided by T.
        resolution: of the images that the reconstructor sees.
    """

    directions: int
    steps: int
    batch: int
    rate: float
    magnitude: float | None
    reach: float
    least: float
    regression: float
    resolution: int

    def __post_init__(self) -> None:
        for option in ("directions", "steps", "batch", "rate", "reach", "resolution"):
            if not getattr(self, option) > 0:
                raise UserError(f"{option}={getattr(self, option)} must be more than 0.")
        if self.magnitude is not None and not self.magnitude > 0:
            raise UserError(f"magnitude={self.magnitude} must be more than 0, or null.")
        if not 0 <= self.least < 1:
            raise UserError(f"least={self.least}: a share of the range, at least 0, less than 1.")
        if self.directions < 2:
            raise UserError(f"directions={self.directions}: two can be told apart, one cannot.")

    def range(self, kernel: Tensor) -> float:
        """T for a kernel."""
        return self.magnitude or self.reach * float(kernel.norm())


@dataclass(frozen=True, eq=False)
class Trained:
    """Learned directions.

    Attributes:
        coefficients: of the basis, ``[K, b]``, rows of unit length.
        curve: of :class:`ShiftTraining`, see :class:`TrainingLoop`.
        accuracy: share of held-out pairs whose direction is recognised.
        error: mean absolute error of t / T on them.
        range: T.
    """

    coefficients: Tensor
    curve: Tensor
    accuracy: float
    error: float
    range: float


class ShiftTraining(TrainingLoop[Trained]):
    """Eq. 1 for one kernel: min over directions and R of E[cross-entropy + lambda |t - t'|].

    The pair of a step has one code, with its class label or label map, and one constant noise.

    Args:
        generator: in evaluation mode; stays as it is.
        layer: whose kernel is shifted.
        basis: what the shifts are mixed of.
        recipe: how.
        seed: of everything random.
    """

    curve = ("step", "loss", "classification", "regression", "accuracy")

    def __init__(
        self, generator: Generator, layer: str, basis: Basis, recipe: Recipe, seed: int
    ) -> None:
        self._generator, self._layer, self._basis = generator, layer, basis
        self._recipe, self._seed = recipe, seed
        kernel = generator.kernels[layer].detach()
        self.range = recipe.range(kernel)
        random = torch.Generator().manual_seed(seed)
        drawn = torch.randn(recipe.directions, len(basis), generator=random)
        self._coefficients = drawn.to(kernel).requires_grad_()
        network = Reconstructor(recipe.directions, recipe.resolution, seed).to(kernel.device)
        self._reconstructor = network.to(memory_format=torch.channels_last)
        super().__init__(recipe.steps, recipe.rate, random)

    def parameters(self) -> Iterable[Tensor]:
        """The directions, and the reconstructor's."""
        return [self._coefficients, *self._reconstructor.parameters()]

    def step(self) -> tuple[float, float, float, float]:
        """One step: loss, its two terms (the second without its weight), and the accuracy."""
        self._reconstructor.train()
        pairs = self._pairs(self._recipe.batch, self._random)
        classification, regression, hits = self._judged(*pairs)
        loss = classification + self._recipe.regression * regression
        self.descend(loss)
        parts = (loss, classification, regression, hits.float().mean())
        total, first, second, share = torch.stack([part.detach() for part in parts]).tolist()
        return total, first, second, share

    def _pairs(self, n: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Images before and after, directions ``[n]``, and magnitudes as shares of T."""
        codes = self._generator.sample(n, random)
        chosen = torch.randint(self._recipe.directions, (n,), generator=random)
        share = 2 * torch.rand(n, generator=random) - 1
        sign = torch.where(share < 0, -1.0, 1.0)
        share = torch.where(share.abs() < self._recipe.least, self._recipe.least * sign, share)
        coefficients = self._coefficients[chosen.to(self._coefficients.device)]
        codes = codes.with_values(codes.values.to(coefficients.dtype))
        shifts = scaled(self._basis.shifts(coefficients), self.range * share.to(coefficients))
        with torch.no_grad():
            before = self._generator.render(codes)
        after = render_shifted(self._generator, codes, {self._layer: shifts})
        return before, after, chosen.to(before.device), share.to(before.device)

    def _judged(
        self, before: Tensor, after: Tensor, chosen: Tensor, share: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The two terms of Eq. 1, and which directions are recognised ``[n]``."""
        logits, magnitudes = self._reconstructor(before, after)
        error = (magnitudes - share.to(magnitudes)).abs().mean()
        return F.cross_entropy(logits, chosen), error, logits.argmax(1) == chosen

    @torch.no_grad()
    def finished(self, curve: Tensor) -> Trained:
        """The directions, and how well they are told apart on pairs that training has not seen."""
        self._reconstructor.eval()
        random = torch.Generator().manual_seed(self._seed + 1_000_003)
        hits, errors = [], []
        for first in range(0, HELD_OUT, self._recipe.batch):
            n = min(self._recipe.batch, HELD_OUT - first)
            _, error, hit = self._judged(*self._pairs(n, random))
            hits.append(hit.double().sum())
            errors.append(n * error.double())
        return Trained(
            F.normalize(self._coefficients.detach(), dim=1).cpu(),
            curve,
            float(torch.stack(hits).sum()) / HELD_OUT,
            float(torch.stack(errors).sum()) / HELD_OUT,
            self.range,
        )

    def learned(self) -> dict[str, Any]:
        """Directions and reconstructor."""
        return {
            "coefficients": self._coefficients.detach(),
            "reconstructor": self._reconstructor.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :meth:`learned`."""
        with torch.no_grad():
            self._coefficients.copy_(state["coefficients"])
        self._reconstructor.load_state_dict(state["reconstructor"])
