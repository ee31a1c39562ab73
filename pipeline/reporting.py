"""From the outcome of a job to the content of its report."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from pipeline.environment import environment
from pipeline.generators.base import Codes
from pipeline.methods.edits import Edit
from pipeline.metrics.masked_mse import MaskedMSE
from pipeline.report.content import (
    AttributeChange,
    Curve,
    DirectionRow,
    EvaluatorNote,
    Report,
    Strip,
    Timing,
)
from pipeline.runner import Time

if TYPE_CHECKING:
    from pipeline.job import Outcome

STRIPS = 6
GALLERY_STRENGTHS = (-1.0, 1.0)


def report_of(
    outcome: "Outcome", times: Mapping[str, Time], configuration: str, command: str
) -> Report:
    """Everything the report of a job shows."""
    e, calibration = outcome.experiment, outcome.calibration
    attribute = calibration.attributes[calibration.unit.attribute]
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
        attribute=attribute,
        metrics=at.compute(),
        curves=_curves(outcome),
        strength_label=f"strength (1 moves {label(attribute)} by one standard deviation)",
        outline=e.region.outline(),
        strips=strips(outcome),
        difference=_difference(outcome),
        directions=[_row(outcome, i) for i in range(len(outcome.edits))],
        selectivity_meaning=(
            "change of the leading attribute over the greatest change of an attribute outside "
            "the region, both in standard deviations of the data"
        ),
        changes=_changes(outcome),
        timings=[Timing(name, t.seconds, t.cached) for name, t in times.items()],
        configuration=configuration,
        environment=_flat(environment(str(e.device))),
        evaluators=[
            EvaluatorNote(name, text.startswith("official"), text)
            for name, text in e.judges.notes.items()
        ],
        warnings=_warnings(outcome),
    )


def _flat(facts: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Nested facts on one level: versions.torch, git.commit, ..."""
    flat: dict[str, str] = {}
    for name, fact in facts.items():
        if isinstance(fact, Mapping):
            flat |= _flat(fact, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = "unknown" if fact is None else str(fact)
    return flat


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
    edited = [edit.apply(e.generator, codes, step)[0] for step in steps.values()]
    mask = e.region.mask(e.generator.resolution, original)[0] if e.region.per_image else None
    return Strip(index, original[0], torch.stack(edited), list(steps), mask)


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
    unit = calibration.units[index]
    changes = measures.attributes.compute()
    others: Sequence[str] = calibration.outside or calibration.inside
    outside = max(others, key=lambda name: abs(changes[name].value))
    leading = calibration.attributes[unit.attribute]
    steps = {s: s * unit.step for s in GALLERY_STRENGTHS}
    return DirectionRow(
        rank=index + 1,
        eigenvalue=float(outcome.edits.extra["eigenvalues"][index]),
        attribute=label(leading),
        sign=1 if unit.step > 0 else -1,
        strength=abs(unit.step) if unit.reached else float("nan"),
        mse_ratio=measures.compute()["mse_ratio"],
        change=changes[leading],
        outside_attribute=label(outside),
        outside_change=changes[outside],
        selectivity=abs(changes[leading].value) / max(abs(changes[outside].value), 1e-3),
        selected=index == calibration.selected,
        strip=_strip(outcome, outcome.edits[index], steps, 0),
    )


def _warnings(outcome: "Outcome") -> list[str]:
    calibration = outcome.calibration
    if calibration.unit.reached:
        return []
    attribute = label(calibration.attributes[calibration.unit.attribute])
    return [
        f"No step tried moves {attribute} by one standard deviation of the data: a strength of 1 "
        "is the step that moves it most."
    ]
