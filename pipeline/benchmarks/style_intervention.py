"""Style Intervention's optimisation: the plain loop, and what makes ours faster, one by one."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from pipeline.domains.procfaces import ProcFaces
from pipeline.generators.base import Codes, Generator
from pipeline.generators.stylegan2 import StyleGAN2
from pipeline.generators.weights import load_stylegan2
from pipeline.methods.intervention import Problem, Schedule, Solution, solve
from pipeline.methods.intervention_edit import InterventionEdit
from pipeline.methods.restart import Renderer, Restarting, Whole
from pipeline.methods.style_intervention import StyleIntervention
from pipeline.regions.box import Box

SEED = 4242


@dataclass(frozen=True)
class Way:
    """One way to solve the same problem.

    Attributes:
        name: what it is called.
        start: makes the renderer.
        schedule: how long every layer is worked on.
        batch: images at once.
    """

    name: str
    start: Callable[[Generator, int], Renderer]
    schedule: Schedule
    batch: int


@dataclass(frozen=True, eq=False)
class Measured:
    """What a way took and gave.

    Attributes:
        seconds: for all images.
        loss: Eq. 11 at the end ``[n]``.
        steps: of Adam per image and layer, on average.
    """

    seconds: float
    loss: Tensor
    steps: float


def ways(schedule: Schedule, batch: int) -> list[Way]:
    """The plain loop and ours, and what lies between; the plain one never stops early."""
    plain = replace(schedule, patience=0)
    return [
        Way("plain: whole passes, one image at a time", Whole, plain, 1),
        Way("whole passes, batched", Whole, plain, batch),
        Way("restarted at the layer, batched", _restarting, plain, batch),
        Way("ours: restarted, batched, stops when converged", _restarting, schedule, batch),
    ]


def run(way: Way, problem: Problem, generator: Generator) -> Measured:
    """Solve all images of a problem in one way; one thread is timed by what it computes."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    found: list[Solution] = []
    begun = clock()
    for first in range(0, len(problem), way.batch):
        rows = torch.arange(first, min(first + way.batch, len(problem)))
        few = problem[rows]
        found.append(solve(few, way.start(generator, len(few)), way.schedule))
    seconds = clock() - begun
    loss = torch.cat([solution.loss[:, -1] for solution in found])
    steps = torch.cat([solution.steps for solution in found])
    return Measured(seconds, loss, float(steps.double().mean()))


def excess(found: Measured, plain: Measured, problem: Problem) -> float:
    """How much greater the final loss is than the plain loop's, as a share of it.

    Eq. 10 lies in -1..1, so that Eq. 11 passes through zero; it is counted from its lowest value.
    """
    floor = problem.objective.attribute
    return float((found.loss.mean() + floor) / (plain.loss.mean() + floor)) - 1


def report(n: int, samples: int, attribute: str, steps: int) -> None:
    """Print seconds, speed-up and final loss of every way, on the shipped generator.

    Args:
        n: images.
        samples: labelled codes behind the hyperplanes.
        attribute: what is edited.
        steps: of Adam on every layer, at most.
    """
    generator = load_stylegan2(
        Path("stylegan2_procfaces.safetensors"), "stylegan2_procfaces", truncation_psi=0.8
    )
    problem, schedule = prepared(generator, n, samples, attribute)
    schedule = replace(schedule, steps=steps)
    print(
        f"{n} images, {attribute}, at most {schedule.steps} steps a layer, "
        f"{torch.get_num_threads()} thread(s), torch {torch.__version__}",
        flush=True,
    )
    print(f"{'':48}{'seconds':>9}{'faster':>8}{'steps':>7}{'loss':>11}{'excess':>9}")
    plain: Measured | None = None
    for way in ways(schedule, batch=min(n, 32)):
        found = run(way, problem, generator)
        plain = plain or found
        print(
            f"{way.name:48}{found.seconds:9.1f}{plain.seconds / found.seconds:8.2f}"
            f"{found.steps:7.1f}{float(found.loss.mean()):11.6f}"
            f"{excess(found, plain, problem):9.2%}",
            flush=True,
        )


def prepared(
    generator: StyleGAN2, n: int, samples: int, attribute: str
) -> tuple[Problem, Schedule]:
    """The problem of some codes, with an edit found as a job would find it."""
    method = StyleIntervention(attribute=attribute, num_samples=samples)
    method.reader = ProcFaces()
    codes: Codes = generator.sample(n, torch.Generator().manual_seed(SEED))
    edit = method.discover(generator, codes, Box("box", [0.5, 0.5], [0.5, 0.5]), SEED)[0]
    if not isinstance(edit, InterventionEdit):
        raise TypeError("the method finds edits of its own kind")
    return edit.problem(generator, codes, 1), Schedule(**edit.schedule)


def _restarting(generator: Generator, n: int) -> Renderer:
    if not isinstance(generator, StyleGAN2):
        raise TypeError("only StyleGAN2's passes begin again at a layer")
    return Restarting(generator, n)
