"""What a job leaves behind: numbers, edits, report, and the mirror of them."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from pipeline.attempts import attempt
from pipeline.environment import environment
from pipeline.inversion.quality import summary as quality_summary
from pipeline.methods.catalog.method import CatalogMethod
from pipeline.navigating import training_curve
from pipeline.records import write_json
from pipeline.reporting import portraits, report_of, strips
from pipeline.runner import Runner
from pipeline.sample_files import SAMPLES, write_samples
from pipeline.shard_files import write_shard
from pipeline.summaries import effect, numbers, plain_estimates
from pipeline.tracking import Tracker

if TYPE_CHECKING:
    from pipeline.outcome import Outcome

SHEET = 64  # photographs on one sheet


def publish(
    outcome: "Outcome", config: DictConfig, runner: Runner, tracker: Tracker, folder: Path
) -> None:
    """Write the numbers and the edits, then everything that may fail without losing them.

    Raises:
        UserError: the numbers or the edits cannot be written; they are in the store all the same.
    """
    for strength, measures in outcome.by_strength.items():
        runner.record.write({"strength": strength, "metrics": plain_estimates(measures.compute())})
    outcome.edits.save(folder / "edits.safetensors")
    results = summary(outcome, config, runner)
    if outcome.share.shards > 1:
        write_shard(outcome, folder)
    write_json(folder / "metrics.json", results)
    attempt("the report", lambda: _write_report(outcome, config, runner, folder))
    measured = outcome.by_strength
    attempt("the numbers of every sample", lambda: write_samples(measured, folder / SAMPLES))
    attempt("the strips", lambda: _write_strips(outcome, folder))
    if outcome.inverted:
        attempt("the reconstructions", lambda: _write_reconstructions(outcome, folder))
    if isinstance(outcome.experiment.method, CatalogMethod):
        attempt("the catalog", lambda: _write_catalog(outcome, config, folder))
    attempt("the mirror", lambda: _mirror(outcome, results, tracker, folder))
    attempt("the table", lambda: _print(outcome, folder))


def summary(outcome: "Outcome", config: DictConfig, runner: Runner) -> dict[str, Any]:
    """The content of ``metrics.json``."""
    e, calibration = outcome.experiment, outcome.calibration
    return {
        "task": config.task.name,
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
        "change": e.change,
        "reached": calibration.reached(calibration.selected),
        "reached_by_strength": {
            str(s): calibration.reached(calibration.selected, s) for s in e.strengths
        },
        "discovery": dict(outcome.edits.notes.get("seconds", {})),
        **numbers(outcome.by_strength, outcome.unedited, outcome.headline),
        "directions": [_direction(outcome, i) for i in range(len(outcome.by_direction))],
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
        "quality": plain_estimates(quality_summary(inverted.quality)),
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
    calibration, attribute = outcome.calibration, outcome.calibration.attribute(index)
    return {
        "eigenvalue": float(outcome.edits.extra["eigenvalues"][index]),
        "attribute": attribute,
        "step": calibration.step(index, calibration.common),
        "reached": calibration.reached(index),
        **effect(outcome.by_direction[index], attribute, calibration.outside),
    }


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


def _write_catalog(outcome: "Outcome", config: DictConfig, folder: Path) -> None:
    from pipeline.catalog_sheets import write_catalog
    from pipeline.report.page import Record

    e = outcome.experiment
    if isinstance(e.method, CatalogMethod) and e.method.prepared is not None:
        record = Record(command_line(), OmegaConf.to_yaml(config.method, resolve=True))
        write_catalog(e.method.prepared, e.generator, record, folder)


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
    for step, point in training_curve(outcome.edits):
        tracker.log(point, step)
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
