"""NaviGAN's hybrid method: mixtures of the Hessian's eigenvectors that can be told apart (3.4)."""

from dataclasses import dataclass

from pipeline.generators.base import Codes, Generator
from pipeline.methods import navigan_optimization as optimization
from pipeline.methods import navigan_spectrum as spectral
from pipeline.methods.gram import Progress
from pipeline.methods.kernel_basis import Basis, VectorBasis
from pipeline.methods.navigan import Preset, at_least, settled
from pipeline.methods.navigan_optimization import TrainedMethod, training_recipe
from pipeline.methods.navigan_spectrum import (
    EigenSolver,
    SpectralMethod,
    SpectrumRecipe,
    spectral_recipe,
)
from pipeline.methods.shift_training import Recipe
from pipeline.methods.weight_shift import kernel_of

PAPER: Preset = {
    **spectral.PUBLISHED,
    **optimization.PUBLISHED,
    "vectors": 64,
    "batch": 16,
    "magnitude": 80.0,
    "reach": 0.052,
    "regression": 2.5e-3 * 80,
}
PRESETS: dict[str, Preset] = {
    "embedded": {**spectral.SMALL, **optimization.SMALL, "vectors": 32, "reach": 0.052},
    "paper": PAPER,
    "readme": {
        **PAPER,
        "iterations": 20,
        "batch": 32,
        "magnitude": 60.0,
        "least": 15 / 60,
        "regression": 0.25 * 60,
    },
}


@dataclass
class NaviGANHybrid(TrainedMethod, SpectralMethod):
    """The optimisation-based method within the span of the leading eigenvectors.

    For the options see :class:`NaviGANSpectrum` and :class:`NaviGANOptimization`; those that are
    None are the preset's.

    Args:
        vectors: eigenvectors that the directions are mixed of.
    """

    layer: str
    preset: str = "embedded"
    num_directions: int | None = None
    vectors: int | None = None
    num_codes: int | None = None
    codes_at_once: int | None = None
    hessian_resolution: int | None = None
    distance: str = "auto"
    solver: EigenSolver | None = None
    iterations: int | None = None
    epsilon: float | None = None
    tolerance: float | None = None
    steps: int | None = None
    batch: int | None = None
    rate: float | None = None
    magnitude: float | None = None
    reach: float | None = None
    least: float | None = None
    regression: float | None = None
    resolution: int | None = None
    name: str = "navigan_hybrid"

    def __post_init__(self) -> None:
        settled(self, PRESETS)
        at_least(self, 2, "vectors")
        self._recipe = training_recipe(self)
        self._spectral = spectral_recipe(self, self.vectors or 2)

    @property
    def recipe(self) -> Recipe:
        """How the directions are trained."""
        return self._recipe

    @property
    def spectral(self) -> SpectrumRecipe:
        """How the eigenvectors are found."""
        return self._spectral

    def basis(
        self, generator: Generator, codes: Codes, seed: int, progress: Progress | None
    ) -> Basis:
        """The eigenvectors, from :attr:`spectrum` where they were taken before."""
        kernel = kernel_of(generator, self.layer, f"method={self.name}")
        found = self.spectrum or self.spectral.taken(
            generator, codes, self.embedding, seed, progress
        )
        return VectorBasis(found.shifts.to(kernel))
