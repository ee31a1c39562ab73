"""What a generator is to the rest of the pipeline: a network, its latent spaces and its codes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from enum import StrEnum

import torch
from torch import Tensor, nn

from pipeline.errors import UserError


class Space(StrEnum):
    """A place where a generator can be edited."""

    Z = "z"
    W = "w"
    W_PLUS = "w+"
    S = "s"
    ACTIVATIONS = "activations"
    PARAMETERS = "parameters"


@dataclass(frozen=True)
class Codes:
    """One batch of latents.

    Attributes:
        space: the space the values live in.
        values: z ``[n, z_dim]``, w ``[n, w_dim]``, w+ ``[n, num_ws, w_dim]``, or s ``[n, num_styles]``
            (the styles of all layers side by side).
        labels: class labels ``[n]`` or conditioning maps ``[n, c, h, w]``, where there are any.
    """

    space: Space
    values: Tensor
    labels: Tensor | None = None

    def __len__(self) -> int:
        return self.values.shape[0]

    def __getitem__(self, index: slice | Tensor) -> "Codes":
        labels = None if self.labels is None else self.labels[index]
        return replace(self, values=self.values[index], labels=labels)

    def with_values(self, values: Tensor) -> "Codes":
        """The same codes with other values in the same space."""
        return replace(self, values=values)

    def to(self, device: torch.device | str) -> "Codes":
        """The codes on another device."""
        labels = None if self.labels is None else self.labels.to(device)
        return replace(self, values=self.values.to(device), labels=labels)


class Generator(nn.Module, ABC):
    """A generator network and what it can do; all images are ``[n, 3, H, W]``, RGB, about [-1, 1].

    Attributes:
        name: the name it is configured under.
        resolution: height and width of its images.
        spaces: the spaces it offers.
        fingerprint: hash of architecture and weights; edits are tied to it.
    """

    name: str
    resolution: int
    spaces: frozenset[Space]
    fingerprint: str

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator) -> Codes:
        """Draw ``n`` codes in the space the generator is sampled in."""

    @abstractmethod
    def convert(self, codes: Codes, space: Space) -> Codes:
        """The same codes in a space further down (z, w, w+, s).

        Raises:
            UserError: there is no way from one to the other.
        """

    @abstractmethod
    def render(self, codes: Codes) -> Tensor:
        """Images of codes in any of the generator's spaces; differentiable in both modes."""

    def require(self, space: Space, wanted_by: str) -> None:
        """Refuse a space that the generator does not have.

        Raises:
            UserError: it has none.
        """
        if space not in self.spaces:
            offered = ", ".join(sorted(self.spaces))
            raise UserError(
                f"{wanted_by} needs the space '{space}', which generator={self.name} does not "
                f"offer (it has: {offered})."
            )
