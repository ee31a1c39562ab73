"""What a job can do instead of the standard edit: a task, and what it found.

``conf/task/NAME.yaml`` names the class (``_target_``) and its options; ``task=NAME`` takes it. The
job makes the experiment, runs the task and writes what it found, see
:mod:`pipeline.tasks.publishing`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig
from PIL.Image import Image
from torch import Tensor

from pipeline.experiment import Experiment
from pipeline.methods.edits import Edits
from pipeline.metrics.base import Estimate
from pipeline.report.page import Page
from pipeline.runner import Runner


@dataclass(frozen=True, eq=False)
class Findings:
    """What a task found.

    Attributes:
        metrics: the job's numbers by name, ``metrics`` of ``metrics.json``.
        details: anything else that JSON can hold (curves, rows, names), ``details`` of the same.
        pictures: finished pictures by name, written as ``NAME.png``: sheets as
            :mod:`pipeline.report.sheets` draws them, or ``[3, H, W]`` in [-1, 1], RGB.
        pages: pages of their own by name, written as ``NAME.html``.
        edits: what the method found, written as ``edits.safetensors``.
        arrays: further numbers by name, written as ``arrays.safetensors``, for comparisons of jobs.
    """

    metrics: Mapping[str, Estimate]
    details: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Tensor | Image] = field(default_factory=dict)
    pages: Mapping[str, Page] = field(default_factory=dict)
    edits: Edits | None = None
    arrays: Mapping[str, Tensor] = field(default_factory=dict)


class Task(ABC):
    """Something that a job does with the parts of an experiment.

    Attributes:
        name: what it is called in reports.
    """

    name: str

    def check(self, experiment: Experiment) -> None:  # noqa: B027 - most have nothing to refuse
        """Refuse what cannot work, before any work.

        Raises:
            UserError: says what does not fit, and what would.
        """

    @abstractmethod
    def run(self, experiment: Experiment, config: DictConfig, runner: Runner) -> Findings:
        """Do it, in stages that go through ``runner.run``, so that a killed run goes on."""
