"""Edits along the normals of hyperplanes: in Z, W and S, and InterFaceGAN's conditional ones."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.class_rows import Classes, as_classes, require_w, rows_of
from pipeline.methods.edits import DirectionEdit, Edits
from pipeline.methods.gram import Progress
from pipeline.methods.labels import Labels, examples, read
from pipeline.methods.reading import ReadingMethod
from pipeline.methods.separation import Hyperplane, Penalty, Sides, orthogonal, separate
from pipeline.regions.region import Region

SPACES = (Space.Z, Space.W, Space.S)


class Metric(StrEnum):
    """Which way a normal is followed.

    ``codes`` follows the normal as it is; ``deviations`` the normal in standardised coordinates,
    along which every coordinate moves in proportion to how much it varies.
    """

    CODES = "codes"
    DEVIATIONS = "deviations"


@dataclass(frozen=True, eq=False, kw_only=True)
class NormalEdit(DirectionEdit):
    """A step along a normal, whose natural size is how much the codes vary along it."""

    def spread(self, generator: Generator, codes: Codes) -> float:
        """Standard deviation of the codes along the direction."""
        values = generator.convert(codes, self.space).values
        return float((values.double() @ self.direction.to(values).double()).std())


@dataclass(frozen=True)
class Sampling:
    """Where examples of an attribute come from.

    Attributes:
        num_samples: codes that are sampled, rendered and read.
        share: of them, in each of the two classes; the rest lies between.
        validation: share of the examples that is kept from training.
    """

    num_samples: int = 10_000
    share: float = 0.05
    validation: float = 0.3

    def __post_init__(self) -> None:
        if self.num_samples < 4:
            raise UserError(f"num_samples={self.num_samples} must be at least 4.")
        for name, most in (("share", 0.5), ("validation", 0.9)):
            if not 0 < getattr(self, name) <= most:
                raise UserError(f"{name}={getattr(self, name)} must lie above 0, at most {most}.")


class LabelledMethod(ReadingMethod):
    """A method that learns from sampled codes with labels.

    A job labels the codes itself, once for all methods and attributes, and sets ``labels``; where
    nobody did, the method draws and labels its own.

    Attributes:
        labels: the labelled codes.
    """

    labels: Labels | None = None

    @property
    @abstractmethod
    def sampling(self) -> Sampling:
        """How many labelled codes it wants."""

    def networks(self) -> Mapping[str, object]:
        """The predictor."""
        return {"predictor": self.predictor(self.wanted)[0]}

    @property
    @abstractmethod
    def wanted(self) -> str | None:
        """The attribute that it is asked for."""

    def labelled(self, generator: Generator, seed: int, progress: Progress | None) -> Labels:
        """The labels at hand, or those of codes drawn now."""
        if self.labels is not None:
            return self.labels
        codes = generator.sample(self.sampling.num_samples, torch.Generator().manual_seed(seed))
        return read(generator, self.predictor(self.wanted)[0], codes, progress)


@dataclass(frozen=True)
class Fit:
    """How a hyperplane is fitted.

    Attributes:
        penalty: norm of the normal that is kept small; None is L1 in S and L2 elsewhere.
        C: weight of one error against it; None shares a fixed weight of the space among the
            examples, so that more examples do not loosen the penalty.
        standardise: fit on standardised coordinates; None does so in S alone.
    """

    penalty: Penalty | None = None
    C: float | None = None
    standardise: bool | None = None

    WEIGHT: ClassVar[Mapping[Space, float]] = {Space.Z: 1000.0, Space.W: 10.0, Space.S: 30.0}

    def __post_init__(self) -> None:
        if self.penalty is not None:
            if self.penalty not in tuple(Penalty):
                raise unknown_name("penalty", self.penalty, Penalty)
            object.__setattr__(self, "penalty", Penalty(self.penalty))
        if self.C is not None and self.C <= 0:
            raise UserError(f"C={self.C} must be positive.")

    def hyperplane(
        self,
        generator: Generator,
        labels: Labels,
        attribute: str,
        space: Space,
        sampling: Sampling,
        seed: int,
    ) -> Hyperplane:
        """The hyperplane of an attribute in a space."""
        chosen = examples(labels, attribute, sampling.share, sampling.validation, seed)
        sides = chosen.sides(labels, generator, space)
        return self.to(sides, space, seed)

    def to(self, sides: Sides, space: Space, seed: int) -> Hyperplane:
        """The hyperplane between examples in a space."""
        in_styles = space == Space.S
        penalty = self.penalty or (Penalty.L1 if in_styles else Penalty.L2)
        standardise = in_styles if self.standardise is None else self.standardise
        C = self.WEIGHT[space] / len(sides.train) if self.C is None else self.C
        return separate(sides, penalty, C, standardise, seed)


@dataclass
class Hyperplanes(LabelledMethod):
    """The normal of an attribute's hyperplane in one space.

    Args:
        attribute: the attribute, by name.
        space: z, w or s.
        num_samples: see :class:`Sampling`; likewise ``share`` and ``validation``.
        penalty: see :class:`Fit`; likewise ``C`` and ``standardise``.
        metric: which way the normal is followed.
        classes: in the w of a SemanticStyleGAN: classes whose codes alone move, ``own`` for those
            of the attribute's parts, None for all; other generators know ``own`` and None.
        name: the name of the method.
    """

    attribute: str | None = None
    space: Space = Space.Z
    num_samples: int = 10_000
    share: float = 0.05
    validation: float = 0.3
    penalty: Penalty | None = None
    C: float | None = None
    standardise: bool | None = None
    metric: Metric = Metric.CODES
    classes: Classes = None
    name: str = "hyperplane_z"

    def __post_init__(self) -> None:
        for option, kind, allowed in (("space", Space, SPACES), ("metric", Metric, tuple(Metric))):
            if getattr(self, option) not in allowed:
                raise unknown_name(option, getattr(self, option), allowed)
            setattr(self, option, kind(getattr(self, option)))
        self.classes = as_classes(self.classes)
        require_w(self.space, self.classes)
        self._sampling = Sampling(self.num_samples, self.share, self.validation)
        self._fit = Fit(self.penalty, self.C, self.standardise)

    @property
    def sampling(self) -> Sampling:
        """See :class:`LabelledMethod`."""
        return self._sampling

    @property
    def wanted(self) -> str | None:
        """See :class:`LabelledMethod`."""
        return self.attribute

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a generator without the space or the classes, an attribute that nobody reads."""
        generator.require(self.space, f"method={self.name}")
        self.networks()
        self._rows(generator)

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; the codes it learns from are its own."""
        self.check(generator, region)
        labels = self.labelled(generator, seed, progress)
        plane = self._plane(generator, labels, str(self.attribute), seed)
        direction, notes = self._direction(generator, labels, plane, seed)
        if progress is not None:
            progress(len(labels), len(labels))
        edit = NormalEdit(
            name=f"{self.name}/{self.attribute}",
            generator=generator.name,
            fingerprint=generator.fingerprint,
            direction=direction.to(codes.values.dtype),
            space=self.space,
            rows=self._rows(generator),
        )
        return self.found(
            (edit,),
            generator,
            region,
            seed,
            # What directions are ranked by: here the share of unseen codes on their side.
            extra={"eigenvalues": torch.tensor([plane.validation], dtype=torch.float64)},
            notes={
                "options": asdict(self),
                "hyperplane": facts(plane),
                "labeller": labels.labeller,
                "samples": len(labels),
                "region": "not looked at",
                **notes,
            },
        )

    def _rows(self, generator: Generator) -> tuple[int, ...] | None:
        """The rows of w+ that move; None for all."""
        parts = {} if self.reader is None else getattr(self.reader, "attribute_parts", {})
        return rows_of(generator, self.classes, str(self.attribute), parts)

    def _plane(self, generator: Generator, labels: Labels, attribute: str, seed: int) -> Hyperplane:
        return self._fit.hyperplane(generator, labels, attribute, self.space, self._sampling, seed)

    def _direction(
        self, generator: Generator, labels: Labels, plane: Hyperplane, seed: int
    ) -> tuple[Tensor, dict[str, Any]]:
        """The unit direction of the edit, and what is to be noted of it."""
        return plane.step if self.metric == Metric.DEVIATIONS else plane.normal, {}


@dataclass
class InterFaceGAN(Hyperplanes):
    """InterFaceGAN (Shen et al. 2020, Sec. 3.2): a normal without its parts along others.

    Args:
        conditions: attributes that should stay; None takes the most entangled ones.
        num_conditions: how many those are: of all attributes, those whose normals are the least
            orthogonal to the attribute's.
    """

    conditions: tuple[str, ...] | None = None
    num_conditions: int = 1
    name: str = field(default="interfacegan")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.conditions is not None:
            self.conditions = tuple(self.conditions)
            if self.attribute in self.conditions:
                raise UserError(
                    f"method.conditions={list(self.conditions)} names the attribute itself: "
                    "give others."
                )
        if self.num_conditions < 0:
            raise UserError(f"num_conditions={self.num_conditions} must be at least 0.")

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse also conditions that nobody reads."""
        super().check(generator, region)
        for condition in self.conditions or ():
            self.predictor(condition)

    def _direction(
        self, generator: Generator, labels: Labels, plane: Hyperplane, seed: int
    ) -> tuple[Tensor, dict[str, Any]]:
        normals = {
            name: self._plane(generator, labels, name, seed).normal
            for name in self._candidates(labels)
        }
        cosines = {name: float(normal @ plane.normal) for name, normal in normals.items()}
        taken = list(self.conditions or ())
        if self.conditions is None:
            ranked = sorted(cosines, key=lambda name: -abs(cosines[name]))
            taken = ranked[: self.num_conditions]
        direction = orthogonal(plane.normal, [normals[name] for name in taken])
        kept = float(direction @ plane.normal)
        return direction, {
            "conditions": {name: cosines[name] for name in taken},
            "kept": kept,
        }

    def _candidates(self, labels: Labels) -> list[str]:
        """The attributes whose normals are needed."""
        if self.conditions is not None:
            return list(self.conditions)
        readable = getattr(self.predictor(self.attribute)[0], "readable", labels.names)
        others = [name for name in labels.names if name in readable and name != self.attribute]
        return others if self.num_conditions else []


def facts(plane: Hyperplane) -> dict[str, Any]:
    """What is said of a hyperplane, as JSON can hold it."""
    return {
        "train_accuracy": plane.train,
        "validation_accuracy": plane.validation,
        "zeros": plane.zeros,
        "dimensions": len(plane.normal),
        "sparsity": plane.sparsity,
        "C": plane.C,
        "converged": plane.converged,
    }
