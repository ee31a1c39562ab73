"""SeFa: closed-form factorisation of a generator's weights (Shen & Zhou 2021)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.base import Method
from pipeline.methods.clock import now
from pipeline.methods.edits import DirectionEdit, Edits
from pipeline.methods.gram import Progress
from pipeline.methods.latents import LayerRange
from pipeline.methods.layer_groups import as_groups, resolve_groups
from pipeline.methods.signs import unit_rows
from pipeline.methods.style_channels import is_to_rgb
from pipeline.methods.style_weights import (
    StyleWeight,
    first_layer,
    require_styles,
    style_weights,
)
from pipeline.regions.region import Region

SPACES = (Space.W, Space.Z)


class ToRGB(StrEnum):
    """Which to-RGB layers' style weights are taken along."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


@dataclass(frozen=True, eq=False)
class _Found:
    group: LayerRange | None
    index: int
    direction: Tensor
    value: Tensor


@dataclass
class SeFa(Method):
    """Directions that the weights amplify most (Eq. 5): eigenvectors of A'A.

    It looks at no region and at no image: the same directions come out for every region. Which of
    them carries an attribute is for the calibration to find.

    Args:
        num_directions: how many to keep of every group, by decreasing eigenvalue.
        space: ``w``: A is made of the style weights of a group of layers; ``z``: A is the first
            layer's matrix (PGGAN, BigGAN). None is w where the generator has it, else z.
        groups: half-open ranges of w+ layers; the directions of each come from the weights of its
            layers and move these alone. None is one group of all layers. The paper's are
            ``[[0, 2], [2, 6], [6, None]]``.
        normalise: scale the weights of every style channel (of every output) to unit length first,
            as the reference; rosinality's variant does not.
        to_rgb: the to-RGB layers that count: ``last`` as the reference, ``all`` or ``none``.
    """

    num_directions: int = 5
    space: Space | None = None
    groups: Sequence[Sequence[int | None]] | None = None
    normalise: bool = True
    to_rgb: ToRGB = ToRGB.LAST
    name: str = "sefa"

    def __post_init__(self) -> None:
        if self.space is not None and self.space not in SPACES:
            raise unknown_name("space", self.space, SPACES)
        if self.to_rgb not in tuple(ToRGB):
            raise unknown_name("to_rgb", self.to_rgb, ToRGB)
        self.space = None if self.space is None else Space(self.space)
        self.to_rgb = ToRGB(self.to_rgb)
        if self.num_directions < 1:
            raise UserError(f"num_directions={self.num_directions} must be at least 1.")
        if self.groups is not None:
            self.groups = as_groups(self.groups)
            if self.space == Space.Z:
                raise UserError("groups of layers belong to the space w; space=z has none.")

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a generator whose weights are not known; any region will do."""
        if self._space(generator) == Space.Z:
            first_layer(generator)
            return
        generator.require(Space.W, f"method={self.name}")
        resolve_groups(as_groups(self.groups), require_styles(generator).num_ws)

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; looks neither at codes nor region, nothing is random."""
        device = codes.values.device
        began = now(device)
        space = self._space(generator)
        matrices = self._matrices(generator, space)
        read = now(device)
        found: list[_Found] = []
        for done, (group, A) in enumerate(matrices.items(), start=1):
            directions, values = factorise(A, self.normalise)
            pairs = list(zip(directions, values, strict=True))[: self.num_directions]
            found += [_Found(group, i, *pair) for i, pair in enumerate(pairs)]
            if progress is not None:
                progress(done, len(matrices))
        found.sort(key=lambda row: row.index)
        seconds = {"weights": read - began, "solve": now(device) - read}
        return self.found(
            tuple(self._edit(generator, row, space, codes.values.dtype) for row in found),
            generator,
            region,
            seed,
            extra={"eigenvalues": torch.stack([row.value for row in found])},
            notes={"options": asdict(self), "seconds": seconds, "region": "not looked at"},
        )

    def _space(self, generator: Generator) -> Space:
        if self.space is not None:
            return self.space
        return Space.W if Space.W in generator.spaces or self.groups else Space.Z

    def _matrices(self, generator: Generator, space: Space) -> dict[LayerRange | None, Tensor]:
        """A ``[m, d]`` of every group of layers; of the first layer where the space is z."""
        if space == Space.Z:
            return {None: first_layer(generator)}
        weights = style_weights(generator)
        matrices: dict[LayerRange | None, Tensor] = {}
        for first, last in resolve_groups(as_groups(self.groups), require_styles(generator).num_ws):
            parts = [
                w.weight for w in weights if first <= w.layer < last and self._counts(w, weights)
            ]
            if not parts:
                raise UserError(
                    f"groups: the layers {first} to {last - 1} have no style weights with "
                    f"to_rgb={self.to_rgb}."
                )
            matrices[first, last] = torch.cat(parts)
        return matrices

    def _counts(self, weight: StyleWeight, weights: Sequence[StyleWeight]) -> bool:
        if not is_to_rgb(weight.name) or self.to_rgb == ToRGB.ALL:
            return True
        return self.to_rgb == ToRGB.LAST and weight.layer == max(w.layer for w in weights)

    def _edit(
        self, generator: Generator, row: _Found, space: Space, dtype: torch.dtype
    ) -> DirectionEdit:
        where = "all" if row.group is None else f"{row.group[0]}-{row.group[1] - 1}"
        return DirectionEdit(
            name=f"{self.name}/{where}/{row.index}",
            generator=generator.name,
            fingerprint=generator.fingerprint,
            direction=row.direction.to(dtype),
            space=space,
            layers=row.group,
        )


def factorise(A: Tensor, normalise: bool = True) -> tuple[Tensor, Tensor]:
    """Unit directions n that maximise ``||A n||`` (Shen & Zhou 2021, Eq. 3-5).

    Args:
        A: ``[m, d]``.
        normalise: scale its rows to unit length first; a row of zeros stays one.

    Returns:
        Eigenvectors of A'A ``[r, d]`` by decreasing eigenvalue, the largest component positive,
        and the eigenvalues ``[r]``; both without the null space of A. float64.

    Raises:
        UserError: A is zero.
    """
    A = A.double()
    if normalise:
        lengths = A.norm(dim=1, keepdim=True)
        A = A / torch.where(lengths > 0, lengths, 1.0)
    values, vectors = torch.linalg.eigh(A.T @ A)
    values, rows = values.flip(0), vectors.T.flip(0)
    kept = values > values[0].clamp(min=0) * len(values) * torch.finfo(values.dtype).eps
    if not bool(kept.any()):
        raise UserError("The weights to factorise are zero: there are no directions in them.")
    return unit_rows(rows[kept]), values[kept]
