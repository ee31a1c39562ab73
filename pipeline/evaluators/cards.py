"""The cards beside the shipped weights: what they are, where they come from, how good they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.datasets.procfaces.dataset import Recipe
from pipeline.evaluators.comparing import Comparison
from pipeline.evaluators.identifying import SIBLINGS, VIEWS, IdentityQuality
from pipeline.evaluators.reading import READABLE, ReaderQuality
from pipeline.evaluators.training import Schedule


@dataclass(frozen=True)
class Training:
    """How the weights came about."""

    command: str
    data: str
    recipe: Recipe
    schedule: Schedule
    minutes: float

    def lines(self) -> list[str]:
        """The section of a card."""
        plan = self.schedule
        return [
            "## Training",
            f"- Data: {self.data}, {self.recipe.size} pixels, renderer {self.recipe.renderer}. "
            "Drawn by code: no photographs, no licences, no persons.",
            f"- Recipe: {plan.steps} steps of {plan.batch} faces, AdamW, rate {plan.rate:g} with "
            f"{plan.warmup} steps of warm-up and a cosine to zero, weight decay "
            f"{plan.weight_decay:g}, bfloat16 autocast; half of the faces slightly blurred, noisy, "
            "brighter or flatter.",
            f"- Seed: {plan.seed}. Time: {self.minutes:.0f} minutes on one shared CPU core.",
            f"- Command: `{self.command}`",
        ]


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]


def card(title: str, about: str, training: Training, quality: Sequence[str]) -> str:
    """A whole card."""
    return "\n".join([f"# {title}", about, "", *training.lines(), "", *quality]) + "\n"


def parser_quality(quality: ReaderQuality) -> list[str]:
    """IoU by part."""
    rows = [[part, score] for part, score in quality.iou.items()]
    return [
        "## Quality",
        f"Intersection over union on {quality.mean_iou.n} fresh renders, pixels pooled (95 % "
        "bootstrap interval over images):",
        "",
        *table(["part", "IoU"], [*rows, ["**mean**", quality.mean_iou]]),
    ]


def regressor_quality(quality: ReaderQuality, kinds: Mapping[str, str]) -> list[str]:
    """R2 by factor, and which factors are readable."""
    rows = [
        [name, kinds[name], score, "yes" if name in quality.readable else "no"]
        for name, score in quality.r2.items()
    ]
    n = next(iter(quality.r2.values())).n
    worn = ", ".join(f"{name} {score}" for name, score in quality.r2_worn.items())
    return [
        "## Quality",
        f"R2 on {n} fresh renders (95 % bootstrap interval over images); readable from {READABLE}. "
        "What a face does not show (ears under hair, glasses it does not wear) cannot be read; "
        f"among the faces that wear glasses: {worn}.",
        "",
        *table(["factor", "kind", "R2", "readable"], rows),
    ]


def identity_quality(quality: IdentityQuality) -> list[str]:
    """Areas under the curve."""
    return [
        "## Quality",
        f"Area under the curve of the cosine, the same person ({VIEWS} faces: fresh expression, "
        f"pose, light, background) against other persons, on {quality.others.n} fresh families of "
        f"{SIBLINGS} persons (95 % bootstrap interval over families):",
        "",
        *table(
            ["against", "AUC"],
            [
                ["persons drawn at random", quality.others],
                ["siblings (half of the identity factors shared)", quality.siblings],
            ],
        ),
    ]


def features_quality(comparisons: Sequence[Comparison]) -> list[str]:
    """Distances by what changed."""
    rows = [[row.change, row.perceptual, row.features] for row in comparisons]
    return [
        "## Quality",
        f"Mean distance between a face and a changed version of it, {comparisons[0].perceptual.n} "
        "fresh renders (95 % bootstrap interval over faces). How well the factors are read from "
        "the same numbers stands in the regressor's card.",
        "",
        *table(["change", "lpips_embedded", "distance of the features"], rows),
    ]
