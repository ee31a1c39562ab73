"""Steps in latent space: one function moves the codes of an edit and of a Jacobian alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space

LayerRange = tuple[int, int]


def as_layer_range(layers: Sequence[int] | None) -> LayerRange | None:
    """A half-open range of w+ layers as a pair, or None for all of them.

    Raises:
        UserError: it is no pair of increasing numbers.
    """
    if layers is None:
        return None
    if len(layers) != 2 or not 0 <= layers[0] < layers[1]:
        raise UserError(
            f"layers={list(layers)} must be a half-open range [first, last] of w+ layers, "
            "e.g. layers=[4,8] for the layers 4 to 7, or null for all."
        )
    return int(layers[0]), int(layers[1])


def resolve_layers(layers: LayerRange | None, num_ws: int) -> LayerRange:
    """The range itself, checked against the generator; all layers for None.

    Raises:
        UserError: it reaches beyond the generator's layers.
    """
    first, last = layers or (0, num_ws)
    if last > num_ws:
        raise UserError(
            f"layers=[{first},{last}] reaches beyond this generator's {num_ws} w+ layers: "
            f"the last bound is at most {num_ws}."
        )
    return first, last


def shift(
    generator: Generator,
    codes: Codes,
    step: Tensor,
    space: Space,
    layers: LayerRange | None = None,
    rows: Sequence[int] | None = None,
) -> Codes:
    """The codes moved by a step; differentiable in the step.

    Args:
        generator: whose codes they are.
        codes: n codes in this space or one above it.
        step: ``[n or 1, ...]`` in the shape of the space; a step in w moves every layer of the
            range alike, a step in w+ each by its own row.
        space: the space of the step.
        layers: half-open range of the w+ layers that move; other spaces have none.
        rows: of these the only ones that move, e.g. those of a SemanticStyleGAN's class; None is
            all.

    Returns:
        Codes in the space of the step, or in w+ where it is w.
    """
    if space not in (Space.W, Space.W_PLUS):
        base = generator.convert(codes, space)
        return base.with_values(base.values + step)
    base = generator.convert(codes, Space.W_PLUS)
    moves = moving(base.values.shape[1], layers, rows).to(base.values)
    steps = step if space == Space.W_PLUS else step.unsqueeze(1)
    return base.with_values(base.values + moves * steps)


def moving(num_ws: int, layers: LayerRange | None, rows: Sequence[int] | None) -> Tensor:
    """1 for each row of w+ that moves, 0 for others: float32 ``[num_ws, 1]``.

    Raises:
        UserError: the range or a row reaches beyond the generator's.
    """
    first, last = resolve_layers(layers, num_ws)
    kept = [row for row in (range(num_ws) if rows is None else rows) if first <= row < last]
    if rows is not None and (not kept or not 0 <= min(rows) <= max(rows) < num_ws):
        raise UserError(
            f"rows={list(rows)} of layers=[{first},{last}] must be some of this generator's "
            f"{num_ws} w+ rows."
        )
    moves = torch.zeros(num_ws, 1)
    moves[kept] = 1
    return moves


@dataclass(frozen=True)
class Coordinates:
    """Flat coordinates of the steps from a code: what a Jacobian is taken with respect to.

    Attributes:
        space: the space of the steps.
        shape: shape of a step in that space, without the batch.
        layers: half-open range of the w+ rows that have coordinates; None where a step is one row.
    """

    space: Space
    shape: torch.Size
    layers: LayerRange | None

    @classmethod
    def of(
        cls, generator: Generator, codes: Codes, space: Space, layers: LayerRange | None
    ) -> "Coordinates":
        """Coordinates around codes that lie in the space or above it."""
        if space not in (Space.W, Space.W_PLUS):
            return cls(space, generator.convert(codes, space).values.shape[1:], None)
        shape = generator.convert(codes, Space.W_PLUS).values.shape[1:]
        moved = resolve_layers(layers, shape[0])
        return cls(space, shape[1:], None) if space == Space.W else cls(space, shape, moved)

    def __len__(self) -> int:
        if self.layers is None:
            return self.shape.numel()
        return (self.layers[1] - self.layers[0]) * self.shape[1]

    def step(self, flat: Tensor) -> Tensor:
        """Coordinates ``[..., d]`` as steps ``[..., *shape]``; other layers get zeros."""
        if self.layers is None:
            return flat.reshape(*flat.shape[:-1], *self.shape)
        first, last = self.layers
        rows = flat.reshape(*flat.shape[:-1], last - first, self.shape[1])
        return pad(rows, (0, 0, first, self.shape[0] - last))
