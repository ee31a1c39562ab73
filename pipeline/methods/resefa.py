"""ReSeFa: region-based semantic factorisation (Zhu et al. 2022)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.base import Method
from pipeline.methods.clock import now
from pipeline.methods.edits import DirectionEdit, Edits
from pipeline.methods.eigen import TAU, Solver, solve
from pipeline.methods.gram import Progress
from pipeline.methods.jacobian import CHUNK
from pipeline.methods.latents import Coordinates, LayerRange, resolve_layers
from pipeline.methods.matrix_free import SAMPLE, TOLERANCE, leading
from pipeline.methods.region_grams import (
    Channels,
    RegionJacobian,
    layer_ranges,
    means,
    require_background,
    working_resolution,
)
from pipeline.regions.region import Region

SPACES = (Space.Z, Space.W, Space.W_PLUS, Space.S)


@dataclass(frozen=True, eq=False)
class _Found:
    """Directions as rows ``[k, d]``, what else is worth keeping, and the seconds of either part."""

    directions: Tensor
    extra: dict[str, Tensor]
    jacobian: float
    solve: float


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
        solver: ``cholesky`` (Eq. 9), ``regularised`` (Eq. 11), ``woodbury`` (Eq. 12), or
            ``matrix_free`` (Eq. 11 from products with the Jacobian: its cost hardly depends on the
            number of dimensions, which are thousands in w+).
        tau: the regularisation, as a share of the trace of the background matrix (Eq. 10).
        rank: eigenvectors of the background matrix that ``woodbury`` keeps, None is all that count;
            random vectors that ``matrix_free`` starts from, None is 64.
        tolerance: relative residual of the eigenvalues at which ``matrix_free`` stops.
        channels: ``rgb`` takes every channel as a row of the Jacobian; ``sum`` adds them up first,
            as the reference does for images of more than 256 px; ``mean`` differs by a factor.
        jacobian_resolution: images are averaged down to this size before they are differentiated;
            None is the generator's own, at most 256.
        chunk: columns of the Jacobian computed at a time.
        max_bytes: bound on the part of the Jacobian that is held in memory at a time; the rest
            lies in a temporary file.
    """

    num_directions: int = 10
    space: Space = Space.W
    layers: LayerRange | None = None
    edit_layers: LayerRange | None = None
    num_codes: int = 1
    solver: Solver = Solver.REGULARISED
    tau: float = TAU
    rank: int | None = None
    tolerance: float = TOLERANCE
    channels: Channels = Channels.RGB
    jacobian_resolution: int | None = None
    chunk: int = CHUNK
    max_bytes: int = 2**30
    name: str = "resefa"

    def __post_init__(self) -> None:
        kinds = {"space": SPACES, "solver": tuple(Solver), "channels": tuple(Channels)}
        for option, allowed in kinds.items():
            if getattr(self, option) not in allowed:
                raise unknown_name(option, getattr(self, option), allowed)
        self.space, self.solver = Space(self.space), Solver(self.solver)
        self.channels = Channels(self.channels)
        for option in ("num_directions", "num_codes", "chunk", "max_bytes"):
            if getattr(self, option) < 1:
                raise UserError(f"{option}={getattr(self, option)} must be at least 1.")
        if self.solver != Solver.CHOLESKY and not self.tau > 0:
            raise UserError(f"tau={self.tau} must be greater than 0 for solver={self.solver}.")
        if not 0 < self.tolerance < 1:
            raise UserError(f"tolerance={self.tolerance} must lie between 0 and 1, e.g. 1.0e-3.")
        self.layers, self.edit_layers = layer_ranges(self.space, self.layers, self.edit_layers)

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a generator without the space, or a region without pixels or background."""
        generator.require(self.space, f"method={self.name}")
        require_background(region, self._jacobian(generator).resolution)

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; only ``matrix_free`` draws by the seed.

        Raises:
            UserError: there are too few codes, the region or the rest of the image has no pixel in
                any of the images, or ``cholesky`` met a singular matrix.
        """
        return self.discover_regions(generator, codes, [region], seed, progress)[0]

    def discover_regions(
        self,
        generator: Generator,
        codes: Codes,
        regions: Sequence[Region],
        seed: int = 0,
        progress: Progress | None = None,
    ) -> list[Edits]:
        """Edits of several regions from one Jacobian pass; ``matrix_free`` has a pass for each.

        Raises:
            UserError: see :meth:`discover`.
        """
        for region in regions:
            self.check(generator, region)
        if len(codes) < self.num_codes:
            raise UserError(
                f"num_codes={self.num_codes}, but there are only {len(codes)} codes: "
                "sample more, or use fewer."
            )
        start, coordinates = self._jacobian(generator).start(generator, codes[: self.num_codes])
        if self.edit_layers:
            resolve_layers(self.edit_layers, start.values.shape[1])
        if self.rank is not None and not 1 <= self.rank <= len(coordinates):
            raise UserError(f"rank={self.rank} must be within 1..{len(coordinates)}, or null.")
        find = self._leading if self.solver == Solver.MATRIX_FREE else self._all
        found = find(generator, start, coordinates, regions, seed, progress)
        return [
            Edits(
                edits=self._edits(
                    generator, region, coordinates.step(part.directions).to(start.values.dtype)
                ),
                method=self.name,
                generator=generator.name,
                fingerprint=generator.fingerprint,
                region=region.name,
                seed=seed,
                extra=part.extra,
                notes={
                    "options": asdict(self),
                    "seconds": {"jacobian": part.jacobian, "solve": part.solve},
                },
            )
            for region, part in zip(regions, found, strict=True)
        ]

    def _jacobian(self, generator: Generator) -> RegionJacobian:
        option = "jacobian_resolution"
        resolution = working_resolution(generator, self.jacobian_resolution, option)
        return RegionJacobian(
            self.space, self.layers, self.channels, resolution, self.chunk, self.max_bytes
        )

    def _all(
        self,
        generator: Generator,
        start: Codes,
        coordinates: Coordinates,
        regions: Sequence[Region],
        _seed: int,
        progress: Progress | None,
    ) -> Iterator[_Found]:
        """From the matrices; the seconds of the pass are those of all regions together."""
        began = now(start.values.device)
        jacobian = self._jacobian(generator)
        grams = jacobian.grams(generator, start, coordinates, regions, progress)
        seconds = now(start.values.device) - began
        for number, region in enumerate(regions):
            began = now(start.values.device)
            spectrum = solve(self.solver, *means(grams, number, region), self.tau, self.rank)
            extra = {
                "eigenvalues": spectrum.eigenvalues,
                "condition": torch.tensor(spectrum.condition, dtype=torch.float64),
                "rank": torch.tensor(spectrum.rank),
            }
            directions = spectrum.directions[: self.num_directions]
            yield _Found(directions, extra, seconds, now(start.values.device) - began)

    def _leading(
        self,
        generator: Generator,
        start: Codes,
        coordinates: Coordinates,
        regions: Sequence[Region],
        seed: int,
        progress: Progress | None,
    ) -> Iterator[_Found]:
        """From products with the matrices."""
        for number, region in enumerate(regions):
            began = now(start.values.device)
            products = self._jacobian(generator).products(generator, start, coordinates, region)
            found = leading(
                products,
                self.num_directions,
                torch.Generator().manual_seed(seed),
                self.tau,
                self.rank or SAMPLE,
                self.tolerance,
                _part_of(progress, number, len(regions)),
            )
            extra = {
                "eigenvalues": found.eigenvalues,
                "residuals": found.residuals,
                "trace": torch.tensor([found.trace, found.trace_error], dtype=torch.float64),
                "products": torch.tensor(found.products),
            }
            seconds = now(start.values.device) - began - products.seconds
            yield _Found(found.directions, extra, products.seconds, seconds)

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


def _part_of(progress: Progress | None, number: int, count: int) -> Callable[[int, int], None]:
    """Tells the progress of one of several equal parts as that of the whole."""

    def tell(done: int, total: int) -> None:
        if progress is not None:
            progress(number * total + done, count * total)

    return tell
