"""A small real task: how bright the images of a generator are."""

from dataclasses import dataclass

import torch
from omegaconf import DictConfig

from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.metrics.intervals import mean_estimate
from pipeline.runner import Runner
from pipeline.stages.inputs import Sampling
from pipeline.tasks.base import Findings, Task


@dataclass
class Census(Task):
    """Mean brightness of some samples."""

    most: int = 100
    refuses: str = ""  # name of a method
    name: str = "census"

    def check(self, experiment: Experiment) -> None:
        if experiment.method.name == self.refuses:
            raise UserError(f"task={self.name}: not with method={self.refuses}.")

    @torch.inference_mode()
    def run(self, experiment: Experiment, config: DictConfig, runner: Runner) -> Findings:
        count = min(config.samples, self.most)
        codes = runner.run(Sampling(experiment.generator, count, config.seed, "census")).value
        images = experiment.generator.render(codes).clamp(-1, 1)
        brightness = images.mean((1, 2, 3)).double()
        return Findings(
            {"brightness": mean_estimate(brightness)},
            {"each": brightness.tolist()},
            {"first": images[0]},
        )
