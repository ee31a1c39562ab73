"""What methods have in common that look at a generator by its Jacobian over regions."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.base import Method
from pipeline.methods.clock import now
from pipeline.methods.edits import DirectionEdit, Edits
from pipeline.methods.gram import Progress
from pipeline.methods.jacobian import CHUNK
from pipeline.methods.latents import Coordinates, LayerRange, resolve_layers
from pipeline.methods.region_grams import (
    Channels,
    RegionJacobian,
    RegionPass,
    layer_ranges,
    require_background,
    working_resolution,
)
from pipeline.regions.region import Region

SPACES = (Space.Z, Space.W, Space.W_PLUS, Space.S)


@dataclass(frozen=True, eq=False)
class Found:
    """Directions as rows ``[k, d]`` of unit norm, and what else is worth keeping."""

    directions: Tensor
    extra: Mapping[str, Tensor]


class SharingMethod(Method):
    """A method whose discovery may begin from what was computed for other runs too.

    Attributes:
        passed: a pass over the Jacobian at the codes of the next discovery; its regions need no
            pass of their own. Whoever sets it answers for the codes and the options.
    """

    passed: RegionPass | None = None


@dataclass
class RegionMethod(SharingMethod):
    """Directions from the matrices M_f and M_b of a region (ReSeFa, Zhu et al. 2022, Eq. 3-6).

    Args:
        num_directions: how many to keep, the best first.
        space: where to look: ``w`` (all layers of the range move alike), ``w+`` (each layer of the
            range has coordinates of its own), ``z`` or ``s``.
        layers: half-open range of the w+ layers that the Jacobian moves; None is all.
        edit_layers: the same for the edits; None is ``layers``. The references look at all layers
            and edit 4 to 7 of 18 (for make-up and brows 8 to 11).
        num_codes: how many of the given codes to look at; their matrices are pooled. The references
            use one.
        channels: rows of the Jacobian: ``rgb`` takes every channel, ``sum`` adds them up first,
            ``mean`` differs from it by a factor.
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
    channels: Channels = Channels.RGB
    jacobian_resolution: int | None = None
    chunk: int = CHUNK
    max_bytes: int = 2**30

    def __post_init__(self) -> None:
        kinds = {"space": SPACES, "channels": tuple(Channels)}
        for option, allowed in kinds.items():
            if getattr(self, option) not in allowed:
                raise unknown_name(option, getattr(self, option), allowed)
        self.space, self.channels = Space(self.space), Channels(self.channels)
        for option in ("num_directions", "num_codes", "chunk", "max_bytes"):
            if getattr(self, option) < 1:
                raise UserError(f"{option}={getattr(self, option)} must be at least 1.")
        self.layers, self.edit_layers = layer_ranges(self.space, self.layers, self.edit_layers)

    @property
    def by_matrices(self) -> bool:
        """Whether the method takes the matrices, so that several regions may share a pass."""
        return True

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a generator without the space, or a region without pixels or background."""
        generator.require(self.space, f"method={self.name}")
        require_background(region, self.jacobian(generator).resolution)

    def jacobian(self, generator: Generator) -> RegionJacobian:
        """How the Jacobian is taken."""
        option = "jacobian_resolution"
        resolution = working_resolution(generator, self.jacobian_resolution, option)
        return RegionJacobian(
            self.space, self.layers, self.channels, resolution, self.chunk, self.max_bytes
        )

    def start(self, generator: Generator, codes: Codes) -> tuple[Codes, Coordinates]:
        """The codes to look at, and the coordinates of steps from them.

        Raises:
            UserError: there are too few codes, or the layers reach beyond the generator's.
        """
        if len(codes) < self.num_codes:
            raise UserError(
                f"num_codes={self.num_codes}, but there are only {len(codes)} codes: "
                "sample more, or use fewer."
            )
        start, coordinates = self.jacobian(generator).start(generator, codes[: self.num_codes])
        if self.edit_layers:
            resolve_layers(self.edit_layers, start.values.shape[1])
        return start, coordinates

    def differentiate(
        self,
        generator: Generator,
        codes: Codes,
        regions: Sequence[Region],
        progress: Progress | None = None,
    ) -> RegionPass:
        """What :attr:`passed` takes: one pass over the Jacobian for several regions.

        Raises:
            UserError: see :meth:`start`.
        """
        start, coordinates = self.start(generator, codes)
        began = now(start.values.device)
        grams = self.jacobian(generator).grams(generator, start, coordinates, regions, progress)
        names = tuple(region.name for region in regions)
        return RegionPass(grams, names, now(start.values.device) - began)

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; takes what it needs from :attr:`passed` where it can.

        Raises:
            UserError: there are too few codes, the region or the rest of the image has no pixel in
                any of the images, or the matrices have no solution.
        """
        self.check(generator, region)
        if self.passed is not None and region.name in self.passed.regions:
            number = self.passed.regions.index(region.name)
            return self._solved(generator, codes, self.passed, number, region, seed)
        return self.discover_regions(generator, codes, [region], seed, progress)[0]

    def discover_regions(
        self,
        generator: Generator,
        codes: Codes,
        regions: Sequence[Region],
        seed: int = 0,
        progress: Progress | None = None,
    ) -> list[Edits]:
        """Edits of several regions from one pass over the Jacobian (M_b = M_all - M_f).

        Raises:
            UserError: see :meth:`discover`.
        """
        for region in regions:
            self.check(generator, region)
        passed = self.differentiate(generator, codes, regions, progress)
        return [
            self._solved(generator, codes, passed, number, region, seed)
            for number, region in enumerate(regions)
        ]

    @abstractmethod
    def solve(self, foreground: Tensor, background: Tensor) -> Found:
        """Directions from M_f and M_b, ``[d, d]`` in float64.

        Raises:
            UserError: there are none.
        """

    def _solved(
        self,
        generator: Generator,
        codes: Codes,
        passed: RegionPass,
        number: int,
        region: Region,
        seed: int,
    ) -> Edits:
        start, coordinates = self.start(generator, codes)
        device = start.values.device
        began = now(device)
        foreground, background = passed.matrices(number)
        found = self.solve(foreground.to(device), background.to(device))
        seconds = {"jacobian": passed.seconds, "solve": now(device) - began}
        notes = {"seconds": seconds, "one_pass_for": list(passed.regions)}
        dtype = start.values.dtype
        return self._edits(generator, region, coordinates, found, dtype, seed, notes)

    def _edits(
        self,
        generator: Generator,
        region: Region,
        coordinates: Coordinates,
        found: Found,
        dtype: torch.dtype,
        seed: int,
        notes: Mapping[str, object],
    ) -> Edits:
        edits = tuple(
            DirectionEdit(
                name=f"{self.name}/{region.name}/{index}",
                generator=generator.name,
                fingerprint=generator.fingerprint,
                direction=direction,
                space=self.space,
                layers=self.edit_layers,
            )
            for index, direction in enumerate(coordinates.step(found.directions).to(dtype))
        )
        return self.found(
            edits,
            generator,
            region,
            seed,
            extra=found.extra,
            notes={"options": asdict(self), **notes},
        )
