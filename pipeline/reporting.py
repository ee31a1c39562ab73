"""From the outcome of a job to the content of its report."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from pipeline.config import Unit
from pipeline.environment import environment
from pipeline.generators.base import Codes
from pipeline.inversion.quality import summary
from pipeline.methods.edits import Edit
from pipeline.metrics.masked_mse import MaskedMSE
from pipeline.report.content import (
    AttributeChange,
    Curve,
    DirectionRow,
    Effect,
    EvaluatorNote,
    Inversion,
    Portrait,
    Report,
    Strip,
    Timing,
)
from pipeline.runner import Time

if TYPE_CHECKING:
    from pipeline.outcome import Outcome

STRIPS = 6
PORTRAITS = 8
GALLERY_STRENGTHS = (-1.0, 1.0)
GALLERY_SHARES = (0.5, 1.0)


def report_of(
    outcome: "Outcome", times: Mapping[str, Time], configuration: str, command: str
) -> Report:
    """Everything the report of a job shows."""
    e, calibration = outcome.experiment, outcome.calibration
    at = outcome.by_strength[outcome.headline]
    return Report(
        title=f"{outcome.edits.method}: {e.region.name}",
        command=command,
        method=outcome.edits.method,
        generator=e.generator.name,
        region=e.region.name,
        seed=outcome.edits.seed,
        samples=len(outcome.codes),
        strength=outcome.headline,
        dataset=_dataset(outcome),
        attribute=calibration.attribute(calibration.selected),
        metrics=at.compute(),
        curves=_curves(outcome),
        strength_label=f"strength ({_unit(outcome)})",
        outline=e.region.outline(),
        inversion=_inversion(outcome),
        strips=strips(outcome),
        difference=_difference(outcome),
        directions=[_row(outcome, i) for i in range(len(outcome.by_direction))],
        selectivity_meaning=(
            "change of the leading attribute over the greatest change of an attribute outside "
            "the region, both in standard deviations of the data"
            if calibration.units
            else ""
        ),
        changes=_changes(outcome),
        timings=[Timing(name, t.seconds, t.cached) for name, t in times.items()],
        configuration=configuration,
        environment=flat(environment(str(e.device))),
        evaluators=[
            EvaluatorNote(name, text.startswith("official"), text)
            for name, text in e.judges.notes.items()
        ],
        warnings=_warnings(outcome),
    )


def flat(facts: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Nested facts on one level: versions.torch, git.commit, ..."""
    level: dict[str, str] = {}
    for name, fact in facts.items():
        if isinstance(fact, Mapping):
            level |= flat(fact, f"{prefix}{name}.")
        else:
            level[f"{prefix}{name}"] = "unknown" if fact is None else str(fact)
    return level


def _dataset(outcome: "Outcome") -> str:
    """Name of the pictures, and their frame where it says more."""
    name, frame = outcome.experiment.domain.name, outcome.experiment.domain.frame
    return name if frame in (name, "none") else f"{name}, framed as {frame}"


def _unit(outcome: "Outcome") -> str:
    """What a strength of 1 is."""
    calibration, unit = outcome.calibration, outcome.experiment.unit
    if outcome.edit.scale:
        return outcome.edit.scale
    attribute = calibration.attribute(calibration.selected)
    if unit == Unit.ATTRIBUTE and attribute:
        return f"1 moves {label(attribute)} by {deviations(outcome.experiment.change)}"
    step = "standard deviation of the latents" if unit == Unit.SPREAD else "latent step"
    return f"1 is one {step}"


def deviations(change: float) -> str:
    """A change in words: one standard deviation, −0.5 standard deviations."""
    number = f"{change:g}".replace("-", "−")
    return "one standard deviation" if change == 1 else f"{number} standard deviations"


def label(name: str) -> str:
    """An attribute's name for people."""
    return name.replace("_", " ")


def strips(outcome: "Outcome") -> list[Strip]:
    """The first samples, edited at every strength."""
    shown = range(min(STRIPS, len(outcome.codes)))
    return [_strip(outcome, outcome.edit, outcome.steps, i) for i in shown]


@torch.inference_mode()
def _strip(outcome: "Outcome", edit: Edit, steps: Mapping[float, float], index: int) -> Strip:
    e = outcome.experiment
    codes: Codes = outcome.codes[index : index + 1].to(e.device)
    original = e.generator.render(codes)
    reference, shown = None, None
    if outcome.references is not None:
        reference = outcome.references[index : index + 1].to(e.device)
        shown = e.generator.render(reference)[0]
    edited = [edit.apply(e.generator, codes, step, reference) for step in steps.values()]
    mask = e.region.mask(e.generator.resolution, original)[0] if e.region.per_image else None
    images = torch.cat([original[:0], *edited])
    return Strip(index, original[0], images, list(steps), mask, shown)


def portraits(outcome: "Outcome", most: int, steps: Mapping[float, float]) -> list[Portrait]:
    """The first photographs with their reconstructions and edits; none where codes are sampled."""
    plan, inverted = outcome.experiment.inversion, outcome.inverted
    if plan is None or inverted is None:
        return []
    shown = plan.photographs[:most]
    return [
        Portrait(
            shown.names[i],
            shown.images[i],
            _strip(outcome, outcome.edit, steps, i),
            float(inverted.quality["psnr"][i]),
        )
        for i in range(len(shown))
    ]


def _inversion(outcome: "Outcome") -> Inversion | None:
    """How well photographs were reproduced, and what the edit does to them."""
    plan, inverted = outcome.experiment.inversion, outcome.inverted
    if plan is None or inverted is None:
        return None
    perceptual = plan.distance.name if plan.distance else "nothing that perceives"
    return Inversion(
        portraits(outcome, PORTRAITS, outcome.steps),
        plan.how.space.value,
        (min(inverted.steps), max(inverted.steps)),
        summary(inverted.quality),
        {name: (float(v.min()), float(v.max())) for name, v in inverted.quality.items()},
        [
            f"The projection followed the squared error and {perceptual}.",
            "Noise maps are the generator's own: an edit renders codes, which carry none.",
        ],
    )


def _curves(outcome: "Outcome") -> dict[str, Curve]:
    points = {0.0: outcome.unedited, **outcome.by_strength}
    computed = {s: measures.compute() for s, measures in points.items()}
    names = computed[outcome.headline]
    return {name: Curve.of({s: c[name] for s, c in computed.items()}) for name in names}


def _difference(outcome: "Outcome") -> torch.Tensor | None:
    metric = outcome.by_strength[outcome.headline].metrics.get("mse")
    return metric.maps()["mse_map"] if isinstance(metric, MaskedMSE) else None


def _changes(outcome: "Outcome") -> list[AttributeChange]:
    calibration = outcome.calibration
    changes = outcome.by_strength[outcome.headline].attributes.compute()
    return [
        AttributeChange(name, label(name), changes[name], name in calibration.inside)
        for name in (*calibration.inside, *calibration.outside)
    ]


def _row(outcome: "Outcome", index: int) -> DirectionRow:
    calibration, measures = outcome.calibration, outcome.by_direction[index]
    step = calibration.step(index, calibration.common)
    given = GALLERY_SHARES if outcome.edits[index].shares else GALLERY_STRENGTHS
    return DirectionRow(
        rank=index + 1,
        eigenvalue=float(outcome.edits.extra["eigenvalues"][index]),
        strength=abs(step) if calibration.reached(index) else float("nan"),
        mse_ratio=measures.compute()["mse_ratio"],
        effect=_effect(outcome, index),
        selected=index == calibration.selected,
        strip=_strip(outcome, outcome.edits[index], {s: s * step for s in given}, 0),
    )


def _effect(outcome: "Outcome", index: int) -> Effect | None:
    """What a direction does to attributes, where there are any."""
    calibration = outcome.calibration
    leading = calibration.attribute(index)
    if leading is None:
        return None
    changes = outcome.by_direction[index].attributes.compute()
    others: Sequence[str] = calibration.outside or calibration.inside
    outside = max(others, key=lambda name: abs(changes[name].value))
    return Effect(
        attribute=label(leading),
        sign=1 if calibration.step(index, calibration.common) > 0 else -1,
        change=changes[leading],
        outside_attribute=label(outside),
        outside_change=changes[outside],
        selectivity=abs(changes[leading].value) / max(abs(changes[outside].value), 1e-3),
    )


def _warnings(outcome: "Outcome") -> list[str]:
    calibration, e = outcome.calibration, outcome.experiment
    attribute = calibration.attribute(calibration.selected)
    found = []
    if outcome.edit.needs_reference:
        found.append(
            "Every sample takes from another one, its reference, drawn by the seed; a strength is "
            "the share taken, and is not calibrated."
        )
    elif outcome.edit.scale:
        found.append(f"Strengths are not calibrated: {outcome.edit.scale}.")
    elif attribute is None:
        found.append(
            f"No attribute can be read off {e.domain.name}: a strength of {_unit(outcome)}, and "
            "the direction shown is the method's first unless another was asked for."
        )
    elif e.unit == Unit.ATTRIBUTE and not calibration.reached(calibration.selected):
        found.append(
            f"No step tried moves {label(attribute)} by {deviations(e.change)} of the data: a "
            "strength of 1 is the step that moves it most."
        )
    notes = e.judges.notes.items()
    return found + [f"{name.upper()} is {text}." for name, text in notes if "left out" in text]
