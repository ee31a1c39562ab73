"""What a job found, as its report is written from."""

from dataclasses import dataclass

from pipeline.experiment import Experiment
from pipeline.generators.base import Codes
from pipeline.measures import MeasureFactory, Measures
from pipeline.methods.edits import Edit, Edits
from pipeline.shards import Share
from pipeline.stages.calibration import Calibration
from pipeline.stages.inversion import Inverted


@dataclass(frozen=True)
class Outcome:
    """Everything a job found.

    Attributes:
        codes: the codes of the measured samples.
        steps: latent step of every strength.
        by_strength: measures of the selected direction per strength.
        by_direction: measures of every direction at a strength of 1; none where not asked for.
        unedited: measures of the samples as they are.
        share: which of all samples these are.
        factory: what made the measures.
        key: hash of what was measured, the same for all shares of it.
        inverted: where the codes of photographs came from; None where codes were sampled.
        references: codes of the images that edits take from, one per sample; None where they take
            from none.
    """

    experiment: Experiment
    edits: Edits
    calibration: Calibration
    codes: Codes
    steps: dict[float, float]
    by_strength: dict[float, Measures]
    by_direction: list[Measures]
    unedited: Measures
    share: Share
    factory: MeasureFactory
    key: str
    inverted: Inverted | None = None
    references: Codes | None = None

    @property
    def edit(self) -> Edit:
        """The selected edit."""
        return self.edits[self.calibration.selected]

    @property
    def headline(self) -> float:
        """The strength the main numbers are given at: 1 where it is measured, else the greatest."""
        given = self.experiment.strengths
        return 1.0 if 1.0 in given else max(given, key=lambda s: (abs(s), s))
