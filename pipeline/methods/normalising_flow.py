"""A conditional continuous normalising flow (FFJORD, Grathwohl et al. 2019; StyleFlow, Abdal et al.

2021, Sec. 4): an ordinary differential equation dx/dt = v(x, t, a) that carries latents x with
attributes a to a normal distribution, between two batch normalisations with moving statistics.

Along a path the log density falls by the divergence of v (FFJORD, Eq. 3). In training it is
estimated as e' (dv/dx) e, with one e of random signs for a whole path (Hutchinson; Eq. 7, 8): the
divergence itself takes as many products as x has numbers. Editing needs none.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from pipeline.errors import UserError

MOVE = 0.1  # share by which moving statistics go to those of a batch
EPSILON = 1e-4  # least variance


@dataclass(frozen=True)
class FlowShape:
    """What a flow is built of, and how its equation is solved.

    Attributes:
        dimensions: numbers of a latent, d.
        conditions: numbers of its attributes, c.
        hidden: widths of the field's hidden layers.
        tolerance: relative and absolute, of every step of the solver (dopri5).
        adjoint: whether gradients come from solving backwards (memory of one step, FFJORD's and
            StyleFlow's way) or through the solver's steps (exact, faster for small flows).
    """

    dimensions: int
    conditions: int
    hidden: tuple[int, ...]
    tolerance: float = 1e-5
    adjoint: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(map(int, self.hidden)))
        if not self.hidden or min(self.hidden) < 1:
            raise UserError(f"hidden={list(self.hidden)}: give the widths of one layer or more.")
        if not 0 < self.tolerance < 1:
            raise UserError(f"tolerance={self.tolerance:g} must lie between 0 and 1, e.g. 1e-5.")


class ConcatSquash(nn.Module):
    """A linear layer scaled and shifted by time and attributes (FFJORD's public code).

    Args:
        inputs: its numbers in, and ``outputs`` out.
        context: numbers of time and attributes.
    """

    def __init__(self, inputs: int, outputs: int, context: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.gate = nn.Linear(context, outputs)
        self.shift = nn.Linear(context, outputs, bias=False)

    def forward(
        self, x: Tensor, tangent: Tensor | None, context: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """``[n, inputs]`` to ``[n, outputs]``, and the derivative along a tangent likewise."""
        gate = torch.sigmoid(self.gate(context))
        moved = None if tangent is None else tangent @ self.linear.weight.T * gate
        return self.linear(x) * gate + self.shift(context), moved


class VelocityField(nn.Module):
    """v(x, t, a): gated linear layers with tanh between them.

    Args:
        shape: of the flow.
    """

    def __init__(self, shape: FlowShape) -> None:
        super().__init__()
        widths = [shape.dimensions, *shape.hidden, shape.dimensions]
        pairs = zip(widths[:-1], widths[1:], strict=True)
        self.layers = nn.ModuleList(ConcatSquash(a, b, 1 + shape.conditions) for a, b in pairs)

    def forward(
        self, t: Tensor, x: Tensor, attributes: Tensor, tangent: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Velocities ``[n, d]``, and dv/dx times a tangent ``[n, d]`` where there is one.

        Args:
            t: the time, one number.
            x: ``[n, d]``.
            attributes: ``[n, c]``.
            tangent: ``[n, d]``.
        """
        context = torch.cat([t.to(x).expand(len(x), 1), attributes], dim=1)
        for number, layer in enumerate(self.layers):
            if number:
                x = torch.tanh(x)
                tangent = None if tangent is None else (1 - x.square()) * tangent
            x, tangent = layer(x, tangent, context)
        return x, tangent


class MovingNorm(nn.Module):
    """Batch normalisation by moving statistics, in training as afterwards, and so invertible.

    Args:
        dimensions: d.
    """

    mean: Tensor
    variance: Tensor
    seen: Tensor

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(dimensions))
        self.offset = nn.Parameter(torch.zeros(dimensions))
        self.register_buffer("mean", torch.zeros(dimensions))
        self.register_buffer("variance", torch.ones(dimensions))
        self.register_buffer("seen", torch.zeros(()))

    @torch.no_grad()
    def follow(self, x: Tensor) -> None:
        """Move the statistics towards those of a batch ``[n, d]``; the first sets them."""
        share = 1.0 if float(self.seen) == 0 else MOVE
        self.mean += share * (x.mean(0) - self.mean)
        self.variance += share * (x.var(0, correction=0) - self.variance)
        self.seen += 1

    @property
    def log_gain(self) -> Tensor:
        """Log of what every coordinate is multiplied by ``[d]``."""
        return self.log_scale - 0.5 * (self.variance + EPSILON).log()

    def forward(self, x: Tensor) -> Tensor:
        """Normalised ``[n, d]``."""
        if self.training:
            self.follow(x)
        return (x - self.mean) * self.log_gain.exp() + self.offset

    def inverse(self, y: Tensor) -> Tensor:
        """What was normalised."""
        return (y - self.offset) * (-self.log_gain).exp() + self.mean


class NormalisingFlow(nn.Module):
    """Latents to standard normal ones, given their attributes, and back.

    A solver's steps go by the error over the whole batch, so that a latent's image moves within the
    tolerance with those it is solved together with.

    Args:
        shape: of the flow.
        seed: of the weights; the last layer begins at 0, and the flow so at nothing.
    """

    def __init__(self, shape: FlowShape, seed: int = 0) -> None:
        super().__init__()
        self.shape = shape
        self.before, self.after = MovingNorm(shape.dimensions), MovingNorm(shape.dimensions)
        self.field = VelocityField(shape)
        self._draw(torch.Generator().manual_seed(seed))

    @torch.no_grad()
    def _draw(self, random: torch.Generator) -> None:
        for layer in self.field.modules():
            if isinstance(layer, nn.Linear):
                bound = 1 / math.sqrt(layer.in_features)
                for tensor in layer.parameters(recurse=False):
                    tensor.uniform_(-bound, bound, generator=random)
        last = self.field.layers[-1]
        for name, tensor in last.named_parameters():
            if not name.startswith("gate"):
                tensor.zero_()

    def to_base(self, x: Tensor, attributes: Tensor) -> Tensor:
        """Normal latents ``[n, d]`` of latents ``[n, d]`` with attributes ``[n, c]``."""
        base: Tensor = self.after(self._carried(self.before(x), attributes, (0.0, 1.0)))
        return base

    def from_base(self, base: Tensor, attributes: Tensor) -> Tensor:
        """Latents ``[n, d]`` of normal ones with attributes; differentiable in both."""
        start = self.after.inverse(base)
        return self.before.inverse(self._carried(start, attributes, (1.0, 0.0)))

    def log_likelihood(self, x: Tensor, attributes: Tensor, signs: Tensor) -> Tensor:
        """Log density of latents given their attributes ``[n]`` (FFJORD, Eq. 5).

        Args:
            x: ``[n, d]``.
            attributes: ``[n, c]``.
            signs: e, 1 or -1 at random, ``[n, d]``.
        """

        def rates(t: Tensor, state: Tensor) -> Tensor:
            velocity, pushed = self.field(t, state[:, :-1], attributes, signs)
            return torch.cat([velocity, (signs * pushed).sum(1, keepdim=True)], dim=1)

        start = self.before(x)
        end = self._solved(rates, torch.cat([start, torch.zeros_like(start[:, :1])], 1), (0.0, 1.0))
        base, divergence = self.after(end[:, :-1]), end[:, -1]
        normal: Tensor = -0.5 * (base.square() + math.log(2 * math.pi)).sum(1)
        gains: Tensor = self.before.log_gain.sum() + self.after.log_gain.sum()
        return normal + divergence + gains

    def _carried(self, x: Tensor, attributes: Tensor, times: tuple[float, float]) -> Tensor:
        def rates(t: Tensor, state: Tensor) -> Tensor:
            velocity: Tensor = self.field(t, state, attributes)[0]
            return velocity

        return self._solved(rates, x, times)

    def _solved(
        self,
        rates: Callable[[Tensor, Tensor], Tensor],
        start: Tensor,
        times: tuple[float, float],
    ) -> Tensor:
        """The state at the end of an interval; see :class:`FlowShape` for the gradients."""
        from torchdiffeq import odeint, odeint_adjoint

        options: dict[str, Any] = {"rtol": self.shape.tolerance, "atol": self.shape.tolerance}
        at = torch.tensor(times, dtype=start.dtype, device=start.device)
        if self.training and self.shape.adjoint:
            options["adjoint_params"] = tuple(self.field.parameters())
            path: Tensor = odeint_adjoint(rates, start, at, method="dopri5", **options)
        else:
            path = odeint(rates, start, at, method="dopri5", **options)
        return path[-1]

    def packed(self) -> Tensor:
        """All weights and statistics as one row, float32 on the CPU."""
        return torch.cat([t.detach().float().cpu().flatten() for t in self.state_dict().values()])

    @classmethod
    def unpacked(cls, row: Tensor, shape: FlowShape | Mapping[str, Any]) -> Self:
        """The flow that :meth:`packed` made a row of, ready for use.

        Raises:
            ValueError: it is a row of another shape.
        """
        flow = cls(shape if isinstance(shape, FlowShape) else FlowShape(**shape))
        state = flow.state_dict()
        sizes = [tensor.numel() for tensor in state.values()]
        if sum(sizes) != row.numel():
            raise ValueError(f"{row.numel()} numbers are no flow of {asdict(flow.shape)}")
        for tensor, values in zip(state.values(), row.split(sizes), strict=True):
            tensor.copy_(values.reshape(tensor.shape))
        return flow.eval().requires_grad_(False)
