"""The edit of Editing in Style: styles between target and reference, channel by channel."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.stylegan import StyleGAN
from pipeline.methods.catalog.activations import styled_features
from pipeline.methods.catalog.catalog import Catalog
from pipeline.methods.catalog.queries import interpolate, sequential_query, simultaneous_query
from pipeline.methods.edits import Edit
from pipeline.methods.style_channels import is_to_rgb, style_slices


class Interpolation(StrEnum):
    """How far every channel goes: all alike (Eq. 2), in proportion (Eq. 4), or some (Eq. 5)."""

    GLOBAL = "global"
    SIMULTANEOUS = "simultaneous"
    SEQUENTIAL = "sequential"


@dataclass(frozen=True, eq=False, kw_only=True)
class QueryEdit(Edit):
    """Transfer of a part from a reference by its styles (Collins et al. 2020, Eq. 3).

    A strength is lambda, from 0: styles go ``min(1, lambda q)`` of the way. Global and sequential
    queries are complete at 1; a simultaneous one (q = M) goes on changing above.

    Attributes:
        query: q of all components of s, ``[num_styles]`` in [0, 1].
        part: what is transferred.
        interpolation: the kind of query.
        catalog: hash of the catalog that it comes from.
        epsilon: the budgets of a sequential query, by layer; likewise ``threshold``.
    """

    needs_reference: ClassVar[bool] = True
    query: Tensor
    part: str
    interpolation: Interpolation
    catalog: str
    epsilon: tuple[float, ...] = ()
    threshold: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "interpolation", Interpolation(self.interpolation))
        object.__setattr__(self, "epsilon", tuple(self.epsilon))

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """Images of the interpolated styles.

        Raises:
            UserError: there is no reference, it is another generator's or there is not one per
                image, or a strength is negative.
        """
        if bool((strengths < 0).any()):
            raise UserError(
                f"The edit {self.name} takes a share of a reference: strengths lie in 0..1, not "
                f"at {float(strengths.min()):g}."
            )
        target = generator.convert(codes, Space.S)
        other = reference_codes(self.name, generator, reference, len(codes), Space.S).values
        query = simultaneous_query(self.query.to(strengths), strengths[:, None])
        return generator.render(target.with_values(interpolate(target.values, other, query)))


def reference_codes(
    name: str, generator: Generator, reference: Codes | None, count: int, space: Space
) -> Codes:
    """The codes of references in a space, one per image or one for all.

    Args:
        name: of the edit that asks.
        generator: whose codes they have to be.
        reference: the codes.
        count: of the images that are edited.
        space: the space.

    Raises:
        UserError: there is none, it is another generator's, or there is not one per image.
    """
    if reference is None:
        raise UserError(f"The edit {name} takes from a reference: give the codes of one.")
    if len(reference) not in (1, count):
        raise UserError(
            f"The edit {name} has {count} images and {len(reference)} references: give one, or "
            "one for each."
        )
    try:
        return generator.convert(reference, space)
    except UserError as error:
        raise UserError(
            f"The reference of the edit {name} is no code of generator={generator.name} (another "
            f"resolution or generator?): {error}"
        ) from error


def query_edit(
    generator: Generator,
    catalog: Catalog,
    part: str,
    clusters: Sequence[int] | None = None,
    interpolation: Interpolation = Interpolation.SEQUENTIAL,
    epsilon: float | Sequence[float] = 20.0,
    threshold: float = 0.1,
    bias: bool = False,
    to_rgb: bool = True,
) -> QueryEdit:
    """The edit that transfers a part.

    Args:
        generator: the catalog's, with styles.
        catalog: of the part and of the contributions to it.
        part: a label of the catalog; with ``clusters`` any name.
        clusters: those of the part; None takes the label's.
        interpolation: the kind of query.
        epsilon: the budget of every layer; or a list of the first layers' own, the last of which
            goes for all that follow.
        threshold: least contribution of a sequential query, the paper's rho / (1 + rho).
        bias: whether AdaIN's offsets follow too (StyleGAN; the paper moves scales alone).
        to_rgb: whether styles of to-RGB layers follow too (StyleGAN2).

    Raises:
        UserError: it is another generator or one without styles, there is no such label, or an
            option is out of range.
    """
    catalog.check(generator)
    ids = catalog.clusters_of(part) if clusters is None else clusters
    sources, slices = styled_features(generator), style_slices(generator)
    if bias and not isinstance(generator, StyleGAN):
        raise UserError(
            f"bias=true: styles of generator={generator.name} have no offsets, only scales (a "
            "StyleGAN's have both): leave it false."
        )
    budgets = layer_budgets(epsilon, len(sources))
    if interpolation not in tuple(Interpolation):
        raise unknown_name("interpolation", interpolation, Interpolation)
    query = torch.zeros(max(part.stop for part in slices.values()))
    for name, budget in zip(sources, budgets, strict=True):
        if is_to_rgb(name) and not to_rgb:
            continue
        own = _layer_query(catalog.contributions.of(name, ids), interpolation, budget, threshold)
        both = torch.cat([own, own if bias else torch.zeros_like(own)])
        query[slices[name]] = (both if isinstance(generator, StyleGAN) else own).float()
    sequential = interpolation == Interpolation.SEQUENTIAL
    return QueryEdit(
        name=f"editing_in_style/{part}/{interpolation}",
        generator=generator.name,
        fingerprint=generator.fingerprint,
        query=query,
        part=part,
        interpolation=Interpolation(interpolation),
        catalog=catalog.hash,
        epsilon=budgets if sequential else (),
        threshold=threshold if sequential else 0.0,
    )


def layer_budgets(epsilon: float | Sequence[float], count: int) -> tuple[float, ...]:
    """One budget per layer.

    Raises:
        UserError: there are none or too many, or one is negative.
    """
    given = [epsilon] if isinstance(epsilon, int | float) else list(epsilon)
    if not 1 <= len(given) <= count or min(given) < 0:
        raise UserError(
            f"epsilon={epsilon}: give a budget of at least 0, or a list of up to {count}, one per "
            "layer with styles, the last of which goes for all that follow."
        )
    return tuple(float(given[min(i, len(given) - 1)]) for i in range(count))


def _layer_query(
    contributions: Tensor, interpolation: Interpolation, epsilon: float, threshold: float
) -> Tensor:
    match interpolation:
        case Interpolation.GLOBAL:
            return torch.ones_like(contributions)
        case Interpolation.SIMULTANEOUS:
            return contributions
        case _:
            return sequential_query(contributions, epsilon, threshold)
