"""What is known about a kind of picture: reference images, parts, attributes, and who judges it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from pipeline.datasets.procfaces.dataset import renderer_fingerprint
from pipeline.datasets.procfaces.factors import FACTORS, sample_factors
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.datasets.procfaces.render import render
from pipeline.errors import UserError, unknown_name
from pipeline.evaluators.base import FeatureExtractor, IdentityEmbedder, PerceptualDistance
from pipeline.evaluators.embedded import (
    AttributeRegressor,
    EmbeddedDistance,
    EmbeddedFeatures,
    EmbeddedIdentity,
    FaceParser,
)
from pipeline.evaluators.weights import find

RENDER_BATCH = 128


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Judge = TypeVar("Judge", bound=_Named)


@dataclass(frozen=True)
class Judges:
    """The evaluators of a run; None where none was asked for.

    Attributes:
        notes: by metric name, whether it is the official network or a stand-in, and why.
    """

    features: FeatureExtractor | None
    identity: IdentityEmbedder | None
    distance: PerceptualDistance | None
    notes: Mapping[str, str] = field(default_factory=dict)


class ProcFaces:
    """The embedded domain: procedurally rendered faces and the networks trained on them.

    Args:
        reference_samples: renders behind the reference statistics.
        reference_seed: of their factors; the networks were trained on faces of other seeds.
    """

    name = "procfaces"
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

    def part_ids(self, names: list[str]) -> list[int]:
        """Ids of parts by name.

        Raises:
            UserError: the domain has no such part.
        """
        for name in names:
            if name not in self.parts:
                raise unknown_name("part", name, self.parts)
        return [self.parts.index(name) for name in names]

    def check_attribute(self, name: str) -> None:
        """Refuse an attribute that the domain has none of, or that cannot be read well enough.

        Raises:
            UserError: names those that can.
        """
        if name not in self.predictor.readable:
            raise unknown_name("attribute", name, self.predictor.readable)

    def judges(self, fid: str, id: str, lpips: str) -> Judges:  # noqa: A002
        """The evaluators for the metrics asked for: see ``conf/metric/standard.yaml``.

        Raises:
            UserError: an official network is asked for whose weights are not here.
        """
        notes: dict[str, str] = {}
        choose = _Chooser(notes)
        return Judges(
            choose("fid", fid, EmbeddedFeatures.load, "inception", _inception, "inception_fid"),
            choose("id", id, EmbeddedIdentity.load, "recognition", _recogniser, None),
            choose("lpips", lpips, EmbeddedDistance.load, "official", _lpips, "alexnet"),
            notes,
        )


@dataclass
class _Chooser:
    """Picks the official network or the stand-in of one metric, and notes which."""

    notes: dict[str, str]

    def __call__(
        self,
        metric: str,
        wish: str,
        stand_in: Callable[[], Judge],
        official_name: str,
        official: Callable[[], Judge],
        weights: str | None,
    ) -> Judge | None:
        allowed = ("auto", official_name, "embedded", "none")
        if wish not in allowed:
            raise unknown_name(f"metric.{metric}", wish, allowed)
        if wish == "none":
            return None
        here = weights is not None and find(weights) is not None
        if wish == official_name or (wish == "auto" and here):
            judge = official()
            self.notes[judge.name] = "official network"
            return judge
        judge = stand_in()
        why = {"embedded": "asked for"}.get(
            wish,
            f"the weights '{weights}' are not here"
            if weights
            else "a recogniser of real faces does not know rendered ones",
        )
        self.notes[judge.name] = f"stand-in of the embedded domain: {why}"
        return judge


def _inception() -> FeatureExtractor:
    from pipeline.evaluators.inception import InceptionFeatures  # brings torchvision

    return InceptionFeatures()


def _recogniser() -> IdentityEmbedder:
    from pipeline.evaluators.recognition import OnnxRecogniser  # brings onnxruntime

    known = {"arcface_r50": "arcface", "mobilefacenet": "imagenet"}
    model = next((name for name in known if find(name)), "arcface_r50")
    return OnnxRecogniser(model, known[model])


def _lpips() -> PerceptualDistance:
    from pipeline.evaluators.lpips import LPIPS  # brings torchvision

    return LPIPS()
