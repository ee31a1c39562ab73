"""Codes of single classes taken from other images (SemanticStyleGAN, Shi et al. 2022, section 4).

A class looks like that of another image where its structure and texture codes are that image's; the
base codes, which all classes share, stay. In between, the codes lie on the line between both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.semantic_stylegan import SemanticStyleGAN
from pipeline.methods.edits import Edit
from pipeline.methods.gram import Progress
from pipeline.methods.query_edit import reference_codes
from pipeline.methods.semantic_classes import (
    CodeKind,
    SemanticMethod,
    mixed_images,
    rows_of,
    unranked,
)
from pipeline.regions.region import Region


@dataclass(frozen=True, eq=False, kw_only=True)
class MixingEdit(Edit):
    """Codes of classes on the way from the image's own, 0, to others, 1.

    Attributes:
        rows: of w+ that go.
        classes: names of the classes whose codes these are.
        codes: which of them.
    """

    rows: tuple[int, ...]
    classes: tuple[str, ...]
    codes: CodeKind = CodeKind.BOTH

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(self.rows))
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "codes", CodeKind(self.codes))

    @property
    def shares(self) -> bool:
        """See :attr:`Edit.shares`."""
        return True


@dataclass(frozen=True, eq=False, kw_only=True)
class SemanticTransferEdit(MixingEdit):
    """Goes to the codes of a reference."""

    needs_reference: ClassVar[bool] = True

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """Images of the mixed codes.

        Raises:
            UserError: there is no reference, it is another generator's, or there is not one per
                image.
        """
        other = reference_codes(self.name, generator, reference, len(codes), Space.W_PLUS).values
        return mixed_images(generator, codes, other, self.rows, strengths)


@dataclass(frozen=True, eq=False, kw_only=True)
class ResampleEdit(MixingEdit):
    """Goes to the codes of a sample that was drawn once.

    Attributes:
        target: w of the sample ``[w_dim]``.
    """

    target: Tensor

    @property
    def scale(self) -> str:
        """See :attr:`Edit.scale`."""
        return "1 takes all of the sample drawn"

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """Images of the mixed codes."""
        return mixed_images(generator, codes, self.target[None, None], self.rows, strengths)


@dataclass
class CodesOfOthers(SemanticMethod):
    """Methods whose strength is the share of others' codes that is taken.

    Args:
        codes: which of the classes' codes are taken.
        classes: see :class:`SemanticMethod`.
    """

    strengths: ClassVar[tuple[float, ...]] = (0.25, 0.5, 0.75, 1.0)
    codes: CodeKind = CodeKind.BOTH

    def __post_init__(self) -> None:
        if self.codes not in tuple(CodeKind):
            raise unknown_name("method.codes", self.codes, CodeKind)
        self.codes = CodeKind(self.codes)

    @property
    def calibrated(self) -> bool:
        """See :attr:`Method.calibrated`."""
        return False

    def check_strengths(self, strengths: Sequence[float]) -> None:
        """Refuse strengths that are no share.

        Raises:
            UserError: one is not above 0 and at most 1.
        """
        wrong = [s for s in strengths if not 0 < s <= 1]
        if wrong:
            raise UserError(
                f"strength={wrong[0]:g}: method={self.name} goes from the image's own codes (0) to "
                "those of another (1); give shares in between or 1, e.g. strength=[0.5,1]."
            )

    def place(self, generator: SemanticStyleGAN, classes: Sequence[str]) -> dict[str, Any]:
        """What edits are made of but for their names."""
        return {
            "generator": generator.name,
            "fingerprint": generator.fingerprint,
            "rows": tuple(rows_of(generator, classes, self.codes)),
            "classes": tuple(classes),
            "codes": self.codes,
        }


@dataclass
class SemanticTransfer(CodesOfOthers):
    """The classes' codes of a reference: every image of a run takes from another one."""

    needs_reference: ClassVar[bool] = True
    name: str = "semantic_transfer"

    def edits(
        self,
        generator: SemanticStyleGAN,
        classes: Sequence[str],
        region: Region,
        seed: int,
        progress: Progress | None,
    ) -> tuple[tuple[SemanticTransferEdit, ...], Tensor]:
        """One edit; nothing has to be found."""
        if progress is not None:
            progress(1, 1)
        place = self.place(generator, classes)
        return (SemanticTransferEdit(name=f"{self.name}/{region.name}", **place),), unranked(1)


@dataclass
class SemanticResample(CodesOfOthers):
    """The classes' codes of samples that the seed draws, the same for all images of a run.

    Args:
        num_directions: how many samples, an edit each.
    """

    num_directions: int = 6
    name: str = "semantic_resample"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_directions < 1:
            raise UserError(f"num_directions={self.num_directions} must be at least 1.")

    def edits(
        self,
        generator: SemanticStyleGAN,
        classes: Sequence[str],
        region: Region,
        seed: int,
        progress: Progress | None,
    ) -> tuple[tuple[ResampleEdit, ...], Tensor]:
        """An edit per sample; truncated as the generator's own samples are."""
        if progress is not None:
            progress(1, 1)
        place = self.place(generator, classes)
        drawn = generator.sample(self.num_directions, torch.Generator().manual_seed(seed))
        targets = generator.convert(drawn, Space.W_PLUS).values[:, place["rows"][0]]
        found = tuple(
            ResampleEdit(name=f"{self.name}/{region.name}/{index}", target=target, **place)
            for index, target in enumerate(targets)
        )
        return found, unranked(len(found))
