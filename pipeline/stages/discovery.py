"""The stage that asks the method."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.evaluators.base import fingerprint_of
from pipeline.generators.base import Codes, Generator
from pipeline.methods.base import Method
from pipeline.methods.edits import Edits
from pipeline.methods.reading import ReadingMethod
from pipeline.regions.region import Region
from pipeline.stages.base import Progress, Stage, generator_settings


@dataclass
class Discovery(Stage[Edits]):
    """What the method finds."""

    method: Method
    generator: Generator
    codes: Codes
    region: Region
    region_settings: Mapping[str, Any]
    method_settings: Mapping[str, Any]
    seed: int
    name = "discover"

    def settings(self) -> Mapping[str, Any]:
        """Method, the networks it looks with, region, generator, seed; codes have a key."""
        networks = self.method.networks() if isinstance(self.method, ReadingMethod) else {}
        return {
            "method": self.method_settings,
            "region": self.region_settings,
            "generator": generator_settings(self.generator),
            "seed": self.seed,
            **{name: fingerprint_of(network) for name, network in networks.items()},
        }

    def compute(self, progress: Progress) -> Edits:
        """Ask the method."""
        return self.method.discover(self.generator, self.codes, self.region, self.seed, progress)

    def save(self, result: Edits, folder: Path) -> None:
        """The file of edits."""
        result.save(folder / "edits.safetensors")

    def load(self, folder: Path) -> Edits:
        """Read it."""
        return Edits.load(folder / "edits.safetensors")
