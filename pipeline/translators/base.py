"""What a translator is: a picture and a vector of attributes in, the edited picture out."""

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import ClassVar

from torch import Tensor, nn

from pipeline.errors import unknown_name
from pipeline.generators.fingerprints import tensor_hash


@dataclass(frozen=True, kw_only=True)
class TranslatorConfig:
    """What every translator tells of itself.

    Attributes:
        attributes: names of the entries of the vector, in their order.
        resolution: height and width of the pictures that it was trained on.
        domain: what these pictures are, as a dataset calls it.
    """

    attributes: tuple[str, ...]
    resolution: int
    domain: str


class Translator(nn.Module, ABC):
    """A network that gives a picture the attributes of a vector and keeps all else.

    Attributes:
        off: the entry of an attribute that a picture lacks; ``on`` of one that it has.
        name: the method that it is used by.
        config: the architecture.
    """

    off: ClassVar[float]
    on: ClassVar[float]
    name: str

    def __init__(self, config: TranslatorConfig) -> None:
        super().__init__()
        self.config = config

    @property
    def architecture(self) -> str:
        """The configuration as JSON."""
        return json.dumps(asdict(self.config))

    @cached_property
    def fingerprint(self) -> str:
        """Hash of architecture and weights, 16 hex digits; edits are tied to it."""
        return tensor_hash(self.state_dict(), type(self).__name__ + self.architecture)[:16]

    def column(self, attribute: str) -> int:
        """The entry of an attribute in the vector.

        Raises:
            UserError: it was not trained on this one.
        """
        if attribute not in self.config.attributes:
            raise unknown_name("attribute", attribute, self.config.attributes)
        return self.config.attributes.index(attribute)

    def vectors(self, labels: Tensor) -> Tensor:
        """Vectors of labels ``[n, k]``: 0 for what a picture lacks, 1 for what it has.

        Numbers between and beyond them are allowed: the vector is a place, not a choice.
        """
        return self.off + (self.on - self.off) * labels

    @abstractmethod
    def forward(self, images: Tensor, vectors: Tensor) -> Tensor:
        """Pictures with the attributes of vectors.

        Args:
            images: ``[n, 3, H, W]`` in [-1, 1].
            vectors: ``[n, k]``, see :meth:`vectors`.

        Returns:
            ``[n, 3, H, W]`` in (-1, 1).
        """


def spread_out(vectors: Tensor, like: Tensor) -> Tensor:
    """Vectors ``[n, k]`` at every place of features ``[n, c, h, w]``: ``[n, k, h, w]``."""
    return vectors[:, :, None, None].expand(-1, -1, *like.shape[2:]).to(like)
