"""What a job leaves behind: numbers, edits, report, and the mirror of them."""

import logging
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from pipeline.environment import environment
from pipeline.metrics.base import Estimate
from pipeline.records import write_json
from pipeline.reporting import report_of, strips
from pipeline.runner import Runner
from pipeline.tracking import Tracker

if TYPE_CHECKING:
    from pipeline.job import Outcome

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
        "samples": config.samples,
        "strengths": list(e.strengths),
        "headline_strength": outcome.headline,
        "unit": "latent" if config.unit == "latent" else "attribute",
        "attribute": calibration.attributes[calibration.unit.attribute],
        "direction": calibration.selected,
        "step": calibration.unit.step,
        "reached": calibration.unit.reached,
        "metrics": _plain(at.compute()),
        "unedited": _plain(outcome.unedited.compute()),
        "attributes": _plain(at.attributes.compute()),
        "curves": _curves(outcome),
        "directions": [_direction(outcome, i) for i in range(len(outcome.edits))],
        "evaluators": dict(e.judges.notes),
        "timings": {name: time.seconds for name, time in runner.times.items()},
        "from_store": {name: time.cached for name, time in runner.times.items()},
        "environment": environment(str(e.device)),
    }


def _direction(outcome: "Outcome", index: int) -> dict[str, Any]:
    """What one direction does at a strength of 1, over all samples."""
    calibration, measures = outcome.calibration, outcome.by_direction[index]
    unit = calibration.units[index]
    changes = measures.attributes.compute()
    outside = max(calibration.outside, key=lambda name: abs(changes[name].value), default=None)
    return {
        "eigenvalue": float(outcome.edits.extra["eigenvalues"][index]),
        "attribute": calibration.attributes[unit.attribute],
        "step": unit.step,
        "reached": unit.reached,
        "metrics": _plain(measures.compute()),
        "change": _plain(changes)[calibration.attributes[unit.attribute]],
        "outside_attribute": outside,
        "outside_change": _plain(changes)[outside] if outside else None,
        "attributes": _plain(changes),
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


def _mirror(outcome: "Outcome", results: dict[str, Any], tracker: Tracker, folder: Path) -> None:
    for step, (strength, measures) in enumerate(outcome.by_strength.items()):
        numbers = {name: e.value for name, e in measures.compute().items()}
        tracker.log({"strength": strength, **numbers}, step)
    rows = [[name, v["value"], *v["ci95"], v["n"]] for name, v in results["metrics"].items()]
    tracker.table("metrics", ["metric", "value", "low", "high", "n"], rows)
    tracker.images("strips", [(outcome.edit.name, folder / "strips.png")])
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
