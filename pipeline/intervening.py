"""What edits that are solved for every image need before they are applied; others need nothing."""

from collections.abc import Iterable, Sequence

import torch

from pipeline.domains.base import Domain
from pipeline.generators.base import Codes, Generator
from pipeline.methods.edits import Edit
from pipeline.methods.intervention import Solution
from pipeline.methods.intervention_edit import InterventionEdit
from pipeline.runner import Runner
from pipeline.stages.intervention import BATCH, Intervening


def prepare(
    edits: Iterable[Edit],
    generator: Generator,
    codes: Codes,
    strengths: Sequence[float],
    domain: Domain,
    runner: Runner,
) -> None:
    """Solve per-image edits for codes, through the store, and hand them their coefficients.

    Args:
        edits: of any kind; those that are not solved per image are left alone.
        generator: whose codes they are.
        codes: what will be edited.
        strengths: steps that will be taken: their signs say what has to be solved.
        domain: finds the parts.
        runner: runs the stages.
    """
    for edit in edits:
        if isinstance(edit, InterventionEdit):
            for sense in senses(edit, strengths):
                if not edit.remembers(codes, sense):
                    solved(edit, generator, codes, sense, domain, runner)


def senses(edit: InterventionEdit, strengths: Sequence[float]) -> list[int]:
    """Which ways an edit is solved for steps of these signs."""
    if edit.mirror:
        return [1] if any(strengths) else []
    return [sense for sense in (1, -1) if any(s * sense > 0 for s in strengths)]


def solved(
    edit: InterventionEdit,
    generator: Generator,
    codes: Codes,
    sense: int,
    domain: Domain,
    runner: Runner,
) -> Solution:
    """The coefficients of codes, batch by batch from the store; the edit remembers them."""
    parts: list[Solution] = []
    for first in range(0, len(codes), BATCH):
        few = codes[first : first + BATCH]
        stage = Intervening(edit, generator, few, sense, domain.parser, runner.store)
        parts.append(runner.run(stage).value)
        edit.remember(few, sense, parts[-1].coefficients)
    return Solution(
        torch.cat([part.coefficients for part in parts]),
        torch.cat([part.loss for part in parts]),
        torch.cat([part.pixel for part in parts]),
        torch.cat([part.steps for part in parts]),
    )
