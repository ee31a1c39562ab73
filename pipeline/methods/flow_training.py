"""Training of StyleFlow's flow on latents and the attributes of their images."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.methods.normalising_flow import FlowShape, NormalisingFlow
from pipeline.methods.training_loop import TrainingLoop

HELD_OUT = 0.05  # share of the pairs that are kept from training, at most MOST_HELD_OUT of them
MOST_HELD_OUT = 512


@dataclass(frozen=True)
class FlowRecipe:
    """How a flow is trained.

    Attributes:
        steps: of Adam.
        batch: pairs in each, drawn at random.
        rate: of Adam.
        decay: whether the rate falls to 0 along half a cosine; else it stays.
        noise: added to latents and attributes, in standard deviations of each: few pairs are else
            learned by heart (Rothfuss et al. 2019, *Noise Regularization for Conditional Density
            Estimation*).
    """

    steps: int
    batch: int
    rate: float
    decay: bool
    noise: float = 0.0

    def __post_init__(self) -> None:
        for option in ("steps", "rate"):
            if not getattr(self, option) > 0:
                raise UserError(f"{option}={getattr(self, option)} must be more than 0.")
        if not 0 <= self.noise < 1:
            raise UserError(f"noise={self.noise}: in standard deviations, at least 0, less than 1.")
        if self.batch < 2:
            raise UserError(f"batch={self.batch}: statistics of a batch need 2 pairs or more.")

    def rate_at(self, step: int) -> float:
        """The rate of one step, from 0."""
        falls = 0.5 * (1 + math.cos(math.pi * step / self.steps)) if self.decay else 1.0
        return self.rate * falls


@dataclass(frozen=True, eq=False)
class TrainedFlow:
    """A trained flow.

    Attributes:
        weights: as :meth:`NormalisingFlow.packed` gives them.
        curve: of :class:`FlowTraining`, see :class:`TrainingLoop`.
        nats: negative log likelihood of held-out latents, per number.
        normal: the same of a normal distribution with every number's own mean and deviation, which
            knows of no attributes.
    """

    weights: Tensor
    curve: Tensor
    nats: float
    normal: float

    def notes(self) -> dict[str, float]:
        """What is said of it."""
        return {"nats": self.nats, "nats_of_a_normal_distribution": self.normal}


class FlowTraining(TrainingLoop[TrainedFlow]):
    """Maximum likelihood of latents given their attributes (StyleFlow, Sec. 4.2).

    Args:
        latents: ``[n, d]``.
        attributes: of their images ``[n, c]``, in standard deviations of the data.
        shape: of the flow.
        recipe: how it is trained.
        seed: of everything random.
    """

    curve = ("step", "nats")

    def __init__(
        self, latents: Tensor, attributes: Tensor, shape: FlowShape, recipe: FlowRecipe, seed: int
    ) -> None:
        held = min(MOST_HELD_OUT, max(2, round(HELD_OUT * len(latents))))
        if len(latents) - held < 2:
            raise UserError(
                f"{len(latents)} labelled samples are too few to train on: raise "
                "method.num_samples."
            )
        self._pairs = latents[held:].float(), attributes[held:].float()
        self._kept = latents[:held].float(), attributes[:held].float()
        self._recipe, self._seed = recipe, seed
        self._flow = NormalisingFlow(shape, seed).to(latents.device)
        super().__init__(recipe.steps, recipe.rate, torch.Generator().manual_seed(seed))

    def parameters(self) -> Iterable[Tensor]:
        """Those of the flow."""
        return self._flow.parameters()

    def step(self) -> tuple[float]:
        """One step of Adam; its loss in nats per number."""
        chosen = torch.randint(len(self._pairs[0]), (self._recipe.batch,), generator=self._random)
        self._adam.param_groups[0]["lr"] = self._recipe.rate_at(self._step)
        self._flow.train()
        latents, attributes = (self._blurred(pairs, chosen) for pairs in self._pairs)
        loss = self._nats(latents, attributes, self._random).mean()
        self.descend(loss)
        return (float(loss.detach()),)

    def _blurred(self, values: Tensor, chosen: Tensor) -> Tensor:
        """Some of all latents or attributes, with the recipe's noise."""
        few = values[chosen]
        noise = torch.randn(few.shape, generator=self._random).to(few)
        return few + self._recipe.noise * values.std(0) * noise

    def _nats(self, latents: Tensor, attributes: Tensor, random: torch.Generator) -> Tensor:
        """Negative log likelihood per number ``[n]``."""
        signs = 2.0 * torch.randint(2, latents.shape, generator=random) - 1
        found = self._flow.log_likelihood(latents, attributes, signs.to(latents))
        return -found / latents.shape[1]

    @torch.no_grad()
    def finished(self, curve: Tensor) -> TrainedFlow:
        """The flow, and how likely it finds what training has not seen."""
        self._flow.eval()
        random = torch.Generator().manual_seed(self._seed + 1_000_003)
        nats = torch.cat([self._nats(*few, random) for few in self._batches()])
        return TrainedFlow(self._flow.packed(), curve, float(nats.mean()), self._normal())

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        latents, attributes = self._kept
        size = self._recipe.batch
        for first in range(0, len(latents), size):
            yield latents[first : first + size], attributes[first : first + size]

    def _normal(self) -> float:
        """See :attr:`TrainedFlow.normal`."""
        mean, std = self._pairs[0].mean(0), self._pairs[0].std(0).clamp_min(1e-6)
        density = torch.distributions.Normal(mean, std)
        return -float(density.log_prob(self._kept[0]).mean())

    def learned(self) -> dict[str, Any]:
        """The flow."""
        return {"flow": self._flow.state_dict()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :meth:`learned`."""
        self._flow.load_state_dict(state["flow"])
