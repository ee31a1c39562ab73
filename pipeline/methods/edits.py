"""Edits: what a method has learned, ready to be applied to codes, and the set of them in a file."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from pipeline import __version__
from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods import edit_file
from pipeline.methods.latents import as_layer_range, shift
from pipeline.methods.reader import Reader

Strength = float | Sequence[float] | Tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class Edit(ABC):
    """One way to change an image of one generator.

    A method with edits of its own kind derives a dataclass from this one. Its tensor fields are
    saved as arrays and its other fields as JSON, so that tuples come back as lists and enums as
    strings; ``__post_init__`` mends that.

    Attributes:
        name: what it is called in tables, e.g. ``resefa/mouth/0``.
        generator: name of the generator that it was found on.
        fingerprint: fingerprint of that generator; it is applied to no other.
        needs_reference: whether it takes something from another image, by whose share a strength
            then counts, so that 1 takes all.
    """

    needs_reference: ClassVar[bool] = False
    name: str
    generator: str
    fingerprint: str

    def apply(
        self,
        generator: Generator,
        codes: Codes,
        strength: Strength,
        reference: Codes | None = None,
    ) -> Tensor:
        """Edited images; differentiable in the strength.

        Args:
            generator: the generator that the edit was found on.
            codes: n codes of the images to edit.
            strength: one number, or one per image; 0 leaves an image as it is.
            reference: codes of images to take from, for edits that transfer something.

        Returns:
            ``[n, 3, H, W]``, about [-1, 1].

        Raises:
            UserError: it is another generator, or there is not one strength per image.
        """
        self.check(generator)
        return self.render(generator, codes, _per_image(strength, codes), reference)

    def see(self, reader: Reader) -> None:  # noqa: B027 - most look at no images
        """Take who finds parts and attributes, for edits that go by them; no file holds it."""

    def check(self, generator: Generator) -> None:
        """Refuse a generator that the edit was not found on.

        Raises:
            UserError: the fingerprints differ.
        """
        if generator.fingerprint != self.fingerprint:
            raise UserError(
                f"The edit {self.name} was found on generator={self.generator} "
                f"({self.fingerprint[:12]}), this is generator={generator.name} "
                f"({generator.fingerprint[:12]}) with other weights: discover it again on this one."
            )

    @abstractmethod
    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """The images, with one strength per image ``[n]`` and the generator already checked."""

    def spread(self, generator: Generator, codes: Codes) -> float:
        """The strength that is a natural step; 1 where a strength has a scale of its own."""
        return 1.0

    @property
    def shares(self) -> bool:
        """Whether strengths are shares, from 0 to 1, so that negative ones mean nothing."""
        return self.needs_reference

    @property
    def scale(self) -> str:
        """What a strength means that is not calibrated, in words; nothing where it is."""
        return "1 takes all of the reference" if self.needs_reference else ""

    def arrays(self) -> dict[str, Tensor]:
        """Its tensors, by field."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}

    def settings(self) -> dict[str, Any]:
        """Everything else that it consists of, by field."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if not isinstance(value, Tensor)}


@dataclass(frozen=True, eq=False, kw_only=True)
class DirectionEdit(Edit):
    """A step along a direction of a latent space (ReSeFa, Zhu et al. 2022, Eq. 1).

    Attributes:
        direction: unit norm, in the shape of the space: z ``[z_dim]``, w ``[w_dim]``,
            w+ ``[num_ws, w_dim]``, s ``[num_styles]``.
        space: that space.
        layers: half-open range of the w+ layers that move (w and w+ only); None moves all.
        rows: of these the only ones that move, as those of a SemanticStyleGAN's class; likewise.
    """

    direction: Tensor
    space: Space
    layers: tuple[int, int] | None = None
    rows: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "space", Space(self.space))
        object.__setattr__(self, "layers", as_layer_range(self.layers))
        object.__setattr__(self, "rows", None if self.rows is None else tuple(self.rows))

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """Images of the codes moved by ``strength * direction``."""
        direction = self.direction.to(strengths)
        step = strengths.reshape(-1, *[1] * direction.ndim) * direction
        return generator.render(shift(generator, codes, step, self.space, self.layers, self.rows))

    def spread(self, generator: Generator, codes: Codes) -> float:
        """Root mean square deviation of the codes from their mean per coordinate of the space."""
        values = generator.convert(codes, self.space).values
        return float((values - values.mean(dim=0)).square().mean().sqrt())


@dataclass(frozen=True, eq=False, kw_only=True)
class Edits:
    """What one run of a method found.

    Attributes:
        edits: the edits, the most promising first.
        method: name of the method.
        generator: name of the generator.
        fingerprint: its fingerprint.
        region: name of the region.
        seed: seed of the run.
        extra: further arrays, e.g. eigenvalues.
        notes: further settings, as JSON.
        version: version of this package that found them.
    """

    edits: tuple[Edit, ...]
    method: str
    generator: str
    fingerprint: str
    region: str
    seed: int
    extra: Mapping[str, Tensor] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    version: str = __version__

    def __len__(self) -> int:
        return len(self.edits)

    def __iter__(self) -> Iterator[Edit]:
        return iter(self.edits)

    def __getitem__(self, index: int) -> Edit:
        return self.edits[index]

    def save(self, path: str | Path) -> None:
        """Write them to one safetensors file, all or nothing."""
        arrays = {f"extra.{name}": array for name, array in self.extra.items()}
        rows = []
        for index, edit in enumerate(self.edits):
            arrays |= {f"edits.{index}.{name}": a for name, a in edit.arrays().items()}
            rows.append({"class": edit_file.class_path(type(edit)), "settings": edit.settings()})
        header = {f.name: getattr(self, f.name) for f in fields(self)}
        edit_file.write(Path(path), arrays, header | {"edits": rows, "extra": list(self.extra)})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read them again, on the CPU.

        Raises:
            UserError: the file is missing or damaged, or holds something else.
        """
        arrays, header = edit_file.read(Path(path))
        try:
            values = {f.name: header[f.name] for f in fields(cls)}
            values["edits"] = tuple(
                _restored(row["class"], row["settings"], _under(f"edits.{index}.", arrays))
                for index, row in enumerate(header["edits"])
            )
            values["extra"] = _under("extra.", arrays)
            return cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise edit_file.damaged(Path(path), error) from error


def _restored(class_path: str, settings: dict[str, Any], arrays: dict[str, Tensor]) -> Edit:
    cls = edit_file.find_class(class_path)
    if not (isinstance(cls, type) and issubclass(cls, Edit)):
        raise ValueError(f"{class_path} is no edit")
    values: dict[str, Any] = {**settings, **arrays}
    return cls(**values)


def _under(prefix: str, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): array for k, array in arrays.items() if k.startswith(prefix)}


def _per_image(strength: Strength, codes: Codes) -> Tensor:
    """One strength per image, in the precision and on the device of the codes."""
    strengths = torch.as_tensor(strength, dtype=codes.values.dtype, device=codes.values.device)
    if strengths.ndim > 1 or (strengths.ndim == 1 and len(strengths) != len(codes)):
        raise UserError(
            f"strength has the shape {tuple(strengths.shape)}: give one number, or one for each of "
            f"the {len(codes)} images."
        )
    return strengths.expand(len(codes))
