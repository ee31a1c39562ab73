"""What a method is: something that looks at a generator and returns edits."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from pipeline.generators.base import Codes, Generator
from pipeline.methods.edits import Edit, Edits
from pipeline.methods.gram import Progress
from pipeline.regions.region import Region


class Method(ABC):
    """A way to find edits of a region.

    Attributes:
        name: the name it is configured and reported under.
        needs_reference: whether its edits take something from another image, by the share that a
            strength is.
        strengths: what ``strength=auto`` stands for.
    """

    needs_reference: ClassVar[bool] = False
    strengths: ClassVar[tuple[float, ...]] = (-2.0, -1.0, 1.0, 2.0)
    name: str

    @property
    def calibrated(self) -> bool:
        """Whether strengths count in changes of attributes.

        Not where they mean something by themselves: a share, a distance, a size.
        """
        return not self.needs_reference

    @abstractmethod
    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a generator or a region that the method cannot work with, before any work.

        Raises:
            UserError: the combination is impossible; says what would do.
        """

    def check_strengths(self, strengths: Sequence[float]) -> None:  # noqa: B027 - most take any
        """Refuse strengths that its edits cannot have.

        Raises:
            UserError: says which they can.
        """

    @abstractmethod
    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """Find edits of a region.

        Args:
            generator: in evaluation mode, on the device to work on.
            codes: codes to look at, of this generator; a method says how many it uses.
            region: what the edits shall change.
            seed: of everything random in it; written into the result.
            progress: called with the units of work done and to be done.

        Raises:
            UserError: see :meth:`check`.
        """

    def found(
        self,
        edits: Sequence[Edit],
        generator: Generator,
        region: Region,
        seed: int,
        *,
        notes: Mapping[str, Any],
        extra: Mapping[str, Tensor] | None = None,
    ) -> Edits:
        """What one run found, with where it comes from; see :class:`Edits`."""
        return Edits(
            edits=tuple(edits),
            method=self.name,
            generator=generator.name,
            fingerprint=generator.fingerprint,
            region=region.name,
            seed=seed,
            extra=extra or {},
            notes=notes,
        )
