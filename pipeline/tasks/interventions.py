"""What Style Intervention does on the way: Figures 5 and 6 of Liu et al. 2020."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline.errors import UserError
from pipeline.evaluators.base import fingerprint_of
from pipeline.experiment import Experiment
from pipeline.generators.base import Codes, Generator, Space
from pipeline.intervening import solved
from pipeline.labelling import learned_from
from pipeline.methods.edits import Edits
from pipeline.methods.intervention import Solution, merged
from pipeline.methods.intervention_edit import InterventionEdit
from pipeline.methods.reader import Predictor
from pipeline.methods.style_channels import style_slices
from pipeline.methods.style_intervention import StyleIntervention
from pipeline.methods.target_parts import Target
from pipeline.metrics.base import Estimate
from pipeline.metrics.intervals import fraction_estimate, mean_estimate
from pipeline.report.sheets import contact_sheet
from pipeline.runner import Result, Runner
from pipeline.stages.base import Progress, Stage, generator_settings
from pipeline.stages.discovery import Discovery
from pipeline.stages.inputs import Sampling
from pipeline.tasks.base import Findings, Task

LATENT = "latent edit"
SLACK = 1e-3  # of the latent edit's error: a smaller rise is the noise of the last digits
Course = dict[str, Tensor]


def moves(
    edit: InterventionEdit, generator: Generator, codes: Codes, coefficients: Tensor
) -> list[Tensor]:
    """Displacements of the styles ``[n, s]``: of the latent edit, and after every layer."""
    latent, normal = edit.displacements(generator, codes, 1)
    coefficients, found = coefficients.to(latent), [latent]
    so_far = torch.zeros_like(coefficients)
    for part in style_slices(generator).values():
        so_far = so_far.clone()
        so_far[:, part] = coefficients[:, part]
        found.append(merged(latent, normal, so_far))
    return found


@dataclass
class Following(Stage[Course]):
    """Errors after every layer, and along the straight line to both ends of the edit.

    Attributes:
        multiples: places along the lines; 1 is the edit as it was solved.
    """

    edit: InterventionEdit
    generator: Generator
    codes: Codes
    solution: Solution
    predictor: Predictor
    parser: Any
    multiples: Sequence[float]
    batch: int
    name = "follow"

    def settings(self) -> Mapping[str, Any]:
        """The places; what was solved depends on the edit and the codes, which have keys."""
        return {
            "edit": self.edit.digest,
            "generator": generator_settings(self.generator),
            "count": len(self.codes),
            "multiples": list(self.multiples),
            "predictor": fingerprint_of(self.predictor),
            "parser": fingerprint_of(self.parser),
        }

    @torch.inference_mode()
    def compute(self, progress: Progress) -> Course:
        """Every batch is rendered after every layer, and at every place of both lines."""
        parts: list[Course] = []
        for first in range(0, len(self.codes), self.batch):
            rows = slice(first, first + self.batch)
            parts.append(self._batch(self.codes[rows], self.solution.coefficients[rows]))
            progress(min(first + self.batch, len(self.codes)), len(self.codes))
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _batch(self, codes: Codes, coefficients: Tensor) -> Course:
        styles = self.generator.convert(codes, Space.S)
        original = self.generator.render(styles).clamp(-1, 1)
        labels = self.parser.parse(original)
        target = Target(self.edit.parts, self.edit.margin)
        outside = target.outside(labels, original.shape[-1]).to(original)
        column = list(self.predictor.names).index(self.edit.attribute)
        before = self.predictor.standardised(original)[:, column]

        def measured(move: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            image = self.generator.render(styles.with_values(styles.values + move)).clamp(-1, 1)
            squares = ((image - original) / 2).square().mean(1)
            inner = (squares * outside).sum((1, 2)) / outside.sum((1, 2)).clamp(min=1)
            change = self.predictor.standardised(image)[:, column] - before
            return squares.mean((1, 2)).cpu(), inner.cpu(), change.cpu()

        found: Course = {}
        layers = moves(self.edit, self.generator, codes, coefficients)
        lines = {
            "layers": layers,
            "latent": [m * layers[0] for m in self.multiples],
            "merged": [m * layers[-1] for m in self.multiples],
        }
        for name, places in lines.items():
            columns = zip(*(measured(move) for move in places), strict=True)
            for kind, values in zip(("whole", "outside", "change"), columns, strict=True):
                found[f"{name}.{kind}"] = torch.stack(list(values), dim=1).contiguous()
        return found

    def save(self, result: Course, folder: Path) -> None:
        """One safetensors file."""
        save_file(result, folder / "course.safetensors")

    def load(self, folder: Path) -> Course:
        """Read it."""
        return load_file(folder / "course.safetensors")


@dataclass
class InterventionCourse(Task):
    """Style Intervention's errors layer by layer (Figure 6) and along its line (Figure 5).

    Args:
        multiples: places along the line; 1 is the edit as it was solved.
        shown: images on the sheets.
        name: what the task is called.
    """

    multiples: Sequence[float] = field(default_factory=lambda: (0.25, 0.5, 0.75, 1.0, 1.25, 1.5))
    shown: int = 4
    name: str = "intervention_course"

    def check(self, experiment: Experiment) -> None:
        """Refuse other methods."""
        if not isinstance(experiment.method, StyleIntervention):
            raise UserError(
                f"task={self.name} follows the optimisation of method=style_intervention, this is "
                f"method={experiment.method.name}: add method=style_intervention."
            )

    def run(self, experiment: Experiment, config: DictConfig, runner: Runner) -> Findings:
        """Solve some codes, then measure on the way."""
        e, seed = experiment, config.seed
        edits = discovered(e, seed, runner)
        edit = edits.value[0]
        if not isinstance(edit, InterventionEdit):
            raise TypeError("the method finds edits of its own kind")
        drawn = runner.run(Sampling(e.generator, config.samples, seed, "evaluate"))
        solution = solved(edit, e.generator, drawn.value, 1, e.domain, runner)
        stage = Following(
            edit,
            e.generator,
            drawn.value,
            solution,
            e.domain.predictor,
            e.domain.parser,
            list(self.multiples),
            config.batch,
        )
        course = runner.run(stage, [edits.key, drawn.key]).value
        layers = [LATENT, *style_slices(e.generator)]
        few = slice(0, self.shown)
        return Findings(
            summary(course),
            {
                "attribute": edit.attribute,
                "layers": layers,
                "curves": {name: _curve(values) for name, values in course.items()},
                "multiples": list(self.multiples),
                "loss": _curve(solution.loss),
                "steps": solution.steps.double().mean(0).tolist(),
                "hyperplane": edits.value.notes["hyperplane"],
                "labeller": edits.value.notes["labeller"],
            },
            sheets(
                edit,
                e.generator,
                drawn.value[few],
                solution.coefficients[few],
                self.multiples,
            ),
        )


def discovered(e: Experiment, seed: int, runner: Runner) -> Result[Edits]:
    """What the method of an experiment finds, with the labels that it learns from."""
    seen = runner.run(Sampling(e.generator, getattr(e.method, "num_codes", 1), seed, "discover"))
    labels = learned_from(e, seed, runner)
    stage = Discovery(
        e.method, e.generator, seen.value, e.region, e.region_settings, e.method_settings, seed
    )
    found = runner.run(stage, [seen.key, *labels])
    for edit in found.value:
        edit.see(e.domain)
    return found


def monotone(errors: Tensor) -> Estimate:
    """Share of the images whose error never rises from one layer to the next.

    Args:
        errors: of the latent edit and after every layer ``[n, layers + 1]``.
    """
    rises = errors.diff(dim=1) > SLACK * errors[:, :1]
    return fraction_estimate(int((~rises.any(1)).sum()), len(errors))


def summary(course: Course) -> dict[str, Estimate]:
    """The numbers of a course."""
    found = {}
    for kind in ("outside", "whole"):
        errors = course[f"layers.{kind}"].double()
        found[f"mse_{kind}_latent"] = mean_estimate(errors[:, 0])
        found[f"mse_{kind}_final"] = mean_estimate(errors[:, -1])
        found[f"monotone_{kind}"] = monotone(errors)
    changes = course["layers.change"].double()
    found["change_latent"] = mean_estimate(changes[:, 0])
    found["change_final"] = mean_estimate(changes[:, -1])
    return found


def sheets(
    edit: InterventionEdit,
    generator: Generator,
    codes: Codes,
    coefficients: Tensor,
    multiples: Sequence[float],
) -> dict[str, Image.Image]:
    """The images after every layer, and along the lines of both edits."""
    with torch.inference_mode():
        styles = generator.convert(codes, Space.S)
        layers = moves(edit, generator, codes, coefficients)

        def drawn(move: Tensor) -> list[Tensor]:
            image = generator.render(styles.with_values(styles.values + move))
            return list(image.clamp(-1, 1).cpu())

        originals = drawn(torch.zeros_like(layers[0]))
        after = [originals, *(drawn(move) for move in layers)]
        lines = {
            name: [originals, *(drawn(m * move) for m in multiples)]
            for name, move in (("latent", layers[0]), ("ours", layers[-1]))
        }
    numbers = [f"no. {i}" for i in range(len(codes))]
    rows = [list(row) for row in zip(*after, strict=True)]
    names = ["original", LATENT, *style_slices(generator)]
    by_layer = contact_sheet(rows, names, numbers, f"{edit.name}: after each layer", cell=64)
    both = zip(*(_rows(line) for line in lines.values()), strict=True)
    steps = [row for pair in both for row in pair]
    labels = [f"{number} {name}" for number in numbers for name in lines]
    places = ["original", *(f"{m:g}" for m in multiples)]
    title = f"{edit.name}: along the displacement"
    return {"layers": by_layer, "interpolation": contact_sheet(steps, places, labels, title)}


def _rows(columns: Sequence[Sequence[Tensor]]) -> list[list[Tensor]]:
    return [list(row) for row in zip(*columns, strict=True)]


def _curve(values: Tensor) -> list[list[float]]:
    """Value, interval and n of every column of ``[n, k]``."""
    estimates = [mean_estimate(column) for column in values.double().unbind(1)]
    return [[e.value, *e.ci95, e.n] for e in estimates]
