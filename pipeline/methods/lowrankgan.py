"""LowRankGAN: low-rank subspaces of a region's Jacobian (Zhu et al. 2021)."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.base import Method
from pipeline.methods.clock import now
from pipeline.methods.edits import DirectionEdit, Edits
from pipeline.methods.gram import Progress
from pipeline.methods.latents import LayerRange, resolve_layers
from pipeline.methods.null_space import null_space, principal_subspace, project
from pipeline.methods.region_grams import (
    Channels,
    RegionJacobian,
    layer_ranges,
    require_background,
    working_resolution,
)
from pipeline.methods.robust_pca import (
    MAX_ITERATIONS,
    TOLERANCE,
    Decomposition,
    Penalty,
    Stopping,
    robust_pca,
)
from pipeline.methods.signs import unit_rows
from pipeline.regions.region import Region

SPACES = (Space.Z, Space.W, Space.W_PLUS, Space.S)


@dataclass
class LowRankGAN(Method):
    """Directions that a region reacts to, projected on what the rest does not react to (Sec. 3).

    The matrices J'J of the region and of the rest are freed of what is sparse in them by robust
    PCA. The first one's principal directions are projected on the second one's null space.

    Args:
        num_directions: how many to keep; there are no more than the region's matrix has rank.
        space: where to look: ``w`` (all layers of the range move alike), ``w+``, ``z`` or ``s``.
        layers: half-open range of the w+ layers that the Jacobian moves; None is all.
        edit_layers: the same for the edits; None is ``layers``. The reference looks at all layers
            and edits 4 to 7 of 18.
        num_codes: how many of the given codes to look at; their matrices are pooled. The reference
            uses one.
        lamb: weight of the sparse part in robust PCA; None is one over the square root of the
            number of coordinates. The reference takes 1/60 at 512 of them; at 60 or fewer that
            leaves no low-rank part.
        penalty: of robust PCA: ``operator`` as the reference, ``entrywise`` as Candès et al.
        stopping: of robust PCA: ``primal`` as the reference, ``both`` to wait for the minimum.
        tolerance: of robust PCA.
        max_iterations: of robust PCA.
        num_relax: so many of the rest's weakest directions may be used as well (the relaxation).
        project: False keeps the region's principal directions as they are.
        channels: rows of the Jacobian: ``mean`` over colours as the reference, ``sum`` or ``rgb``.
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
    lamb: float | None = None
    penalty: Penalty = Penalty.OPERATOR
    stopping: Stopping = Stopping.PRIMAL
    tolerance: float = TOLERANCE
    max_iterations: int = MAX_ITERATIONS
    num_relax: int = 0
    project: bool = True
    channels: Channels = Channels.MEAN
    jacobian_resolution: int | None = None
    chunk: int = 32
    max_bytes: int = 2**30
    name: str = "lowrankgan"

    def __post_init__(self) -> None:
        self._check_names()
        for option in ("num_directions", "num_codes", "max_iterations", "chunk", "max_bytes"):
            if getattr(self, option) < 1:
                raise UserError(f"{option}={getattr(self, option)} must be at least 1.")
        for option in ("lamb", "tolerance"):
            value = getattr(self, option)
            if value is not None and not value > 0:
                raise UserError(f"{option}={value} must be greater than 0.")
        if self.num_relax < 0:
            raise UserError(f"num_relax={self.num_relax} must be at least 0.")
        self.layers, self.edit_layers = layer_ranges(self.space, self.layers, self.edit_layers)

    def _check_names(self) -> None:
        kinds: dict[str, Iterable[str]] = {
            "space": SPACES,
            "penalty": Penalty,
            "stopping": Stopping,
            "channels": Channels,
        }
        for option, allowed in kinds.items():
            if getattr(self, option) not in tuple(allowed):
                raise unknown_name(option, getattr(self, option), allowed)
        self.space, self.channels = Space(self.space), Channels(self.channels)
        self.penalty, self.stopping = Penalty(self.penalty), Stopping(self.stopping)

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
        """See :meth:`Method.discover`; deterministic, the seed is only noted.

        Raises:
            UserError: there are too few codes, the region or the rest of the image has no pixel in
                any of the images, or no direction is left.
        """
        self.check(generator, region)
        if len(codes) < self.num_codes:
            raise UserError(
                f"num_codes={self.num_codes}, but there are only {len(codes)} codes: "
                "sample more, or use fewer."
            )
        jacobian = self._jacobian(generator)
        start, coordinates = jacobian.start(generator, codes[: self.num_codes])
        if self.edit_layers:
            resolve_layers(self.edit_layers, start.values.shape[1])
        device = start.values.device
        began = now(device)
        matrices = jacobian.matrices(generator, start, coordinates, region, progress)
        differentiated = now(device)
        parts = [self._split(matrix) for matrix in matrices]
        directions, values, ranks = self._directions(*(p.low_rank for p in parts))
        seconds = {"jacobian": differentiated - began, "solve": now(device) - differentiated}
        steps = coordinates.step(directions).to(start.values.dtype)
        return Edits(
            edits=self._edits(generator, region, steps),
            method=self.name,
            generator=generator.name,
            fingerprint=generator.fingerprint,
            region=region.name,
            seed=seed,
            extra={
                "eigenvalues": values,
                "ranks": ranks,
                "iterations": torch.tensor([p.iterations for p in parts]),
                "converged": torch.tensor([p.converged for p in parts]),
            },
            notes={"options": asdict(self), "seconds": seconds},
        )

    def _jacobian(self, generator: Generator) -> RegionJacobian:
        option = "jacobian_resolution"
        resolution = working_resolution(generator, self.jacobian_resolution, option)
        return RegionJacobian(
            self.space, self.layers, self.channels, resolution, self.chunk, self.max_bytes
        )

    def _split(self, matrix: Tensor) -> Decomposition:
        return robust_pca(
            matrix, self.lamb, self.penalty, self.stopping, self.tolerance, self.max_iterations
        )

    def _directions(self, foreground: Tensor, background: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Unit rows, the region's singular value of each, and the ranks of both matrices."""
        principal, values = principal_subspace(foreground)
        basis = null_space(background, self.num_relax)
        ranks = torch.tensor([len(principal), int(torch.linalg.matrix_rank(background))])
        if self.project:
            principal, kept = project(principal, basis)
            values = values[kept]
        if len(principal) == 0:
            raise UserError(
                f"method={self.name}: no direction is left (ranks of region and rest: "
                f"{ranks.tolist()}, lamb={self.lamb}). A greater method.lamb leaves more of the "
                "matrices low-rank; a greater method.num_relax more directions for the region."
            )
        kept_rows = slice(0, self.num_directions)
        return unit_rows(principal[kept_rows]), values[kept_rows], ranks

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
