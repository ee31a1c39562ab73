"""Methods that look at images with the networks of the domain that a run is about."""

from abc import abstractmethod
from collections.abc import Mapping

from pipeline.errors import UserError, unknown_name
from pipeline.methods.base import Method
from pipeline.methods.reader import Parser, Predictor, Reader


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
