"""The loop of a training that is part of a method: a curve, and what a killed one goes on from."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import Tensor

WINDOW = 25  # steps that a point of the curve is the mean of, and between two savings

T = TypeVar("T")
Progress = Callable[[int, int], None]
Tell = Callable[[Mapping[str, float]], None]


class Keeper(Protocol):
    """Keeps an unfinished training."""

    def load(self) -> dict[str, Any] | None:
        """What was saved last; None where nothing was."""

    def save(self, state: dict[str, Any]) -> None:
        """Keep a state of tensors and plain containers, in place of the last."""


class TrainingLoop(ABC, Generic[T]):
    """Steps of Adam, over any number of kills, to a result.

    Args:
        steps: how many.
        rate: of Adam.
        random: draws everything of a step; it is kept with the state.
    """

    curve: ClassVar[tuple[str, ...]]
    """Names of a point of the curve: the step, and what :meth:`step` returns."""

    def __init__(self, steps: int, rate: float, random: torch.Generator) -> None:
        self._steps, self._random = steps, random
        self._adam = torch.optim.Adam(self.parameters(), lr=rate)
        self._step = 0
        self._curve: list[list[float]] = []

    @abstractmethod
    def parameters(self) -> Iterable[Tensor]:
        """What is trained."""

    @abstractmethod
    def step(self) -> tuple[float, ...]:
        """One step; its losses."""

    @abstractmethod
    def finished(self, curve: Tensor) -> T:
        """The result of all steps, with the curve, float64 ``[points, len(self.curve)]``."""

    @abstractmethod
    def learned(self) -> dict[str, Any]:
        """What was learned so far, as :meth:`restore` takes it."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`learned` gave."""

    def run(
        self,
        keeper: Keeper | None = None,
        tell: Tell | None = None,
        progress: Progress | None = None,
    ) -> T:
        """Train, from where the keeper says that a training of the same settings was.

        Args:
            keeper: gets the state every :data:`WINDOW` steps.
            tell: called with every point of the curve.
            progress: called with the steps done and to be done.
        """
        state = keeper.load() if keeper is not None else None
        if state is not None:
            self._resume(state)
        while self._step < self._steps:
            few = min(WINDOW, self._steps - self._step)
            window = torch.tensor([self.step() for _ in range(few)], dtype=torch.float64)
            self._curve.append([float(self._step), *window.mean(0).tolist()])
            if tell is not None:
                tell(dict(zip(self.curve, self._curve[-1], strict=True)))
            if keeper is not None:
                keeper.save(self._state())
            if progress is not None:
                progress(self._step, self._steps)
        return self.finished(torch.tensor(self._curve, dtype=torch.float64))

    def descend(self, loss: Tensor) -> None:
        """One step of Adam down a loss."""
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        self._adam.step()
        self._step += 1

    def _state(self) -> dict[str, Any]:
        return {
            "step": self._step,
            "adam": self._adam.state_dict(),
            "random": self._random.get_state(),
            "curve": self._curve,
            **self.learned(),
        }

    def _resume(self, state: Mapping[str, Any]) -> None:
        self.restore(state)
        self._adam.load_state_dict(state["adam"])
        self._random.set_state(state["random"])
        self._step, self._curve = state["step"], [list(row) for row in state["curve"]]
