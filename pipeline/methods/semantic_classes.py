"""Classes of a SemanticStyleGAN (Shi et al. 2022) that a region means, and their codes."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import torch
from torch import Tensor

from pipeline.datasets.grouped_faces import GROUPS
from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.semantic_stylegan import SemanticStyleGAN
from pipeline.methods.edits import Edit, Edits
from pipeline.methods.gram import Progress
from pipeline.methods.reading import ReadingMethod
from pipeline.regions.part import Part
from pipeline.regions.region import Region
from pipeline.regions.union import Union

HAVE_CLASSES = "generator=semantic_stylegan_procfaces or generator=semantic_stylegan_celebamask"


class CodeKind(StrEnum):
    """Which codes of a class: of its shape and place, of its colours, or both."""

    STRUCTURE = "structure"
    TEXTURE = "texture"
    BOTH = "both"


def semantic(generator: Generator, wanted_by: str) -> SemanticStyleGAN:
    """The generator itself, if its classes have codes of their own.

    Raises:
        UserError: they do not; names generators whose do.
    """
    if not isinstance(generator, SemanticStyleGAN):
        raise UserError(
            f"{wanted_by} edits classes that have a local generator each, which "
            f"generator={generator.name} does not have: use {HAVE_CLASSES}."
        )
    return generator


def classes_of(
    region: Region, classes: Sequence[str], parts: Sequence[str], wanted: Sequence[str] | None
) -> tuple[str, ...]:
    """The classes that a region means: those asked for, that of its name, or those of its parts.

    Args:
        region: the region; a union means all that its regions do.
        classes: of the generator.
        parts: names of the parts that a region of parts has numbers of.
        wanted: classes asked for; None goes by the region.

    Raises:
        UserError: there is no such class, or the region names none.
    """
    if wanted is not None:
        for name in wanted:
            if name not in classes:
                raise unknown_name("method.classes", name, classes)
        found = tuple(wanted)
    else:
        meant = [_class_of(name, classes) for name in _names(region, classes, parts)]
        found = tuple(name for name in meant if name is not None)
    if not found:
        example = classes[-1]
        raise UserError(
            f"region={region.name} names no class of this generator: say which to edit, e.g. "
            f"method.classes=[{example}] (it has: {', '.join(classes)})."
        )
    return tuple(dict.fromkeys(found))


def _names(region: Region, classes: Sequence[str], parts: Sequence[str]) -> list[str]:
    """What a region is called, or what it is made of."""
    if region.name in classes:
        return [region.name]
    if isinstance(region, Union):
        return [name for r in region.regions for name in _names(r, classes, parts)]
    if isinstance(region, Part) and parts:
        return [parts[number] for number in region.parts]
    return [region.name]


def _class_of(part: str, classes: Sequence[str]) -> str | None:
    """The class that a part of the embedded faces is drawn by; None where it is by none."""
    if part in classes:
        return part
    return next((name for name in classes if part in GROUPS.get(name, ())), None)


def rows_of(generator: SemanticStyleGAN, classes: Sequence[str], codes: CodeKind) -> list[int]:
    """Rows of w+ that hold the codes of classes."""
    rows: list[int] = []
    for name in classes:
        structure, texture = generator.class_rows[name]
        rows += [structure] if codes != CodeKind.TEXTURE else []
        rows += [texture] if codes != CodeKind.STRUCTURE else []
    return rows


def mixed(ws: Tensor, other: Tensor, rows: Sequence[int], shares: Tensor) -> Tensor:
    """Codes with some rows on the way to those of others; exact at both ends.

    Args:
        ws: w+ ``[n, num_ws, w_dim]``.
        other: to go to, ``[n or 1, num_ws or 1, w_dim]``.
        rows: that go.
        shares: of the way, ``[n]``: 0 leaves, 1 takes all.
    """
    moves = torch.zeros(ws.shape[1], 1, dtype=ws.dtype, device=ws.device)
    moves[list(rows)] = 1
    return torch.lerp(ws, other.to(ws), shares[:, None, None] * moves)


def mixed_images(
    generator: Generator, codes: Codes, other: Tensor, rows: Sequence[int], shares: Tensor
) -> Tensor:
    """Images of :func:`mixed` codes."""
    base = generator.convert(codes, Space.W_PLUS)
    return generator.render(base.with_values(mixed(base.values, other, rows, shares)))


@dataclass
class SemanticMethod(ReadingMethod):
    """A method that edits the classes of a SemanticStyleGAN that the region means.

    Args:
        classes: the classes to edit; None takes those that the region names: the box ``mouth`` and
            a region of the part ``mouth`` mean the class ``mouth``.
    """

    classes: Sequence[str] | None = field(default=None, kw_only=True)
    looked_at: ClassVar[str] = "by the classes that it names"

    def networks(self) -> Mapping[str, object]:
        """None: of the reader it takes the names of parts alone."""
        return {}

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a generator without classes, and a region that names none of them."""
        self.chosen(generator, region)

    def chosen(self, generator: Generator, region: Region) -> tuple[str, ...]:
        """The classes to edit.

        Raises:
            UserError: the generator has none, or the region names none.
        """
        known = semantic(generator, f"method={self.name}").config.classes
        parts = () if self.reader is None else tuple(self.reader.parts)
        return classes_of(region, known, parts, self.classes)

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; where the region lies does not count.

        Raises:
            UserError: see :meth:`check`.
        """
        self.check(generator, region)
        classes = self.chosen(generator, region)
        network = semantic(generator, f"method={self.name}")
        edits, values = self.edits(network, classes, region, seed, progress)
        return self.found(
            edits,
            generator,
            region,
            seed,
            extra={"eigenvalues": values},
            notes={"classes": list(classes), "region": self.looked_at, **self.notes()},
        )

    @abstractmethod
    def edits(
        self,
        generator: SemanticStyleGAN,
        classes: Sequence[str],
        region: Region,
        seed: int,
        progress: Progress | None,
    ) -> tuple[tuple[Edit, ...], Tensor]:
        """Its edits of classes, and a number of each, ``[k]``; NaN where there is none."""

    def notes(self) -> Mapping[str, object]:
        """Options worth keeping beside the edits."""
        return {}


def unranked(count: int) -> Tensor:
    """What stands for the eigenvalues of edits that have none."""
    return torch.full((count,), torch.nan)
