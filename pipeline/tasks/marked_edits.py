"""Edits with what they were not to change told beside every image."""

from dataclasses import dataclass

import torch
from omegaconf import DictConfig
from torch import Tensor

from pipeline.calibrating import calibrated
from pipeline.discovering import discovered
from pipeline.domains.base import Domain
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.generators.base import Codes, Generator
from pipeline.intervening import prepare
from pipeline.methods.edits import Edit
from pipeline.metrics.attribute_change import UNWANTED
from pipeline.metrics.intervals import mean_estimate
from pipeline.runner import Runner
from pipeline.stages.inputs import Sampling
from pipeline.tasks.base import Findings, Task


@dataclass
class MarkedEdits(Task):
    """Edits images at the first strength, and reads every attribute before and after.

    Leaves arrays by name: ``originals`` and ``edited`` ``[shown, 3, H, W]`` in [-1, 1], and
    ``changes`` ``[shown, a]`` of the readable attributes, in standard deviations of the data.

    Args:
        shown: images that are kept; the numbers are of all samples.
        name: what the task is called.
    """

    shown: int = 4
    name: str = "marked_edits"

    def __post_init__(self) -> None:
        if self.shown < 1:
            raise UserError(f"task.shown={self.shown} must be at least 1.")

    def check(self, experiment: Experiment) -> None:
        """Refuse pictures that no attributes can be read off, and methods that move none."""
        if not experiment.domain.predictor.readable:
            raise UserError(
                f"task={self.name} reads attributes, and none can be read off "
                f"{experiment.domain.name}: take a dataset whose attributes can be."
            )
        if not experiment.method.calibrated:
            raise UserError(
                f"task={self.name} changes an attribute, to which strengths of "
                f"method={experiment.method.name} are not calibrated: choose another method."
            )

    def run(self, experiment: Experiment, config: DictConfig, runner: Runner) -> Findings:
        """Find, choose, edit and read."""
        e = experiment
        edits = discovered(e, config.seed, runner)
        calibration = calibrated(e, config, edits, runner).value
        chosen, strength = calibration.selected, e.strengths[0]
        edit, step = edits.value[chosen], strength * calibration.step(chosen, e.unit, strength)
        codes = runner.run(Sampling(e.generator, config.samples, config.seed, "evaluate")).value
        prepare([edit], e.generator, codes, [step], e.domain, runner)
        shown, changes = _edited(e.generator, codes, edit, step, e.domain, config.batch, self.shown)
        names = list(e.domain.predictor.readable)
        attribute = str(calibration.attribute(chosen))
        wanted = names.index(attribute)
        others = torch.arange(len(names)) != wanted
        unwanted = (changes[:, others].abs() >= UNWANTED).sum(dim=1)
        metrics = {"change": mean_estimate(changes[:, wanted].double())}
        metrics["unwanted"] = mean_estimate(unwanted.double())
        details = {
            "attribute": attribute,
            "names": names,
            "strength": strength,
            "reached": calibration.reached(chosen, strength),
            "unwanted": unwanted.tolist(),
        }
        return Findings(metrics, details, arrays={**shown, "changes": changes[: self.shown]})


@torch.inference_mode()
def _edited(
    generator: Generator,
    codes: Codes,
    edit: Edit,
    step: float,
    domain: Domain,
    batch: int,
    shown: int,
) -> tuple[dict[str, Tensor], Tensor]:
    """The first images before and after, and all changes of readable attributes ``[n, a]``."""
    columns = [domain.predictor.names.index(name) for name in domain.predictor.readable]
    read = domain.predictor.standardised
    pairs, changes = [], []
    for first in range(0, len(codes), batch):
        few = codes[first : first + batch]
        original = generator.render(few).clamp(-1, 1)
        edited = edit.apply(generator, few, step).clamp(-1, 1)
        changes.append((read(edited) - read(original))[:, columns].cpu())
        pairs.append((original[: max(0, shown - first)], edited[: max(0, shown - first)]))
    originals, after = (torch.cat(images).cpu() for images in zip(*pairs, strict=True))
    return {"originals": originals, "edited": after}, torch.cat(changes)
