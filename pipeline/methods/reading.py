"""What a method may look at images with: the networks of the domain that a run is about."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.methods.base import Method


class Parser(Protocol):
    """Finds the parts of a picture."""

    def parse(self, images: Tensor) -> Tensor:
        """Part ids ``[n, H, W]`` of images ``[n, 3, H, W]`` in [-1, 1]."""


class Predictor(Protocol):
    """Reads attributes off pictures."""

    @property
    def names(self) -> Sequence[str]:
        """The attributes, in the order of the columns."""

    def standardised(self, images: Tensor) -> Tensor:
        """Attributes ``[n, len(names)]`` of images in [-1, 1], in deviations of the data."""


class Reader(Protocol):
    """A kind of picture: its parts, and who finds parts and attributes (``pipeline.domains``)."""

    @property
    def parts(self) -> Sequence[str]:
        """Names of the parts, by id."""

    @property
    def parser(self) -> Parser | None:
        """Finds them; None where nothing does."""

    @property
    def predictor(self) -> Predictor:
        """Reads the attributes."""


class ReadingMethod(Method):
    """A method that looks at images with the networks of a domain.

    Whoever makes it sets the reader before anything else is asked of it.

    Attributes:
        reader: the domain.
    """

    reader: Reader | None = None

    @abstractmethod
    def networks(self) -> Mapping[str, object]:
        """The networks that its result depends on, by what they do."""

    def parser(self) -> Parser:
        """The reader's parser.

        Raises:
            UserError: there is none.
        """
        if self.reader is None or self.reader.parser is None or not self.reader.parts:
            raise UserError(
                f"method={self.name} compares with the parts of a picture, and nothing here finds "
                "them: it needs a dataset with a parser, e.g. dataset=procfaces."
            )
        return self.reader.parser

    def predictor(self, attribute: str | None) -> tuple[Predictor, int]:
        """The reader's predictor and the column of an attribute.

        Raises:
            UserError: there is no such attribute, or none is given.
        """
        names = () if self.reader is None else tuple(self.reader.predictor.names)
        if self.reader is None or not names:
            raise UserError(
                f"method={self.name} looks for examples of an attribute, and nothing here reads "
                "one: it needs a dataset with a predictor, e.g. dataset=procfaces."
            )
        if attribute is None:
            raise UserError(
                f"method={self.name} looks for examples of an attribute: say which, e.g. "
                f"attribute={names[0]}."
            )
        if attribute not in names:
            raise unknown_name("attribute", attribute, names)
        return self.reader.predictor, names.index(attribute)
