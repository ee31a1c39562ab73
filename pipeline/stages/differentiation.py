"""The stage that passes over a generator's Jacobian, once for several regions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from pipeline.generators.base import Codes, Generator
from pipeline.methods.gram import Grams
from pipeline.methods.region_grams import RegionPass
from pipeline.methods.region_method import RegionMethod
from pipeline.regions.region import Region
from pipeline.stages.base import Progress, Stage, generator_settings


@dataclass
class Differentiating(Stage[RegionPass]):
    """What :attr:`RegionMethod.passed` takes.

    Attributes:
        method: says how the Jacobian is taken; two methods that agree on it share the result.
        regions: of different names.
        region_settings: what each was made from.
        parser: fingerprint of the network that finds parts; None where no region asks it.
    """

    method: RegionMethod
    generator: Generator
    codes: Codes
    regions: Sequence[Region]
    region_settings: Sequence[Mapping[str, Any]]
    parser: str | None
    name = "jacobian"

    def settings(self) -> Mapping[str, Any]:
        """How the Jacobian is taken, regions, generator; codes have a key."""
        how = self.method.jacobian(self.generator)
        return {
            "space": how.space,
            "layers": how.layers,
            "channels": how.channels,
            "resolution": how.resolution,
            "chunk": how.chunk,
            "num_codes": self.method.num_codes,
            "regions": list(self.region_settings),
            "parser": self.parser,
            "generator": generator_settings(self.generator),
        }

    def compute(self, progress: Progress) -> RegionPass:
        """One pass."""
        return self.method.differentiate(self.generator, self.codes, self.regions, progress)

    def save(self, result: RegionPass, folder: Path) -> None:
        """One file: a matrix for every combination of regions that pixels lie in."""
        patterns = sorted(result.grams.sums)
        tensors = {f"sums.{p}": result.grams.sums[p].contiguous() for p in patterns}
        tensors["patterns"] = torch.tensor(patterns)
        tensors["rows"] = torch.tensor([result.grams.rows[p] for p in patterns])
        tensors["seconds"] = torch.tensor(result.seconds, dtype=torch.float64)
        save_file(tensors, folder / "grams.safetensors")

    def load(self, folder: Path) -> RegionPass:
        """Read it, onto the CPU."""
        tensors = load_file(folder / "grams.safetensors")
        patterns: list[int] = tensors["patterns"].tolist()
        sums = {p: tensors[f"sums.{p}"] for p in patterns}
        rows = dict(zip(patterns, tensors["rows"].tolist(), strict=True))
        names = tuple(region.name for region in self.regions)
        return RegionPass(Grams(sums, rows), names, float(tensors["seconds"]))
