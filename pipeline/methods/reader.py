"""What methods and edits may look at images with: who finds parts and reads attributes."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


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
