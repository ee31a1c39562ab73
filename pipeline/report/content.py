"""Everything that a report shows, as plain data; rendering adds nothing but its form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from pipeline.metrics.base import Estimate
from pipeline.regions.region import Outline


@dataclass(frozen=True)
class Curve:
    """A number over the edit strength, with its 95 % interval.

    Attributes:
        strengths: where it was measured, ascending.
        values: one per strength; NaN where nothing was measured.
        lows: lower ends of the intervals; NaN where there is too little to tell.
        highs: upper ends, likewise.
        n: how many samples every value rests on.
    """

    strengths: Sequence[float]
    values: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]
    n: int

    @classmethod
    def of(cls, points: Mapping[float, Estimate]) -> "Curve":
        """The curve through estimates by strength; its n is the smallest of theirs."""
        ordered = sorted(points.items())
        return cls(
            tuple(strength for strength, _ in ordered),
            tuple(estimate.value for _, estimate in ordered),
            tuple(estimate.ci95[0] for _, estimate in ordered),
            tuple(estimate.ci95[1] for _, estimate in ordered),
            min((estimate.n for _, estimate in ordered), default=0),
        )

    def estimates(self) -> list[Estimate]:
        """Its points as estimates."""
        columns = (self.values, self.lows, self.highs)
        return [Estimate(v, (low, high), self.n) for v, low, high in zip(*columns, strict=True)]


@dataclass(frozen=True, eq=False)
class Strip:
    """One sample, edited at several strengths.

    Attributes:
        index: global number of the sample.
        original: ``[3, H, W]``, RGB, about [-1, 1]; clamped when shown.
        edited: ``[k, 3, H, W]``, likewise, one image per strength.
        strengths: the k strengths.
        mask: ``[H, W]``, 1 inside, of a region that varies by image; None for a fixed region.
        reference: ``[3, H, W]``, what the edit takes from; None where it takes from nothing.
    """

    index: int
    original: Tensor
    edited: Tensor
    strengths: Sequence[float]
    mask: Tensor | None = None
    reference: Tensor | None = None


@dataclass(frozen=True)
class AttributeChange:
    """What the selected edit does to one attribute.

    Attributes:
        name: the attribute, e.g. ``mouth_open``.
        label: short text for figures.
        change: in standard deviations of the data.
        inside: whether the attribute belongs to the region.
    """

    name: str
    label: str
    change: Estimate
    inside: bool


@dataclass(frozen=True)
class Effect:
    """What a direction does to attributes.

    Attributes:
        attribute: label of the attribute that it changes most.
        sign: 1 or -1, the way along the direction in which that attribute grows.
        change: change of that attribute, in standard deviations of the data.
        outside_attribute: label of the attribute outside the region that changes most.
        outside_change: its change, in standard deviations of the data.
        selectivity: see `Report.selectivity_meaning`.
    """

    attribute: str
    sign: int
    change: Estimate
    outside_attribute: str
    outside_change: Estimate
    selectivity: float


@dataclass(frozen=True, eq=False)
class DirectionRow:
    """One direction, at the strength it was calibrated to.

    Attributes:
        rank: its place in the order of the method, the most promising is 1.
        eigenvalue: what the method ranks by; NaN where it has no such number.
        strength: the calibrated strength; NaN where the change asked for cannot be reached.
        mse_ratio: mean squared error inside over outside the region.
        effect: what it does to attributes; None where no attribute can be read.
        selected: whether it is the one that the report is about.
        strip: a few edited images.
    """

    rank: int
    eigenvalue: float
    strength: float
    mse_ratio: Estimate
    effect: Effect | None = None
    selected: bool = False
    strip: Strip | None = None


@dataclass(frozen=True)
class Timing:
    """How long a stage took: wall-clock seconds, and whether its result came from the store."""

    stage: str
    seconds: float
    cached: bool


@dataclass(frozen=True)
class EvaluatorNote:
    """Which network stands behind a metric.

    Attributes:
        metric: name of the metric, e.g. ``fd_embedded``.
        official: whether the network is the one that defines the metric.
        text: e.g. "stand-in of the embedded domain: ...", and how to get the official one.
    """

    metric: str
    official: bool
    text: str


@dataclass(frozen=True, eq=False)
class Portrait:
    """A photograph and what became of it.

    Attributes:
        name: of its file.
        photo: ``[3, H, W]``, RGB, about [-1, 1].
        strip: its reconstruction as the original, and that edited.
        psnr: of the reconstruction, in dB.
    """

    name: str
    photo: Tensor
    strip: Strip
    psnr: float


@dataclass(frozen=True, eq=False)
class Inversion:
    """Photographs that were edited.

    Attributes:
        portraits: those that are shown.
        space: the space that their codes were looked for in.
        steps: least and greatest number of steps that it took.
        quality: how well all were reproduced, by name; means over photographs.
        extremes: least and greatest value of any photograph, by name.
        notes: what a reader has to know.
    """

    portraits: Sequence[Portrait]
    space: str
    steps: tuple[int, int]
    quality: Mapping[str, Estimate]
    extremes: Mapping[str, tuple[float, float]]
    notes: Sequence[str] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Report:
    """One run.

    Attributes:
        title: heading of the page.
        command: the command line that repeats the run.
        method: name of the method; likewise `generator`, `region` and `dataset`.
        seed: the one seed of the run.
        samples: how many samples were edited.
        strength: the headline strength, to which `metrics`, `difference` and `changes` belong.
        attribute: name of the attribute asked for, if any.
        metrics: by name, e.g. ``mse_in``.
        curves: by name of the metric.
        strength_label: labels the axes; what it is measured in may follow in parentheses.
        outline: the region as closed polygons of (row, column) fractions; None where it varies.
        inversion: the photographs that the samples come from; None where codes were sampled.
        strips: the samples shown.
        difference: squared error per pixel ``[H, W]``, mean over samples and channels, RGB scaled
            to [0, 1].
        directions: what the method found, the most promising first.
        selectivity_meaning: what the column of that name is, e.g. "change of ... over ...".
        changes: per attribute.
        timings: in the order of the stages.
        configuration: the resolved configuration as YAML.
        environment: versions, machine, git state, date: whatever tells this run from another.
        evaluators: which networks judged.
        warnings: what a reader has to know before believing the numbers.
    """

    title: str
    command: str
    method: str
    generator: str
    region: str
    seed: int
    samples: int
    strength: float
    dataset: str = ""
    attribute: str | None = None
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    strength_label: str = "edit strength"
    outline: Sequence[Outline] | None = None
    inversion: Inversion | None = None
    strips: Sequence[Strip] = ()
    difference: Tensor | None = None
    directions: Sequence[DirectionRow] = ()
    selectivity_meaning: str = ""
    changes: Sequence[AttributeChange] = ()
    timings: Sequence[Timing] = ()
    configuration: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    evaluators: Sequence[EvaluatorNote] = ()
    warnings: Sequence[str] = ()
