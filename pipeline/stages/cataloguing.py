"""The stage that makes the semantic catalog of a generator, which all regions share."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.evaluators.base import fingerprint_of
from pipeline.generators.base import Generator
from pipeline.methods.catalog.catalog import Catalog
from pipeline.methods.catalog.method import CatalogMethod
from pipeline.stages.base import Progress, Stage, generator_settings


@dataclass
class Cataloguing(Stage[Catalog]):
    """The catalog that a method asks for."""

    method: CatalogMethod
    generator: Generator
    seed: int
    name = "catalog"

    def settings(self) -> Mapping[str, Any]:
        """How it is made, generator, seed, and the parser that names clusters."""
        networks = self.method.networks()
        return {
            "source": self.method.source(),
            "generator": generator_settings(self.generator),
            "seed": self.seed,
            **{name: fingerprint_of(network) for name, network in networks.items()},
        }

    def compute(self, progress: Progress) -> Catalog:
        """Make it, or read the file given."""
        return self.method.make_catalog(self.generator, self.seed, progress)

    def save(self, result: Catalog, folder: Path) -> None:
        """One safetensors file."""
        result.save(folder / "catalog.safetensors")

    def load(self, folder: Path) -> Catalog:
        """Read it."""
        return Catalog.load(folder / "catalog.safetensors")
