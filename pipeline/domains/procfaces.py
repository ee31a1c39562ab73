"""The embedded domain: procedurally rendered faces and the networks trained on them."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from pipeline.datasets.procfaces.dataset import renderer_fingerprint
from pipeline.datasets.procfaces.factors import FACTORS, sample_factors
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.datasets.procfaces.render import render
from pipeline.domains.base import Domain
from pipeline.domains.judges import (
    Candidates,
    Judges,
    inception,
    missing,
    perceptual,
    recogniser,
)
from pipeline.errors import UserError
from pipeline.evaluators.base import FeatureExtractor, IdentityEmbedder, PerceptualDistance
from pipeline.evaluators.embedded import (
    AttributeRegressor,
    EmbeddedDistance,
    EmbeddedFeatures,
    EmbeddedIdentity,
    FaceParser,
)
from pipeline.generators.base import Generator

NAME = "procfaces"
RENDER_BATCH = 128


class ProcFaces(Domain):
    """Procedurally rendered faces.

    Args:
        reference_samples: renders behind the reference statistics.
        reference_seed: of their factors; the networks were trained on faces of other seeds.
    """

    name = frame = NAME
    parts = PARTS
    attribute_parts: Mapping[str, tuple[str, ...]] = {f.name: f.parts for f in FACTORS}

    def __init__(self, reference_samples: int = 8192, reference_seed: int = 1) -> None:
        if reference_samples < 2:
            raise UserError(f"dataset.reference_samples={reference_samples}: at least 2.")
        self.reference_samples, self.reference_seed = reference_samples, reference_seed

    @property
    def fingerprint(self) -> str:
        """Hash of the renderer: what the reference images depend on."""
        return renderer_fingerprint()

    @property
    def reference(self) -> str:
        """Renders of the domain's own size."""
        return f"{self.reference_samples} rendered faces of 64 px, not resized"

    @cached_property
    def parser(self) -> FaceParser:
        """Finds the parts in an image."""
        return FaceParser.load()

    @cached_property
    def predictor(self) -> AttributeRegressor:
        """Reads the attributes off an image."""
        return AttributeRegressor.load()

    def reference_images(self) -> Iterator[Tensor]:
        """Batches of the data ``[n, 3, 64, 64]``, ``reference_samples`` in all."""
        factors = sample_factors(
            self.reference_samples, torch.Generator().manual_seed(self.reference_seed)
        )
        for chunk in factors.split(RENDER_BATCH):
            yield render(chunk).images

    def suited(self, generator: Generator, makes: str | None) -> Self:
        """The domain itself, for generators of its faces alone.

        Raises:
            UserError: the generator makes other pictures, of which these networks know nothing.
        """
        if makes != self.name:
            raise UserError(
                f"dataset={self.name} judges rendered faces alone, and generator={generator.name} "
                f"makes {makes or 'pictures of a kind not stated'}: leave dataset=auto, or give "
                "real images with dataset=folder dataset.path=FOLDER; for a generator that was "
                f"trained on rendered faces add generator.domain={self.name}."
            )
        return self

    def judges(self, fid: str, id: str, lpips: str) -> Judges:  # noqa: A002
        """Official networks where they are here and know rendered faces, else the stand-ins."""
        notes: dict[str, str] = {}
        unknown = "a recogniser of real faces does not know rendered ones"
        features: Candidates[FeatureExtractor] = Candidates(
            "fid", "inception", inception, missing("inception_fid"), EmbeddedFeatures.load
        )
        identity: Candidates[IdentityEmbedder] = Candidates(
            "id", "recognition", recogniser, unknown, EmbeddedIdentity.load
        )
        distance: Candidates[PerceptualDistance] = Candidates(
            "lpips", "official", perceptual, missing("alexnet"), EmbeddedDistance.load
        )
        return Judges(
            features.choose(fid, notes, self.reference),
            identity.choose(id, notes),
            distance.choose(lpips, notes),
            notes,
        )
