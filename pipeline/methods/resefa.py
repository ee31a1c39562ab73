"""ReSeFa: region-based semantic factorisation (Zhu et al. 2022)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator
from pipeline.methods.clock import now
from pipeline.methods.edits import Edits
from pipeline.methods.eigen import TAU, Solver, solve
from pipeline.methods.gram import Progress
from pipeline.methods.latents import Coordinates
from pipeline.methods.matrix_free import SAMPLE, TOLERANCE, leading
from pipeline.methods.region_method import Found, RegionMethod
from pipeline.regions.region import Region


@dataclass
class ReSeFa(RegionMethod):
    """Directions that change a region most for the least change elsewhere (Eq. 7).

    The reference adds up the channels of images of more than 256 px. For the options that are not
    here see :class:`RegionMethod`.

    Args:
        solver: ``cholesky`` (Eq. 9), ``regularised`` (Eq. 11), ``woodbury`` (Eq. 12), or
            ``matrix_free`` (Eq. 11 from products with the Jacobian: its cost hardly depends on the
            number of dimensions, which are thousands in w+).
        tau: the regularisation, as a share of the trace of the background matrix (Eq. 10).
        rank: eigenvectors of the background matrix that ``woodbury`` keeps, None is all that count;
            random vectors that ``matrix_free`` starts from, None is 64.
        tolerance: relative residual of the eigenvalues at which ``matrix_free`` stops.
    """

    solver: Solver = Solver.REGULARISED
    tau: float = TAU
    rank: int | None = None
    tolerance: float = TOLERANCE
    name: str = "resefa"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.solver not in tuple(Solver):
            raise unknown_name("solver", self.solver, Solver)
        self.solver = Solver(self.solver)
        if self.solver != Solver.CHOLESKY and not self.tau > 0:
            raise UserError(f"tau={self.tau} must be greater than 0 for solver={self.solver}.")
        if not 0 < self.tolerance < 1:
            raise UserError(f"tolerance={self.tolerance} must lie between 0 and 1, e.g. 1.0e-3.")

    @property
    def by_matrices(self) -> bool:
        """Every solver but ``matrix_free`` does."""
        return self.solver != Solver.MATRIX_FREE

    def start(self, generator: Generator, codes: Codes) -> tuple[Codes, Coordinates]:
        """See :meth:`RegionMethod.start`.

        Raises:
            UserError: also where the rank is not within the dimensions.
        """
        start, coordinates = super().start(generator, codes)
        if self.rank is not None and not 1 <= self.rank <= len(coordinates):
            raise UserError(f"rank={self.rank} must be within 1..{len(coordinates)}, or null.")
        return start, coordinates

    def solve(self, foreground: Tensor, background: Tensor) -> Found:
        """The leading solutions by the solver named."""
        spectrum = solve(self.solver, foreground, background, self.tau, self.rank)
        extra = {
            "eigenvalues": spectrum.eigenvalues,
            "condition": torch.tensor(spectrum.condition, dtype=torch.float64),
            "rank": torch.tensor(spectrum.rank),
        }
        return Found(spectrum.directions[: self.num_directions], extra)

    def discover_regions(
        self,
        generator: Generator,
        codes: Codes,
        regions: Sequence[Region],
        seed: int = 0,
        progress: Progress | None = None,
    ) -> list[Edits]:
        """Edits of several regions from one Jacobian pass; ``matrix_free`` has a pass for each.

        Only ``matrix_free`` draws by the seed.

        Raises:
            UserError: see :meth:`discover`; ``cholesky`` met a singular matrix.
        """
        if self.by_matrices:
            return super().discover_regions(generator, codes, regions, seed, progress)
        for region in regions:
            self.check(generator, region)
        parts = [_part_of(progress, number, len(regions)) for number in range(len(regions))]
        return [
            self._leading(generator, codes, region, seed, part)
            for region, part in zip(regions, parts, strict=True)
        ]

    def _leading(
        self, generator: Generator, codes: Codes, region: Region, seed: int, progress: Progress
    ) -> Edits:
        """From products with the matrices."""
        start, coordinates = self.start(generator, codes)
        began = now(start.values.device)
        products = self.jacobian(generator).products(generator, start, coordinates, region)
        found = leading(
            products,
            self.num_directions,
            torch.Generator().manual_seed(seed),
            self.tau,
            self.rank or SAMPLE,
            self.tolerance,
            progress,
        )
        extra = {
            "eigenvalues": found.eigenvalues,
            "residuals": found.residuals,
            "trace": torch.tensor([found.trace, found.trace_error], dtype=torch.float64),
            "products": torch.tensor(found.products),
        }
        rest = now(start.values.device) - began - products.seconds
        notes = {"seconds": {"jacobian": products.seconds, "solve": rest}}
        kept = Found(found.directions, extra)
        return self._edits(generator, region, coordinates, kept, start.values.dtype, seed, notes)


def _part_of(progress: Progress | None, number: int, count: int) -> Callable[[int, int], None]:
    """Tells the progress of one of several equal parts as that of the whole."""

    def tell(done: int, total: int) -> None:
        if progress is not None:
            progress(number * total + done, count * total)

    return tell
