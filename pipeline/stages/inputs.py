"""What a run starts from: statistics of the data and codes of the generator."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from pipeline.domains.base import Domain
from pipeline.evaluators.base import FeatureExtractor, fingerprint_of
from pipeline.generators.base import Codes, Generator, Space
from pipeline.keys import key
from pipeline.metrics.feature_statistics import FeatureStatistics, StreamingMoments
from pipeline.stages.base import Progress, Stage, seeded

SHIPPED = Path(__file__).parents[1] / "assets"
CODE_BLOCK = 64  # codes are drawn in blocks, so that code i depends on the seed and on i alone


@dataclass
class Reference(Stage[FeatureStatistics]):
    """Statistics of the data's features, which Fréchet distances are taken to."""

    domain: Domain
    extractor: FeatureExtractor
    name = "reference"

    def settings(self) -> Mapping[str, Any]:
        """Data and extractor."""
        return {
            "domain": self.domain.fingerprint,
            "samples": self.domain.reference_samples,
            "extractor": fingerprint_of(self.extractor),
            "seed": self.domain.reference_seed,
        }

    @property
    def shipped(self) -> Path:
        """Where the repository brings these very statistics, if it does."""
        own = key(self.name, self.version, self.settings(), [])
        return SHIPPED / f"reference_{own[:16]}.safetensors"

    def compute(self, progress: Progress) -> FeatureStatistics:
        """The shipped statistics of the same settings, or else features of every image."""
        if self.shipped.exists():
            return FeatureStatistics.load(self.shipped)
        return self.measure(progress)

    def measure(self, progress: Progress) -> FeatureStatistics:
        """Features of every reference image, streamed."""
        moments, done = StreamingMoments(self.extractor.dim), 0
        for images in self.domain.reference_images():
            moments.update(self.extractor(images).cpu())
            done += len(images)
            progress(done, self.domain.reference_samples)
        return FeatureStatistics.of(self.extractor.name, moments.moments())

    def save(self, result: FeatureStatistics, folder: Path) -> None:
        """One safetensors file."""
        result.save(folder / "statistics.safetensors")

    def load(self, folder: Path) -> FeatureStatistics:
        """Read it."""
        return FeatureStatistics.load(folder / "statistics.safetensors")


@dataclass
class Sampling(Stage[Codes]):
    """Codes drawn from the generator's latent distribution.

    Attributes:
        purpose: codes of different purposes are independent of each other.
    """

    generator: Generator
    count: int
    seed: int
    purpose: str
    name = "codes"

    def settings(self) -> Mapping[str, Any]:
        """Generator, how it is sampled, number, seed and purpose."""
        sampling = {"sampling": self.generator.sampling} if self.generator.sampling else {}
        return {
            "generator": self.generator.fingerprint,
            "count": self.count,
            "seed": self.seed,
            "purpose": self.purpose,
            **sampling,
        }

    def compute(self, progress: Progress) -> Codes:
        """Draw them block by block; all at once where they run out, so that none comes twice."""
        if self.generator.population is not None:
            return self.generator.sample(self.count, seeded(self.seed, self.purpose))
        blocks = -(-self.count // CODE_BLOCK)
        drawn = [
            self.generator.sample(CODE_BLOCK, seeded(self.seed, self.purpose, block))
            for block in range(blocks)
        ]
        values = torch.cat([codes.values for codes in drawn])[: self.count]
        labels = None
        if drawn[0].labels is not None:
            labels = torch.cat([c.labels for c in drawn if c.labels is not None])[: self.count]
        return Codes(drawn[0].space, values, labels)

    def save(self, result: Codes, folder: Path) -> None:
        """Values, labels and the name of the space."""
        tensors = {"values": result.values.cpu().contiguous()}
        if result.labels is not None:
            tensors["labels"] = result.labels.cpu()
        save_file(tensors, folder / "codes.safetensors")
        (folder / "space.json").write_text(json.dumps(result.space))

    def load(self, folder: Path) -> Codes:
        """Read them, onto the generator's device."""
        tensors = load_file(folder / "codes.safetensors")
        space = Space(json.loads((folder / "space.json").read_text()))
        codes = Codes(space, tensors["values"], tensors.get("labels"))
        return codes.to(self.generator.device)
