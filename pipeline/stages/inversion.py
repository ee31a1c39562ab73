"""The stage that finds the codes of photographs, batch by batch."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from pipeline.domains.judges import Judges
from pipeline.evaluators.base import PerceptualDistance, fingerprint_of
from pipeline.generators.base import Codes, Generator, Space
from pipeline.inversion.latents import LatentDistribution
from pipeline.inversion.photographs import Photographs
from pipeline.inversion.projector import ProjectionSettings, project
from pipeline.inversion.quality import Quality, reconstruction_quality
from pipeline.stages.base import Progress, Stage, generator_settings, seeded


@dataclass(frozen=True, eq=False)
class Inverted:
    """Photographs as a generator draws them.

    Attributes:
        codes: w+ codes ``[n, num_ws, w_dim]``.
        quality: how well each is reproduced.
        steps: how many each was projected for.
    """

    codes: Codes
    quality: Quality
    steps: Sequence[int]

    @classmethod
    def joined(cls, parts: Sequence["Inverted"]) -> "Inverted":
        """Batches one after the other."""
        first = parts[0]
        return cls(
            first.codes.with_values(torch.cat([part.codes.values for part in parts])),
            {name: torch.cat([part.quality[name] for part in parts]) for name in first.quality},
            [steps for part in parts for steps in part.steps],
        )


@dataclass
class Inverting(Stage[Inverted]):
    """Codes of one batch of photographs.

    Attributes:
        photographs: the batch.
        how: how they are projected.
        distance: what the projection follows besides the pixels; None where there is nothing.
        judges: who judges the reconstructions.
        seed: of the exploration, and of the codes that the distribution of w is measured on.
    """

    photographs: Photographs
    generator: Generator
    how: ProjectionSettings
    distance: PerceptualDistance | None
    judges: Judges
    seed: int
    name = "invert"

    def settings(self) -> Mapping[str, Any]:
        """What the pictures show, generator, projection, and the networks that look."""
        networks = {
            "perceptual": self.distance,
            "distance": self.judges.distance,
            "identity": self.judges.identity,
        }
        return {
            "images": self.photographs.hashes(),
            "generator": generator_settings(self.generator),
            "projection": {f.name: getattr(self.how, f.name) for f in fields(ProjectionSettings)},
            "seed": self.seed,
            **{k: fingerprint_of(network) for k, network in networks.items() if network},
        }

    def compute(self, progress: Progress) -> Inverted:
        """Project the pictures and judge what came of it."""
        latents = LatentDistribution.of(self.generator, seeded(self.seed, "latents"))
        images = self.photographs.images.to(latents.mean.device)
        randoms = [seeded(self.seed, "invert", content) for content in self.photographs.hashes()]
        found = project(self.generator, images, latents, self.distance, self.how, randoms, progress)
        with torch.inference_mode():
            drawn = self.generator.render(found.codes)
            judges = self.judges
            quality = reconstruction_quality(images, drawn, judges.distance, judges.identity)
        return Inverted(found.codes, quality, [found.steps] * len(images))

    def save(self, result: Inverted, folder: Path) -> None:
        """Codes and quality in one file, the steps in another."""
        tensors = {f"quality.{name}": values for name, values in result.quality.items()}
        tensors["codes"] = result.codes.values.cpu().contiguous()
        save_file(tensors, folder / "inversion.safetensors")
        # The names in their order, which the tensors lose.
        notes = {"steps": list(result.steps), "quality": list(result.quality)}
        (folder / "inversion.json").write_text(json.dumps(notes))

    def load(self, folder: Path) -> Inverted:
        """Read them."""
        tensors = load_file(folder / "inversion.safetensors")
        notes = json.loads((folder / "inversion.json").read_text())
        quality = {name: tensors[f"quality.{name}"] for name in notes["quality"]}
        codes = Codes(Space.W_PLUS, tensors["codes"])
        device = self.generator.device
        return Inverted(codes.to(device), quality, notes["steps"])
