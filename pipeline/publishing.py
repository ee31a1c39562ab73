"""What a job leaves behind: numbers, edits, report, and the mirror of them."""

import logging
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from pipeline.environment import environment
from pipeline.inversion.quality import summary as quality_summary
from pipeline.metrics.base import Estimate
from pipeline.records import write_json
from pipeline.reporting import portraits, report_of, strips
from pipeline.runner import Runner
from pipeline.tracking import Tracker

if TYPE_CHECKING:
    from pipeline.job import Outcome

SHEET = 64  # photographs on one sheet

log = logging.getLogger(__name__)


def publish(
    outcome: "Outcome", config: DictConfig, runner: Runner, tracker: Tracker, folder: Path
) -> None:
    """Write the numbers and the edits, then everything that may fail without losing them.

    Raises:
        UserError: the numbers or the edits cannot be written; they are in the store all the same.
    """
    for strength, measures in outcome.by_strength.items():
        runner.record.write({"strength": strength, "metrics": _plain(measures.compute())})
    outcome.edits.save(folder / "edits.safetensors")
    results = summary(outcome, config, runner)
    write_json(folder / "metrics.json", results)
    _attempt("the report", lambda: _write_report(outcome, config, runner, folder))
    _attempt("the strips", lambda: _write_strips(outcome, folder))
    if outcome.inverted:
        _attempt("the reconstructions", lambda: _write_reconstructions(outcome, folder))
    _attempt("the mirror", lambda: _mirror(outcome, results, tracker, folder))
    _attempt("the table", lambda: _print(outcome, folder))


def summary(outcome: "Outcome", config: DictConfig, runner: Runner) -> dict[str, Any]:
    """The content of ``metrics.json``."""
    e, calibration = outcome.experiment, outcome.calibration
    at = outcome.by_strength[outcome.headline]
    return {
        "method": outcome.edits.method,
        "region": e.region.name,
        "generator": e.generator.name,
        "seed": config.seed,
        "samples": len(outcome.codes),
        "strengths": list(e.strengths),
        "headline_strength": outcome.headline,
        "dataset": dataset(outcome),
        "unit": e.unit.value,
        "attribute": calibration.attribute(calibration.selected),
        "direction": calibration.selected,
        "step": calibration.step(calibration.selected, e.unit),
        "reached": calibration.reached(calibration.selected),
        "metrics": _plain(at.compute()),
        "unedited": _plain(outcome.unedited.compute()),
        "attributes": _plain(at.attributes.compute()),
        "curves": _curves(outcome),
        "directions": [_direction(outcome, i) for i in range(len(outcome.edits))],
        "evaluators": dict(e.judges.notes),
        "timings": {name: time.seconds for name, time in runner.times.items()},
        "from_store": {name: time.cached for name, time in runner.times.items()},
        "environment": environment(str(e.device)),
        **({"inversion": inversion(outcome)} if outcome.inverted else {}),
    }


def inversion(outcome: "Outcome") -> dict[str, Any]:
    """How the codes of the photographs were found, and how well they reproduce them."""
    plan, inverted = outcome.experiment.inversion, outcome.inverted
    if plan is None or inverted is None:
        raise ValueError("the codes were sampled")
    per_image = {name: values.tolist() for name, values in inverted.quality.items()}
    return {
        "images": str(plan.how.images),
        "space": plan.how.space.value,
        "aligned": plan.photographs.aligned,
        "perceptual": plan.distance.name if plan.distance else None,
        "quality": _plain(quality_summary(inverted.quality)),
        "extremes": {k: [min(v), max(v)] for k, v in per_image.items()},
        "per_image": [
            {"file": name, "steps": steps, **{k: v[i] for k, v in per_image.items()}}
            for i, (name, steps) in enumerate(
                zip(plan.photographs.names, inverted.steps, strict=True)
            )
        ],
    }


def dataset(outcome: "Outcome") -> dict[str, Any]:
    """What the pictures were held against; with its hash where that was done."""
    e = outcome.experiment
    used = {"fingerprint": e.domain.fingerprint} if e.judges.features is not None else {}
    return {**e.domain.facts(), **used}


def _direction(outcome: "Outcome", index: int) -> dict[str, Any]:
    """What one direction does at a strength of 1, over all samples."""
    calibration, measures = outcome.calibration, outcome.by_direction[index]
    changes = measures.attributes.compute()
    plain, attribute = _plain(changes), calibration.attribute(index)
    outside = max(calibration.outside, key=lambda name: abs(changes[name].value), default=None)
    return {
        "eigenvalue": float(outcome.edits.extra["eigenvalues"][index]),
        "attribute": attribute,
        "step": calibration.step(index, calibration.common),
        "reached": calibration.reached(index),
        "metrics": _plain(measures.compute()),
        "change": plain[attribute] if attribute else None,
        "outside_attribute": outside,
        "outside_change": plain[outside] if outside else None,
        "attributes": plain,
    }


def _curves(outcome: "Outcome") -> dict[str, Any]:
    """Every number over the strength, with 0 for the unedited images."""
    points = {0.0: outcome.unedited, **outcome.by_strength}
    computed = {s: points[s].compute() for s in sorted(points)}
    names = list(computed[outcome.headline])
    return {
        name: {
            "strength": list(computed),
            "value": [c[name].value for c in computed.values()],
            "ci95": [list(c[name].ci95) for c in computed.values()],
            "n": [c[name].n for c in computed.values()],
        }
        for name in names
    }


def _plain(estimates: dict[str, Estimate]) -> dict[str, Any]:
    return {k: {"value": e.value, "ci95": list(e.ci95), "n": e.n} for k, e in estimates.items()}


def command_line() -> str:
    """The command that makes this run again."""
    return shlex.join(["python", Path(sys.argv[0]).name, *sys.argv[1:]])


def _write_report(outcome: "Outcome", config: DictConfig, runner: Runner, folder: Path) -> None:
    from pipeline.report.html import write_report

    yaml = OmegaConf.to_yaml(config, resolve=True)
    write_report(report_of(outcome, runner.times, yaml, command_line()), folder / "report.html")


def _write_strips(outcome: "Outcome", folder: Path) -> None:
    from pipeline.report.images import save_png
    from pipeline.report.sheets import strip_sheet

    title = f"{outcome.edit.name}, strength"
    sheet = strip_sheet(strips(outcome), title, outcome.experiment.region.outline())
    save_png(sheet, folder / "strips.png")


def _write_reconstructions(outcome: "Outcome", folder: Path) -> None:
    from pipeline.report.images import save_png
    from pipeline.report.sheets import contact_sheet

    shown = portraits(outcome, SHEET, {})
    rows = [[portrait.photo, portrait.strip.original] for portrait in shown]
    labels = [f"{portrait.name}, {portrait.psnr:.1f} dB" for portrait in shown]
    left_out = len(outcome.codes) - len(shown)
    title = f"{left_out} more are not shown" if left_out else ""
    sheet = contact_sheet(rows, ["photograph", "reconstruction"], labels, title)
    save_png(sheet, folder / "reconstructions.png")


def _mirror(outcome: "Outcome", results: dict[str, Any], tracker: Tracker, folder: Path) -> None:
    for step, (strength, measures) in enumerate(outcome.by_strength.items()):
        numbers = {name: e.value for name, e in measures.compute().items()}
        tracker.log({"strength": strength, **numbers}, step)
    rows = [[name, v["value"], *v["ci95"], v["n"]] for name, v in results["metrics"].items()]
    tracker.table("metrics", ["metric", "value", "low", "high", "n"], rows)
    tracker.images("strips", [(outcome.edit.name, folder / "strips.png")])
    if outcome.inverted:
        tracker.images("inversion", [("reconstructions", folder / "reconstructions.png")])
    tracker.artefact("edits", folder / "edits.safetensors", "edits")
    tracker.artefact("report", folder / "report.html", "report")


def _print(outcome: "Outcome", folder: Path) -> None:
    from pipeline.report.glossary import in_order, metric_info
    from pipeline.report.table_formats import print_table
    from pipeline.report.tables import Column, Row, Table

    estimates = outcome.by_strength[outcome.headline].compute()
    rows = [Row([metric_info(name).label], [estimates[name]]) for name in in_order(list(estimates))]
    title = (
        f"{outcome.edits.method}, {outcome.experiment.region.name}, strength {outcome.headline:g}"
    )
    print_table(Table(title, ["metric"], [Column("value")], rows))
    if (folder / "report.html").exists():
        print(f"report: {folder / 'report.html'}")


def _attempt(what: str, act: Callable[[], None]) -> None:
    """Do what the results do not depend on; its failure is a warning."""
    try:
        act()
    except Exception as error:
        log.warning("%s failed (%s); the numbers are safe", what, error, exc_info=True)
