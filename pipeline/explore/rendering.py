"""Pictures of edits and the numbers that go with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.explore.found import Found
from pipeline.generators.base import Codes
from pipeline.intervening import prepare
from pipeline.measures import MeasureFactory, Measures
from pipeline.methods.edits import Edit
from pipeline.methods.latents import LayerRange
from pipeline.metrics.base import Estimate
from pipeline.metrics.masked_mse import region_means
from pipeline.runner import Runner
from pipeline.stages.evaluation import Evaluating, Trial

BATCH = 16


@dataclass(frozen=True)
class Measured:
    """What an edit does to many samples.

    Attributes:
        metrics: by name, with intervals.
        changes: of every attribute that is read well, in standard deviations of the data.
    """

    metrics: Mapping[str, Estimate]
    changes: Mapping[str, Estimate]


@dataclass(frozen=True)
class Choice:
    """Which edit of what was found, how far, in which layers.

    Attributes:
        direction: its number.
        strength: in the unit of what was found.
        layers: half-open range; None moves those that the edit moves by itself.
    """

    direction: int
    strength: float = 1.0
    layers: LayerRange | None = None


@dataclass(frozen=True, eq=False)
class Rendered:
    """One picture before and after.

    Attributes:
        original: ``[3, H, W]``, RGB, in [-1, 1]; likewise ``edited``.
        difference: squared error per pixel ``[H, W]``, mean over channels, RGB in [0, 1].
        mask: the region ``[H, W]``.
        inside: mean of the difference inside the region, NaN where there is none; likewise
            ``outside``.
    """

    original: Tensor
    edited: Tensor
    difference: Tensor
    mask: Tensor
    inside: float
    outside: float

    @classmethod
    def of(cls, original: Tensor, edited: Tensor, mask: Tensor) -> "Rendered":
        """Two pictures ``[1, 3, H, W]`` in [-1, 1] held against each other."""
        difference = ((edited - original) / 2).square().mean(dim=1)
        mask = mask.expand(difference.shape).to(difference)
        inside, outside = region_means(difference, mask)
        return cls(
            original[0], edited[0], difference[0], mask[0], float(inside[0]), float(outside[0])
        )


def edited(
    found: Found, choice: Choice, codes: Codes, references: Codes | None, runner: Runner
) -> Tensor:
    """Images ``[n, 3, H, W]`` of codes after an edit, in [-1, 1]."""
    edit = found.edit(choice.direction, choice.layers)
    step = found.step(choice.direction, choice.strength)
    _prepared(found, edit, codes, step, runner)
    taken = references if edit.needs_reference else None
    with torch.inference_mode():
        return edit.apply(found.experiment.generator, codes, step, taken).clamp(-1, 1)


def rendered(
    found: Found,
    choice: Choice,
    codes: Codes,
    original: Tensor,
    reference: Codes | None,
    runner: Runner,
) -> Rendered:
    """One code before and after an edit; the original is rendered already, ``[1, 3, H, W]``."""
    e = found.experiment
    after = edited(found, choice, codes, reference, runner)
    with torch.inference_mode():
        mask = e.region.mask(e.generator.resolution, original).to(original.device)
        return Rendered.of(original, after, mask)


def strip(
    found: Found,
    choice: Choice,
    strengths: Sequence[float],
    codes: Codes,
    references: Codes | None,
    runner: Runner,
) -> Tensor:
    """Codes over strengths: ``[n, len(strengths), 3, H, W]``."""
    columns = [
        edited(found, Choice(choice.direction, s, choice.layers), codes, references, runner)
        for s in strengths
    ]
    return torch.stack(columns, dim=1)


def measured(
    found: Found,
    choice: Choice,
    codes: Codes,
    references: Codes | None,
    runner: Runner,
    upstream: Sequence[str],
) -> Measured:
    """What an edit does to many samples, with intervals.

    Args:
        found: what was found.
        choice: the edit.
        codes: of the samples.
        references: one for each, where the edit takes from one.
        runner: keeps the numbers.
        upstream: keys of the codes.
    """
    e, edit = found.experiment, found.edit(choice.direction, choice.layers)
    step = found.step(choice.direction, choice.strength)
    _prepared(found, edit, codes, step, runner)
    stage = Evaluating(
        [Trial("edited", edit, step)],
        e.generator,
        codes,
        0,
        e.region,
        e.region_settings,
        MeasureFactory(e.judges, None, e.domain.predictor),
        BATCH,
        "explore",
        references if edit.needs_reference else None,
    )
    measures: Measures = runner.run(stage, [found.edits.key, *upstream]).value["edited"]
    changes = measures.attributes.compute()
    readable = e.domain.predictor.readable
    return Measured(measures.compute(), {name: changes[name] for name in readable})


def _prepared(found: Found, edit: Edit, codes: Codes, step: float, runner: Runner) -> None:
    """Solve an edit for these codes where it is one that has to be."""
    e = found.experiment
    prepare([edit], e.generator, codes, [step], e.domain, runner)
