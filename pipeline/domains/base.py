"""What is known about a kind of picture: reference images, parts, attributes, and who judges it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from pipeline.domains.judges import Judges
from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Generator
from pipeline.metrics.attribute_change import AttributePredictor


class Parser(Protocol):
    """Finds the parts of a picture."""

    @property
    def name(self) -> str:
        """What it is called."""

    def parse(self, images: Tensor) -> Tensor:
        """Part ids ``[n, H, W]`` of images ``[n, 3, H, W]`` in [-1, 1]."""


class Predictor(AttributePredictor, Protocol):
    """Reads attributes off pictures."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def readable(self) -> tuple[str, ...]:
        """The attributes that it reads well enough to go by."""


class NoParser:
    """The parser of pictures in which nothing finds parts."""

    name = fingerprint = "none"

    def parse(self, images: Tensor) -> Tensor:
        """Nothing but part 0, ``[n, H, W]``."""
        return torch.zeros(len(images), *images.shape[-2:], dtype=torch.uint8)


class NoPredictor:
    """The predictor of pictures that no attribute can be read off."""

    name = fingerprint = "none"
    names: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()

    def standardised(self, images: Tensor) -> Tensor:
        """Nothing, ``[n, 0]``."""
        return torch.empty(len(images), 0)


class Domain(ABC):
    """A kind of picture.

    Attributes:
        name: the name it is reported under.
        frame: how its pictures are framed, by the name that regions know a box under.
        parts: what its parser finds, by id; nothing where there is none.
        attribute_parts: the parts that each attribute belongs to.
        reference_samples: how many reference images there are.
        reference_seed: of whatever is random in them.
    """

    name: str
    frame: str
    parts: Sequence[str] = ()
    attribute_parts: Mapping[str, Sequence[str]] = {}
    reference_samples: int
    reference_seed: int

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hash of everything that its reference images depend on, but for number and seed."""

    @property
    @abstractmethod
    def reference(self) -> str:
        """The reference set in words, and how its images came to their size."""

    @abstractmethod
    def reference_images(self) -> Iterator[Tensor]:
        """Batches of the data ``[n, 3, H, W]`` in [-1, 1], ``reference_samples`` in all."""

    @abstractmethod
    def judges(self, fid: str, id: str, lpips: str) -> Judges:  # noqa: A002
        """The evaluators for the metrics asked for: see ``conf/metric/standard.yaml``.

        Raises:
            UserError: one is asked for by name that is not here or cannot judge such pictures.
        """

    @abstractmethod
    def suited(self, generator: Generator, makes: str | None) -> Self:
        """The domain as the pictures of a generator are held against it.

        Args:
            generator: the generator.
            makes: the kind of picture it makes, by its configuration; None where that is not known.

        Raises:
            UserError: nothing that is known of the domain holds for such pictures.
        """

    @property
    def parser(self) -> Parser:
        """Finds the parts in a picture; where ``parts`` is empty, one that finds none."""
        return NoParser()

    @property
    def predictor(self) -> Predictor:
        """Reads the attributes off a picture; where there are none, one without names."""
        return NoPredictor()

    def part_ids(self, names: Sequence[str]) -> list[int]:
        """Ids of parts by name.

        Raises:
            UserError: the domain has no such part, or none at all.
        """
        if not self.parts:
            raise UserError(
                f"Nothing here finds the {' and '.join(names)} in {self.name} (a parser comes with "
                "the embedded domain alone): use a box, e.g. region=box region.centre=[0.7,0.5] "
                "region.size=[0.2,0.3]."
            )
        for name in names:
            if name not in self.parts:
                raise unknown_name("part", name, self.parts)
        return [self.parts.index(name) for name in names]

    def check_attribute(self, name: str) -> None:
        """Refuse an attribute that the domain has none of, or that cannot be read well enough.

        Raises:
            UserError: names those that can.
        """
        if not self.predictor.names:
            raise UserError(
                f"attribute={name}: no attribute can be read off {self.name}; leave it out, and "
                "choose among the found directions with direction=INDEX."
            )
        if name not in self.predictor.readable:
            raise unknown_name("attribute", name, self.predictor.readable)

    def facts(self) -> dict[str, Any]:
        """What a record says of it, as JSON can hold it."""
        return {"name": self.name, "frame": self.frame, "reference": self.reference}
