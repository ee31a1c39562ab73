"""What the four methods of NaviGAN (Cherepkov et al. 2021) have in common: shifts of one kernel."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator
from pipeline.methods.base import Method
from pipeline.methods.clock import now
from pipeline.methods.edits import Edits
from pipeline.methods.gram import Progress
from pipeline.methods.weight_shift import edits_of, kernel_of
from pipeline.regions.region import Region

Preset = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Shifts:
    """What a method found.

    Attributes:
        directions: ``[k, *kernel]``, unit Frobenius norm, the most promising first.
        extra: further arrays.
        notes: further settings.
    """

    directions: Tensor
    extra: Mapping[str, Tensor] = field(default_factory=dict)
    notes: Mapping[str, object] = field(default_factory=dict)


class NaviGAN(Method):
    """Directions in the kernel of one convolution.

    They are found without a region, which says only where their changes are measured. Which of them
    carries an attribute is for the calibration to find (the paper looks through them by hand).

    Attributes:
        layer: name of the convolution.
    """

    layer: str

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a generator without kernels, or without this one; any region will do."""
        kernel_of(generator, self.layer, f"method={self.name}")

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; does not look at the region."""
        self.check(generator, region)
        began = now(codes.values.device)
        found = self.find(generator, codes, seed, progress)
        seconds = {"seconds": {"directions": now(codes.values.device) - began}}
        return self.found(
            edits_of(found.directions, self.layer, self.name, generator),
            generator,
            region,
            seed,
            extra=found.extra,
            notes={"options": self.options(), **seconds, "region": "not looked at", **found.notes},
        )

    @abstractmethod
    def find(
        self, generator: Generator, codes: Codes, seed: int, progress: Progress | None
    ) -> Shifts:
        """The directions, the most promising first.

        Raises:
            UserError: there are none.
        """

    def options(self) -> dict[str, Any]:
        """Its options as JSON can hold them."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]


def settled(method: Any, presets: Mapping[str, Preset]) -> None:
    """Take every option that was not given from the method's preset.

    Args:
        method: with an option ``preset``, and None where an option was not given.
        presets: options by name of the preset.

    Raises:
        UserError: there is no such preset.
    """
    if method.preset not in presets:
        raise unknown_name("preset", method.preset, presets)
    for option, value in presets[method.preset].items():
        if getattr(method, option) is None:
            setattr(method, option, value)


def at_least(method: Any, least: float, *options: str) -> None:
    """Refuse options below a bound.

    Raises:
        UserError: names the first.
    """
    for option in options:
        if getattr(method, option) < least:
            raise UserError(f"{option}={getattr(method, option)} must be at least {least:g}.")
