"""NaviGAN's optimisation-based method: shifts of singular values that can be told apart (3.2)."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from pipeline.generators.base import Codes, Generator
from pipeline.methods.gram import Progress
from pipeline.methods.kernel_basis import Basis, SingularBasis
from pipeline.methods.navigan import NaviGAN, Preset, Shifts, settled
from pipeline.methods.shift_training import Recipe, ShiftTraining, Trained
from pipeline.methods.weight_shift import kernel_of

PUBLISHED: Preset = {
    "num_directions": 64,
    "steps": 100_000,
    "batch": 32,
    "rate": 1e-4,
    "magnitude": 3500.0,
    "reach": 2.28,
    "least": 0.0,
    "regression": 2.5e-3 * 3500,
    "resolution": 256,
}
SMALL: Preset = {
    "num_directions": 16,
    "steps": 1500,
    "batch": 32,
    "rate": 1e-3,
    "magnitude": None,
    "reach": 0.4,  # beyond, the small generator's faces fall apart
    "least": 0.1,
    "regression": 1.0,
    "resolution": 64,
}
PRESETS: dict[str, Preset] = {
    "embedded": SMALL,
    "paper": PUBLISHED,
    "readme": {**PUBLISHED, "least": 300 / 3500},
}


class TrainedMethod(NaviGAN):
    """A method that trains its directions.

    Attributes:
        trained: the directions, where they were trained by a stage of their own.
        layer: name of the convolution.
    """

    trained: Trained | None = None

    @property
    @abstractmethod
    def recipe(self) -> Recipe:
        """How they are trained."""

    @abstractmethod
    def basis(
        self, generator: Generator, codes: Codes, seed: int, progress: Progress | None
    ) -> Basis:
        """What they are mixed of."""

    def training(self, generator: Generator, basis: Basis, seed: int) -> ShiftTraining:
        """The training at its beginning."""
        return ShiftTraining(generator, self.layer, basis, self.recipe, seed)

    def find(
        self, generator: Generator, codes: Codes, seed: int, progress: Progress | None
    ) -> Shifts:
        """The directions, from :attr:`trained` where they were trained before."""
        steps = self.recipe.steps
        basis = self.basis(generator, codes, seed, _part(progress, 0, 100, steps))
        told = _part(progress, 100, steps, steps)
        trained = self.trained or self.training(generator, basis, seed).run(progress=told)
        if progress is not None:
            progress(100 + steps, 100 + steps)
        kernel = kernel_of(generator, self.layer, f"method={self.name}")
        extra = {
            "coefficients": trained.coefficients,
            "curve": trained.curve,
            "held_out": torch.tensor([trained.accuracy, trained.error], dtype=torch.float64),
        }
        notes = {"range": trained.range, "accuracy": trained.accuracy, "error": trained.error}
        return Shifts(basis.shifts(trained.coefficients.to(kernel)), extra, notes)


def training_recipe(method: Any) -> Recipe:
    """The recipe that a method's options make.

    Raises:
        UserError: an option is out of its range.
    """
    options = ("steps", "batch", "rate", "magnitude", "reach", "least", "regression", "resolution")
    given: Mapping[str, Any] = {option: getattr(method, option) for option in options}
    return Recipe(directions=method.num_directions, **given)


@dataclass
class NaviGANOptimization(TrainedMethod):
    """Shifts of all singular values, trained with the network that recognises them (Eq. 1).

    Options that are None are the preset's, but that of ``magnitude``.

    Args:
        layer: name of the convolution.
        preset: ``embedded``, ``paper`` or ``readme``.
        num_directions: K.
        steps: of Adam.
        batch: pairs of images in each.
        rate: of Adam.
        magnitude: T. Where the preset has none either it is ``reach`` times the kernel's norm.
        reach: see there.
        least: see :class:`Recipe`.
        regression: see there.
        resolution: of the images that the reconstructor sees.
    """

    layer: str
    preset: str = "embedded"
    num_directions: int | None = None
    steps: int | None = None
    batch: int | None = None
    rate: float | None = None
    magnitude: float | None = None
    reach: float | None = None
    least: float | None = None
    regression: float | None = None
    resolution: int | None = None
    name: str = "navigan_optimization"

    def __post_init__(self) -> None:
        settled(self, PRESETS)
        self._recipe = training_recipe(self)

    @property
    def recipe(self) -> Recipe:
        """How the directions are trained."""
        return self._recipe

    def basis(
        self, generator: Generator, codes: Codes, seed: int, progress: Progress | None
    ) -> Basis:
        """The singular vectors of the kernel."""
        return SingularBasis.of(kernel_of(generator, self.layer, f"method={self.name}"))


def _part(progress: Progress | None, first: int, share: int, steps: int) -> Progress:
    """Tells the progress of one part, which counts so much from some count on, as that of all."""

    def tell(done: int, total: int) -> None:
        if progress is not None:
            progress(first + share * done // total, 100 + steps)

    return tell
