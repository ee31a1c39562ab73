"""Whether a latent shift can do what a shift of weights does (NaviGAN, Sec. 4.3, Figures 8, 16)."""

from dataclasses import dataclass, fields
from typing import Any

import torch
from omegaconf import DictConfig
from PIL import Image
from torch import Tensor

from pipeline.calibrating import calibrated
from pipeline.discovering import discovered
from pipeline.errors import UserError, unknown_name
from pipeline.evaluators.base import PerceptualDistance
from pipeline.experiment import Experiment
from pipeline.generators.base import Space
from pipeline.methods.mimicry import SPACES, MimicryRecipe, layer_before, mover
from pipeline.metrics.base import Estimate
from pipeline.metrics.intervals import mean_estimate, ratio_estimate
from pipeline.report.images import shrink
from pipeline.report.sheets import contact_sheet
from pipeline.runner import Runner
from pipeline.stages.calibration import Calibration
from pipeline.stages.inputs import Sampling
from pipeline.stages.mimicry import Mimicked, Mimicking
from pipeline.tasks.base import Findings, Task

LARGEST = 128  # pixels of the images that other jobs' are set beside


@dataclass
class MimicryTask(Task):
    """Seeks the shift in one space that mimics the selected direction at the greatest strength.

    For the search see :class:`MimicryRecipe`.

    Args:
        layer: the convolution whose input is moved where the space is ``activations``.
        space: where the shift is sought: z, w, w+, or activations.
        codes: to learn from; it is judged on the run's ``samples``, which are others.
        shown: held-out codes on the sheet.
        name: what the task is called.
    """

    layer: str
    space: str = "w"
    codes: int = 256
    steps: int = 300
    batch: int = 16
    rate: float = 0.1
    mse: float = 1.0
    perceptual: float = 1.0
    shown: int = 4
    name: str = "mimicry"

    def __post_init__(self) -> None:
        if self.space not in tuple(SPACES):
            raise unknown_name("task.space", self.space, SPACES)
        if self.codes < 2 or self.shown < 1:
            raise UserError(
                f"task.codes={self.codes} must be at least 2, task.shown={self.shown} at least 1."
            )
        options = {f.name: getattr(self, f.name) for f in fields(MimicryRecipe)}
        self._recipe = MimicryRecipe(**options)

    def check(self, experiment: Experiment) -> None:
        """Refuse generators without the space, and edits that take from a reference."""
        e = experiment
        if e.method.needs_reference:
            raise UserError(
                f"task={self.name} mimics directions; the edits of method={e.method.name} take "
                "something from a reference."
            )
        e.generator.require(Space(self.space), f"task={self.name}")
        if self.space == Space.ACTIVATIONS:
            codes = e.generator.sample(1, torch.Generator().manual_seed(0))
            layer_before(e.generator, codes.to(e.device), self.layer)

    def run(self, experiment: Experiment, config: DictConfig, runner: Runner) -> Findings:
        """Find and choose the direction, mimic it, and draw."""
        e, seed = experiment, config.seed
        edits = discovered(e, seed, runner)
        calibration = calibrated(e, config, edits, runner)
        learned = runner.run(Sampling(e.generator, self.codes, seed, "mimic"))
        held_out = runner.run(Sampling(e.generator, config.samples, seed, "evaluate"))
        chosen, strength = calibration.value.selected, e.strengths[-1]
        stage = Mimicking(
            edits.value[chosen],
            strength * calibration.value.step(chosen, e.unit, strength),
            e.generator,
            Space(self.space),
            self.layer,
            learned.value,
            held_out.value,
            self._recipe,
            self._perceptual(e),
            e.domain.predictor,
            seed,
        )
        upstream = [edits.key, calibration.key, learned.key, held_out.key]
        found = runner.run(stage, upstream).value
        images = self._images(stage, found)
        return Findings(
            numbers(found, e, calibration.value),
            {
                "space": self.space,
                "direction": edits.value[chosen].name,
                "attribute": calibration.value.attribute(chosen),
                "strength": strength,
                "reached": calibration.value.reached(chosen, strength),
                "curve": found.curve.tolist(),
                "shift": list(found.shift.shape),
            },
            {"mimicry": self._sheet(images, stage)},
            edits=edits.value,
            arrays={"images": shrink(images, LARGEST)},
        )

    def _perceptual(self, e: Experiment) -> PerceptualDistance | None:
        """What the run judges by, where it counts."""
        return e.judges.distance if self.perceptual else None

    @torch.no_grad()
    def _images(self, stage: Mimicking, found: Mimicked) -> Tensor:
        """Of some held-out codes ``[n, 3, 3, H, W]``: original, edit, mimicked."""
        few = stage.held_out[: self.shown]
        own = mover(stage.generator, stage.codes, stage.space, stage.layer)
        mimicked = own.render(few, found.shift.to(own.scale))
        both = [stage.generator.render(few), stage.edited(few), mimicked]
        return torch.stack(both, 1).clamp(-1, 1).cpu()

    def _sheet(self, images: Tensor, stage: Mimicking) -> Image.Image:
        names = [f"no. {i}" for i in range(len(images))]
        columns = ["original", "edit", f"shift in {self.space}"]
        return contact_sheet([list(row) for row in images], columns, names, stage.edit.name)


def numbers(found: Mimicked, e: Experiment, calibration: Calibration) -> dict[str, Estimate]:
    """What is left of each distance as a share of what the edit does, and the attribute's change.

    ``left_mse``, and ``left_`` with the name of the perceptual distance: 0 is perfect mimicry, 1
    no better than doing nothing. ``wanted`` and ``reached`` are changes of the edit's attribute.
    """
    told = {
        f"left_{name}": ratio_estimate(found.left[name], nothing)
        for name, nothing in found.nothing.items()
    }
    attribute: Any = calibration.attribute(calibration.selected)
    if attribute is None:
        return told
    column = list(e.domain.predictor.names).index(attribute)
    return told | {
        "wanted": mean_estimate(found.wanted[:, column]),
        "reached": mean_estimate(found.reached[:, column]),
    }
