"""NaviGAN's spectrum-based method: eigenvectors of a perceptual distance's Hessian (Sec. 3.3)."""

from abc import abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator
from pipeline.methods.gram import Progress
from pipeline.methods.leading_eigenvectors import Eigenvectors, block_krylov, power_iteration
from pipeline.methods.navigan import NaviGAN, Preset, Shifts, at_least, settled
from pipeline.methods.perceptual_hessian import PerceptualEmbedding, PerceptualHessian
from pipeline.methods.weight_shift import kernel_of


class EigenSolver(StrEnum):
    """How the eigenvectors are found."""

    BLOCK = "block"
    POWER = "power"


@dataclass(frozen=True, eq=False)
class HessianSpectrum:
    """The leading eigenvectors of a Hessian with respect to a kernel.

    Attributes:
        shifts: ``[k, *kernel]``, orthonormal.
        values: eigenvalues ``[k]``.
        residuals: see :class:`Eigenvectors`.
        passes: see :class:`PerceptualHessian`.
    """

    shifts: Tensor
    values: Tensor
    residuals: Tensor
    passes: int


@dataclass(frozen=True)
class SpectrumRecipe:
    """How a spectrum is taken.

    Attributes:
        layer: whose kernel.
        vectors: eigenvectors sought.
        codes: that the distance is averaged over.
        batch: codes at a time.
        resolution: that images are resampled to; None leaves them.
        solver: ``block`` (exact products) or ``power`` (Eq. 4).
        iterations: of ``power``, for every vector.
        epsilon: of ``power``.
        tolerance: of ``block``.
    """

    layer: str
    vectors: int
    codes: int
    batch: int
    resolution: int | None
    solver: EigenSolver
    iterations: int
    epsilon: float
    tolerance: float

    def __post_init__(self) -> None:
        at_least(self, 1, "vectors", "codes", "batch", "iterations")
        if not 0 < self.tolerance < 1:
            raise UserError(f"tolerance={self.tolerance} must lie between 0 and 1, e.g. 5.0e-3.")
        if not self.epsilon > 0:
            raise UserError(f"epsilon={self.epsilon} must be more than 0.")

    def taken(
        self,
        generator: Generator,
        codes: Codes,
        embedding: PerceptualEmbedding | None,
        seed: int,
        progress: Progress | None = None,
    ) -> HessianSpectrum:
        """The spectrum over the first so many codes.

        Raises:
            UserError: there are too few codes, or nothing to measure the distance by.
        """
        if embedding is None:
            raise UserError(
                "The Hessian of a perceptual distance is wanted, and none was given: set the "
                "method's `embedding` (pipeline.evaluators.embedding) first."
            )
        if len(codes) < self.codes:
            raise UserError(
                f"num_codes={self.codes}, but there are only {len(codes)} codes: sample more, or "
                "use fewer."
            )
        kernel = kernel_of(generator, self.layer, "The spectrum of a kernel")
        few = codes[: self.codes]
        few = few.with_values(few.values.to(kernel.dtype))
        hessian = PerceptualHessian(
            generator, few, self.layer, embedding, self.batch, self.resolution
        )
        found = self._solved(hessian, torch.Generator().manual_seed(seed), progress)
        shifts = found.vectors.reshape(-1, *kernel.shape)
        return HessianSpectrum(shifts, found.values, found.residuals, hessian.passes)

    def _solved(
        self, hessian: PerceptualHessian, random: torch.Generator, progress: Progress | None
    ) -> Eigenvectors:
        if self.solver == EigenSolver.BLOCK:
            return block_krylov(
                hessian.multiply,
                hessian.point,
                self.vectors,
                random,
                self.tolerance,
                progress=progress,
            )
        return power_iteration(
            hessian.gradient,
            hessian.point,
            self.vectors,
            random,
            self.iterations,
            self.epsilon,
            progress=progress,
        )


PUBLISHED: Preset = {
    "num_codes": 512,
    "codes_at_once": 8,
    "hessian_resolution": 64,
    "solver": EigenSolver.POWER,
    "iterations": 10,
    "epsilon": 0.1,
    "tolerance": 5e-3,
}
SMALL: Preset = {**PUBLISHED, "num_codes": 64, "codes_at_once": 16, "solver": EigenSolver.BLOCK}
PRESETS: dict[str, Preset] = {
    "embedded": {**SMALL, "num_directions": 8},
    "paper": {**PUBLISHED, "num_directions": 64},
    "readme": {**PUBLISHED, "num_directions": 64, "iterations": 20},
}
"""The README's command leaves the iterations at the code's default, 20; the paper says ten."""


class SpectralMethod(NaviGAN):
    """A method that needs a Hessian's spectrum.

    Attributes:
        embedding: what the perceptual distance is taken by; whoever makes the method sets it.
        spectrum: of the codes of the next discovery, where it was taken for other runs too.
        distance: which it should be.
    """

    embedding: PerceptualEmbedding | None = None
    spectrum: HessianSpectrum | None = None
    distance: str

    @property
    @abstractmethod
    def spectral(self) -> SpectrumRecipe:
        """How the spectrum is taken."""


DISTANCES = ("auto", "embedded", "lpips", "lpips_vgg")


def spectral_recipe(method: Any, vectors: int) -> SpectrumRecipe:
    """The recipe that a method's options make.

    Raises:
        UserError: an option is out of its range.
    """
    if method.distance not in DISTANCES:
        raise unknown_name("distance", method.distance, DISTANCES)
    if method.solver not in tuple(EigenSolver):
        raise unknown_name("solver", method.solver, EigenSolver)
    return SpectrumRecipe(
        method.layer,
        vectors,
        method.num_codes,
        method.codes_at_once,
        method.hessian_resolution or None,
        EigenSolver(method.solver),
        method.iterations,
        method.epsilon,
        method.tolerance,
    )


@dataclass
class NaviGANSpectrum(SpectralMethod):
    """Directions along which images change most: eigenvectors of the Hessian at the weights.

    Options that are None are the preset's.

    Args:
        layer: name of the convolution.
        preset: ``embedded``, ``paper`` or ``readme``.
        num_directions: eigenvectors.
        num_codes: that the distance is averaged over.
        codes_at_once: of these.
        hessian_resolution: that images are resampled to (nearest); 0 leaves them.
        distance: ``lpips_vgg`` (the paper's), ``lpips``, ``embedded``; ``auto`` is the embedded one
            for the embedded domain and ``lpips_vgg`` else.
        solver: ``block`` or ``power``, see :mod:`pipeline.methods.leading_eigenvectors`.
        iterations: of ``power``, for every vector.
        epsilon: of ``power``.
        tolerance: of ``block``.
    """

    layer: str
    preset: str = "embedded"
    num_directions: int | None = None
    num_codes: int | None = None
    codes_at_once: int | None = None
    hessian_resolution: int | None = None
    distance: str = "auto"
    solver: EigenSolver | None = None
    iterations: int | None = None
    epsilon: float | None = None
    tolerance: float | None = None
    name: str = "navigan_spectrum"

    def __post_init__(self) -> None:
        settled(self, PRESETS)
        at_least(self, 1, "num_directions")
        self._recipe = spectral_recipe(self, self.num_directions or 1)

    @property
    def spectral(self) -> SpectrumRecipe:
        """How the spectrum is taken."""
        return self._recipe

    def find(
        self, generator: Generator, codes: Codes, seed: int, progress: Progress | None
    ) -> Shifts:
        """The eigenvectors, from :attr:`spectrum` where they were taken before."""
        found = self.spectrum or self.spectral.taken(
            generator, codes, self.embedding, seed, progress
        )
        if self.spectrum is not None and progress is not None:
            progress(100, 100)
        extra = {"eigenvalues": found.values, "residuals": found.residuals}
        return Shifts(found.shifts, extra, {"passes": found.passes})
