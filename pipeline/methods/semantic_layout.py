"""Classes of a SemanticStyleGAN moved, scaled and left out (Shi et al. 2022, section 3.1 and 4).

A local generator draws its class by positions: where these are others, the class is elsewhere, and
nothing else has moved. Masks are shares of a softmax over all classes: where one of them counts
less, the others share its place among themselves.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.layers_semantic import grid, soft_masks
from pipeline.generators.semantic_stylegan import SemanticStyleGAN
from pipeline.methods.edits import Edit
from pipeline.methods.gram import Progress
from pipeline.methods.semantic_classes import SemanticMethod, semantic, unranked
from pipeline.regions.region import Region

TINY = 1e-30  # added to the weight of a class that is nowhere


class Axis(StrEnum):
    """Where to: a negative strength goes the other way."""

    DOWN = "down"
    RIGHT = "right"


@dataclass(frozen=True, eq=False, kw_only=True)
class LayoutEdit(Edit):
    """Another layout of some classes, by the same codes.

    Attributes:
        classes: their names.
    """

    classes: tuple[str, ...]
    natural: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))

    def spread(self, generator: Generator, codes: Codes) -> float:
        """A step that can be seen and leaves a face one."""
        return self.natural

    def chosen(self, generator: SemanticStyleGAN, like: Tensor) -> Tensor:
        """1 for the classes that are meant ``[K]``."""
        return generator.present(self.classes).to(like)


@dataclass(frozen=True, eq=False, kw_only=True)
class MoveEdit(LayoutEdit):
    """Classes moved along an axis; a strength of 1 is the side of the image.

    Attributes:
        axis: see :class:`Axis`.
    """

    natural: ClassVar[float] = 0.1
    axis: Axis

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "axis", Axis(self.axis))

    @property
    def scale(self) -> str:
        """See :attr:`Edit.scale`."""
        return f"1 is the side of the image, {'down' if self.axis == Axis.DOWN else 'to the right'}"

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """Images of classes that look themselves up so much before every position."""
        network = semantic(generator, f"The edit {self.name}")
        size = network.config.coarse_resolution
        plain, chosen = grid(size, strengths), self.chosen(network, strengths)
        towards = torch.zeros(2, 1).to(strengths)
        towards[0 if self.axis == Axis.RIGHT else 1] = 2 * size / (size - 1)
        steps = strengths[:, None, None, None] * chosen[:, None, None] * towards
        return network.compose(codes, positions=plain - steps).images


@dataclass(frozen=True, eq=False, kw_only=True)
class ScaleEdit(LayoutEdit):
    """Classes made larger or smaller about the middle of what is seen of them, as one.

    A strength of s makes them 1 + s times as large: 0.2 by a fifth larger, -0.5 half as large.
    """

    natural: ClassVar[float] = 0.2

    @property
    def scale(self) -> str:
        """See :attr:`Edit.scale`."""
        return "1 makes the class twice as large"

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """Images of classes that look themselves up nearer to their middle, or further from it.

        Raises:
            UserError: a strength is -1 or less.
        """
        require_factor(f"The edit {self.name}", float(strengths.detach().min()))
        network = semantic(generator, f"The edit {self.name}")
        plain = grid(network.config.coarse_resolution, strengths)
        chosen = self.chosen(network, strengths)[:, None, None]
        middle = middles(network, codes, chosen[:, 0, 0])[:, None, :, None]
        factors = (1 + strengths)[:, None, None, None]
        positions = plain + chosen * (plain - middle) * (1 / factors - 1)
        return network.compose(codes, positions=positions).images


@dataclass(frozen=True, eq=False, kw_only=True)
class DropEdit(LayoutEdit):
    """Classes left out; a strength is the share that is, 1 all of them.

    The masks of the classes count 1 - strength times, and all masks add up to 1 again.
    """

    @property
    def scale(self) -> str:
        """See :attr:`Edit.scale`."""
        return "1 leaves the class out"

    @property
    def shares(self) -> bool:
        """See :attr:`Edit.shares`."""
        return True

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """Images composed with less of the classes.

        Raises:
            UserError: a strength is no share.
        """
        require_shares(f"The edit {self.name}", strengths.detach().tolist())
        network = semantic(generator, f"The edit {self.name}")
        present = 1 - strengths[:, None] * self.chosen(network, strengths)
        return network.compose(codes, present=present).images


def require_factor(who: str, strength: float) -> None:
    """Refuse a strength that leaves nothing of a class, or turns it inside out."""
    if strength <= -1:
        raise UserError(
            f"strength={strength:g}: {who} makes classes 1 + strength times as large; give more "
            "than -1, e.g. strength=[-0.3,0.3]."
        )


def require_shares(who: str, strengths: Sequence[float]) -> None:
    """Refuse to leave out more of a class than there is, or less than nothing."""
    wrong = [s for s in strengths if not 0 <= s <= 1]
    if wrong:
        raise UserError(
            f"strength={wrong[0]:g}: {who} leaves this share of a class out; give numbers above 0 "
            "and up to 1, e.g. strength=[0.5,1]."
        )


def middles(generator: SemanticStyleGAN, codes: Codes, chosen: Tensor) -> Tensor:
    """The middle (column, row) of what is seen of some classes, taken together, ``[n, 2]``.

    Masks weigh by their squares, so that a trace of a class all over the image does not count.

    Args:
        generator: the generator.
        codes: of n images.
        chosen: 1 for the classes, ``[K]``.
    """
    positions = grid(generator.config.coarse_resolution, chosen)
    styles = generator.convert(codes, Space.S).values
    depths, _ = generator.local(styles, generator.embedding(positions))
    weights = (soft_masks(depths) * chosen[:, None]).sum(dim=1).square()
    return weights @ positions.T / (weights.sum(dim=1, keepdim=True) + TINY)


@dataclass
class SemanticLayout(SemanticMethod):
    """Methods that lay classes out anew; strengths mean something by themselves."""

    looked_at: ClassVar[str] = "by the classes that it names; its classes are laid out anew"

    @property
    def calibrated(self) -> bool:
        """See :attr:`Method.calibrated`."""
        return False

    def check(self, generator: Generator, region: Region) -> None:
        """See :meth:`SemanticMethod.check`; refuses the background, which lies behind all."""
        background = semantic(generator, f"method={self.name}").config.classes[0]
        if background in self.chosen(generator, region):
            raise UserError(
                f"method={self.name}: '{background}' lies behind all other classes and has no "
                "place of its own: choose others, e.g. method.classes=[mouth]."
            )

    def edits(
        self,
        generator: SemanticStyleGAN,
        classes: Sequence[str],
        region: Region,
        seed: int,
        progress: Progress | None,
    ) -> tuple[tuple[LayoutEdit, ...], Tensor]:
        """The layouts; nothing has to be found."""
        if progress is not None:
            progress(1, 1)
        names = {"generator": generator.name, "fingerprint": generator.fingerprint}
        found = self.layouts(f"{self.name}/{region.name}", classes=tuple(classes), **names)
        return found, unranked(len(found))

    @abstractmethod
    def layouts(self, name: str, **place: Any) -> tuple[LayoutEdit, ...]:
        """The edits, given a name and everything but their own options."""


@dataclass
class SemanticMove(SemanticLayout):
    """Moves classes down and to the right, an edit each; see :class:`MoveEdit`."""

    strengths: ClassVar[tuple[float, ...]] = (-0.1, -0.05, 0.05, 0.1)
    name: str = "semantic_move"

    def check_strengths(self, strengths: Sequence[float]) -> None:
        """Refuse to move classes out of the image."""
        wrong = [s for s in strengths if abs(s) > 1]
        if wrong:
            raise UserError(
                f"strength={wrong[0]:g}: method={self.name} moves classes by sides of the image; "
                "give numbers from -1 to 1, e.g. strength=[-0.1,0.1]."
            )

    def layouts(self, name: str, **place: Any) -> tuple[MoveEdit, ...]:
        """See :meth:`SemanticLayout.layouts`."""
        return tuple(MoveEdit(name=f"{name}/{axis}", axis=axis, **place) for axis in Axis)


@dataclass
class SemanticScale(SemanticLayout):
    """Makes classes larger or smaller; see :class:`ScaleEdit`."""

    strengths: ClassVar[tuple[float, ...]] = (-0.3, -0.15, 0.15, 0.3)
    name: str = "semantic_scale"

    def check_strengths(self, strengths: Sequence[float]) -> None:
        """See :func:`require_factor`."""
        require_factor(f"method={self.name}", min(strengths))

    def layouts(self, name: str, **place: Any) -> tuple[ScaleEdit, ...]:
        """See :meth:`SemanticLayout.layouts`."""
        return (ScaleEdit(name=name, **place),)


@dataclass
class SemanticDrop(SemanticLayout):
    """Leaves classes out; see :class:`DropEdit`."""

    strengths: ClassVar[tuple[float, ...]] = (0.25, 0.5, 0.75, 1.0)
    name: str = "semantic_drop"

    def check_strengths(self, strengths: Sequence[float]) -> None:
        """See :func:`require_shares`."""
        require_shares(f"method={self.name}", strengths)

    def layouts(self, name: str, **place: Any) -> tuple[DropEdit, ...]:
        """See :meth:`SemanticLayout.layouts`."""
        return (DropEdit(name=name, **place),)
