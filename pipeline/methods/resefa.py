"""ReSeFa: region-based semantic factorisation (Zhu et al. 2022)."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.base import Method
from pipeline.methods.edits import DirectionEdit, Edits
from pipeline.methods.eigen import TAU, Solver, solve
from pipeline.methods.gram import Grams, Progress, gram_matrices
from pipeline.methods.jacobian import ImageFunction
from pipeline.methods.latents import (
    Coordinates,
    LayerRange,
    as_layer_range,
    resolve_layers,
    shift,
)
from pipeline.regions.region import Region

CHANNELS = ("rgb", "sum")
SPACES = (Space.Z, Space.W, Space.W_PLUS, Space.S)
REFERENCE_RESOLUTION = 256  # the reference differentiates larger images at this size


@dataclass
class ReSeFa(Method):
    """Directions that change a region most for the least change elsewhere (Eq. 7).

    Args:
        num_directions: how many to keep, by decreasing eigenvalue; at most one per dimension.
        space: where to look: ``w`` (all layers of the range move alike), ``w+`` (each layer of the
            range has coordinates of its own), ``z`` or ``s``.
        layers: half-open range of the w+ layers that the Jacobian moves; None is all.
        edit_layers: the same for the edits; None is ``layers``. The reference looks at all layers
            and edits 4 to 7 of 18 (for make-up and brows 8 to 11).
        num_codes: how many of the given codes to look at; their Gram matrices are pooled. The
            reference uses one.
        solver: ``cholesky`` (Eq. 9), ``regularised`` (Eq. 11) or ``woodbury`` (Eq. 12).
        tau: the regularisation, as a share of the trace of the background matrix (Eq. 10).
        rank: eigenvectors of the background matrix that ``woodbury`` keeps; None is all that count.
        channels: ``rgb`` takes every channel as a row of the Jacobian; ``sum`` adds them up first,
            as the reference does for images of more than 256 px.
        jacobian_resolution: images are averaged down to this size before they are differentiated;
            None is the generator's own, at most 256.
        chunk: columns of the Jacobian computed at a time.
        max_bytes: bound on the part of the Jacobian that is held at a time.
    """

    num_directions: int = 10
    space: Space = Space.W
    layers: LayerRange | None = None
    edit_layers: LayerRange | None = None
    num_codes: int = 1
    solver: Solver = Solver.REGULARISED
    tau: float = TAU
    rank: int | None = None
    channels: str = "rgb"
    jacobian_resolution: int | None = None
    chunk: int = 32
    max_bytes: int = 2**30
    name: str = "resefa"

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise unknown_name("space", self.space, SPACES)
        if self.solver not in tuple(Solver):
            raise unknown_name("solver", self.solver, Solver)
        if self.channels not in CHANNELS:
            raise unknown_name("channels", self.channels, CHANNELS)
        self.space, self.solver = Space(self.space), Solver(self.solver)
        for option in ("num_directions", "num_codes", "chunk", "max_bytes"):
            if getattr(self, option) < 1:
                raise UserError(f"{option}={getattr(self, option)} must be at least 1.")
        if self.solver != Solver.CHOLESKY and not self.tau > 0:
            raise UserError(f"tau={self.tau} must be greater than 0 for solver={self.solver}.")
        self.layers = as_layer_range(self.layers)
        self.edit_layers = as_layer_range(self.edit_layers) or self.layers
        self._check_layers()

    def _check_layers(self) -> None:
        if self.edit_layers and self.space not in (Space.W, Space.W_PLUS):
            raise UserError(f"layers belong to the spaces w and w+; space={self.space} has none.")
        if self.space != Space.W_PLUS or not (self.layers and self.edit_layers):
            return
        if not self.layers[0] <= self.edit_layers[0] < self.edit_layers[1] <= self.layers[1]:
            raise UserError(
                f"edit_layers={list(self.edit_layers)} must lie within layers={list(self.layers)}: "
                "a direction of w+ says nothing about other layers."
            )

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a generator without the space, or a region without pixels or background."""
        generator.require(self.space, f"method={self.name}")
        resolution = self._resolution(generator)
        if not region.per_image and bool(region.mask(resolution).all()):
            raise _no_pixels(region, inside=False)

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; deterministic, the seed is only noted.

        Raises:
            UserError: there are too few codes, the region or the rest of the image has no pixel in
                any of the images, or ``cholesky`` met a singular matrix.
        """
        self.check(generator, region)
        if len(codes) < self.num_codes:
            raise UserError(
                f"num_codes={self.num_codes}, but there are only {len(codes)} codes: "
                "sample more, or use fewer."
            )
        with torch.no_grad():
            start = generator.convert(codes[: self.num_codes], _layered(self.space))
            coordinates = Coordinates.of(generator, start, self.space, self.layers)
        if self.edit_layers:
            resolve_layers(self.edit_layers, start.values.shape[1])
        if self.rank is not None and not 1 <= self.rank <= len(coordinates):
            raise UserError(f"rank={self.rank} must be within 1..{len(coordinates)}, or null.")
        began = _now(start)
        grams = self._grams(generator, start, coordinates, region, progress)
        differentiated = _now(start)
        spectrum = solve(self.solver, *_means(grams, region), self.tau, self.rank)
        seconds = {"jacobian": differentiated - began, "solve": _now(start) - differentiated}
        directions = coordinates.step(spectrum.directions[: self.num_directions])
        return Edits(
            edits=self._edits(generator, region, directions.to(start.values.dtype)),
            method=self.name,
            generator=generator.name,
            fingerprint=generator.fingerprint,
            region=region.name,
            seed=seed,
            extra={
                "eigenvalues": spectrum.eigenvalues,
                "condition": torch.tensor(spectrum.condition, dtype=torch.float64),
                "rank": torch.tensor(spectrum.rank),
            },
            notes={"options": asdict(self), "seconds": seconds},
        )

    def _resolution(self, generator: Generator) -> int:
        full = generator.resolution
        wanted = self.jacobian_resolution
        if wanted is None:
            wanted = min(full, REFERENCE_RESOLUTION)
        if wanted < 1 or full % wanted:
            raise UserError(
                f"jacobian_resolution={wanted} must divide the generator's resolution, {full}."
            )
        return wanted

    def _grams(
        self,
        generator: Generator,
        start: Codes,
        coordinates: Coordinates,
        region: Region,
        progress: Progress | None,
    ) -> Grams:
        resolution = self._resolution(generator)
        singles = [start[i : i + 1] for i in range(len(start))]

        def function_of(code: Codes) -> ImageFunction:
            def function(offset: Tensor) -> Tensor:
                step = coordinates.step(offset).unsqueeze(0)
                moved = shift(generator, code, step, self.space, self.layers)
                return _read(generator.render(moved)[0], resolution, self.channels)

            return function

        return gram_matrices(
            [function_of(code) for code in singles],
            start.values.new_zeros(len(coordinates)),
            _masks(generator, singles, region, resolution),
            self.chunk,
            self.max_bytes,
            progress,
        )

    def _edits(
        self, generator: Generator, region: Region, directions: Tensor
    ) -> tuple[DirectionEdit, ...]:
        return tuple(
            DirectionEdit(
                name=f"{self.name}/{region.name}/{index}",
                generator=generator.name,
                fingerprint=generator.fingerprint,
                direction=direction,
                space=self.space,
                layers=self.edit_layers,
            )
            for index, direction in enumerate(directions)
        )


def _layered(space: Space) -> Space:
    """The space whose codes a step is added to: w moves the layers of w+."""
    return Space.W_PLUS if space == Space.W else space


def _masks(
    generator: Generator, singles: Sequence[Codes], region: Region, resolution: int
) -> Tensor:
    """Masks ``[n, 1, r, r]`` of every image, or ``[1, 1, r, r]`` of all."""
    if not region.per_image:
        return region.mask(resolution)[None, None]
    with torch.no_grad():
        return torch.stack([region.mask(resolution, generator.render(c)) for c in singles])


def _read(image: Tensor, resolution: int, channels: str) -> Tensor:
    """The rows of the Jacobian ``[c, r, r]`` from an image ``[3, H, W]``, averaged over areas."""
    factor = image.shape[-1] // resolution
    if factor > 1:
        image = image.reshape(-1, resolution, factor, resolution, factor).mean(dim=(2, 4))
    return image.sum(dim=0, keepdim=True) if channels == "sum" else image


def _means(grams: Grams, region: Region) -> tuple[Tensor, Tensor]:
    """M_f and M_b: J'J over the rows of each part, divided by their number."""
    for inside in (True, False):
        if grams.count(inside=inside) == 0:
            raise _no_pixels(region, inside)
    return grams.mean(inside=True), grams.mean(inside=False)


def _no_pixels(region: Region, inside: bool) -> UserError:
    if inside:
        return UserError(
            f"region={region.name} has no pixel in any of the images: use other codes."
        )
    return UserError(
        f"region={region.name} covers the whole image, so there is no background to preserve: "
        "use a smaller region."
    )


def _now(codes: Codes) -> float:
    """Seconds on the clock, once the device has finished what it was given."""
    if codes.values.is_cuda:
        torch.cuda.synchronize(codes.values.device)
    return time.perf_counter()
