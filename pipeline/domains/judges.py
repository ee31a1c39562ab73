"""Who judges a run: the official network of a metric, a stand-in under its own name, or nobody."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Generic, Protocol, TypeVar

from pipeline.errors import UserError, unknown_name
from pipeline.evaluators.base import FeatureExtractor, IdentityEmbedder, PerceptualDistance
from pipeline.weights.cache import find

RECOGNISERS = {"arcface_r50": "arcface", "mobilefacenet": "imagenet"}
"""Weights and scaling of the face recognisers, the preferred first."""

log = logging.getLogger(__name__)


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Judge = TypeVar("Judge", bound=_Named)


@dataclass(frozen=True)
class Judges:
    """The evaluators of a run; None where none was asked for, or none can be had.

    Attributes:
        notes: by metric name, whether it is the official network or a stand-in, and why; or that
            the metric is left out, and why.
    """

    features: FeatureExtractor | None
    identity: IdentityEmbedder | None
    distance: PerceptualDistance | None
    notes: Mapping[str, str] = field(default_factory=dict)


NOBODY = Judges(None, None, None)


@dataclass(frozen=True)
class Candidates(Generic[Judge]):
    """Who can judge by one metric.

    Attributes:
        metric: its key in ``conf/metric``.
        official_name: what asks for the official network.
        official: makes it; raises UserError where it is not here or cannot judge such pictures.
        unfit: why ``auto`` does without the official network; None where it takes it.
        stand_in: makes the stand-in, where the domain has one.
    """

    metric: str
    official_name: str
    official: Callable[[], Judge]
    unfit: str | None
    stand_in: Callable[[], Judge] | None = None

    def choose(self, wish: str, notes: dict[str, str], reference: str = "") -> Judge | None:
        """The judge that was asked for, with a note of what it is.

        Args:
            wish: what was asked for.
            notes: gets the note.
            reference: what it holds images against, where that is a set; belongs to the note.

        Raises:
            UserError: there is no such choice, or it cannot be had.
        """
        allowed = ("auto", self.official_name, "embedded", "none")
        if wish not in allowed:
            raise unknown_name(f"metric.{self.metric}", wish, allowed)
        if wish == "none":
            return None
        if wish == self.official_name or (wish == "auto" and self.unfit is None):
            judge = self.official()
            what = f"official network{_file_of(judge)}"
        elif self.stand_in is not None:
            judge = self.stand_in()
            why = "asked for" if wish == "embedded" else self.unfit
            what = f"stand-in of the embedded domain: {why}"
        else:
            self._leave_out(wish, notes)
            return None
        notes[judge.name] = f"{what}; reference set: {reference}" if reference else what
        return judge

    def _leave_out(self, wish: str, notes: dict[str, str]) -> None:
        if wish == "embedded":
            raise UserError(
                f"metric.{self.metric}=embedded: the embedded network knows rendered faces alone, "
                f"so its number would mean nothing here; allowed: auto, {self.official_name}, none."
            )
        notes[self.metric] = f"left out: {self.unfit}"
        log.warning("%s is left out: %s", self.metric, self.unfit)


def missing(*weights: str) -> str | None:
    """Why no official network can be had: none of its weights is here; None where one is."""
    if any(find(name) for name in weights):
        return None
    names = " or ".join(f"'{name}'" for name in weights)
    return f"the weights {names} are not here (python scripts/fetch_weights.py {weights[0]})"


def missing_recogniser() -> str | None:
    """Why no recogniser can be had; None where one can."""
    if find_spec("onnxruntime") is None:
        return "onnxruntime is not installed"
    return missing(*RECOGNISERS)


def inception() -> FeatureExtractor:
    """The network of the FID."""
    from pipeline.evaluators.inception import InceptionFeatures  # brings torchvision

    return InceptionFeatures()


def recogniser() -> IdentityEmbedder:
    """A recogniser of faces that are aligned as FFHQ's, the best that is here."""
    from pipeline.evaluators.recognition import OnnxRecogniser  # brings onnxruntime

    model = next((name for name in RECOGNISERS if find(name)), "arcface_r50")
    return OnnxRecogniser(model, RECOGNISERS[model])


def perceptual() -> PerceptualDistance:
    """The network of LPIPS."""
    from pipeline.evaluators.lpips import LPIPS  # brings torchvision

    return LPIPS()


def _file_of(judge: object) -> str:
    """The file of its weights, in parentheses."""
    source = str(getattr(judge, "source", ""))
    return f" ({source.rpartition('/')[2]})" if source else ""
