"""What the job of a task leaves behind: numbers, pictures, a small report, and the mirror."""

import base64
import json
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from pipeline.array_files import write_arrays
from pipeline.attempts import attempt
from pipeline.environment import environment
from pipeline.experiment import Experiment
from pipeline.publishing import command_line
from pipeline.records import plain, write_json
from pipeline.report.glossary import in_order, metric_info
from pipeline.report.markup import render_template
from pipeline.report.page import Page, PageSection, Record, write_page
from pipeline.report.table_formats import html_table, print_table
from pipeline.report.tables import Column, Row, Table
from pipeline.reporting import flat
from pipeline.runner import Runner
from pipeline.summaries import plain_estimates
from pipeline.tasks.base import Findings, Task
from pipeline.tracking import Tracker


def publish_findings(
    found: Findings,
    task: Task,
    experiment: Experiment,
    config: DictConfig,
    runner: Runner,
    tracker: Tracker,
    folder: Path,
) -> None:
    """Write the numbers, then everything that may fail without losing them.

    Raises:
        UserError: the numbers cannot be written; they are in the store all the same.
    """
    results = summary(found, task, experiment, config, runner)
    runner.record.write({"task": task.name, "metrics": results["metrics"]})
    write_json(folder / "metrics.json", results)
    if found.edits is not None:
        found.edits.save(folder / "edits.safetensors")
    attempt("the arrays", lambda: write_arrays(found.arrays, folder))
    attempt("the pictures", lambda: _write_pictures(found, folder))
    attempt("the pages", lambda: _write_pages(found, folder))
    attempt("the report", lambda: _write_report(found, results, config, folder))
    attempt("the mirror", lambda: _mirror(found, results, tracker, folder))
    attempt("the table", lambda: _print(found, task, folder))


def summary(
    found: Findings, task: Task, experiment: Experiment, config: DictConfig, runner: Runner
) -> dict[str, Any]:
    """The content of ``metrics.json``: the keys of the edit's that hold for any task."""
    return {
        "task": task.name,
        "method": experiment.method.name,
        "region": experiment.region.name,
        "generator": experiment.generator.name,
        "seed": config.seed,
        "samples": config.samples,
        "metrics": plain_estimates(found.metrics),
        "details": plain(found.details),
        "evaluators": dict(experiment.judges.notes),
        "timings": {name: time.seconds for name, time in runner.times.items()},
        "from_store": {name: time.cached for name, time in runner.times.items()},
        "environment": environment(str(experiment.device)),
    }


def _write_pictures(found: Findings, folder: Path) -> None:
    from pipeline.report.images import save_png

    for name, picture in found.pictures.items():
        save_png(picture, folder / f"{name}.png")


def _write_pages(found: Findings, folder: Path) -> None:
    for name, page in found.pages.items():
        write_page(page, folder / f"{name}.html")
        print(f"{name}: {folder / f'{name}.html'}")


def _write_report(
    found: Findings, results: dict[str, Any], config: DictConfig, folder: Path
) -> None:
    names = ("method", "region", "generator", "seed", "samples")
    table = html_table(_table(found, results["task"]))
    sections = [PageSection("numbers", "Numbers", table)] if found.metrics else []
    if found.pictures:
        shown = {"pictures": [(n, _uri(folder / f"{n}.png")) for n in found.pictures]}
        body = render_template("pictures.html.j2", shown)
        sections.append(PageSection("pictures", "Pictures", body))
    if found.details:
        text = json.dumps(results["details"], indent=1, ensure_ascii=False)
        body = render_template("details.html.j2", {"text": text})
        sections.append(PageSection("details", "Details", body))
    yaml = OmegaConf.to_yaml(config, resolve=True)
    record = Record(command_line(), yaml, flat(results["environment"]))
    page = Page(
        results["task"],
        [(name, str(results[name])) for name in names],
        [f"{name}: {text}" for name, text in results["evaluators"].items()],
        [*sections, record.section()],
    )
    write_page(page, folder / "report.html")


def _uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _mirror(found: Findings, results: dict[str, Any], tracker: Tracker, folder: Path) -> None:
    tracker.log({name: estimate.value for name, estimate in found.metrics.items()})
    rows = [[name, v["value"], *v["ci95"], v["n"]] for name, v in results["metrics"].items()]
    tracker.table("metrics", ["metric", "value", "low", "high", "n"], rows)
    for name in found.pictures:  # W&B shows images of one key at one size
        tracker.images(f"pictures/{name}", [(name, folder / f"{name}.png")])
    tracker.artefact("report", folder / "report.html", "report")


def _table(found: Findings, title: str) -> Table:
    names = in_order(list(found.metrics))
    rows = [Row([metric_info(name).label], [found.metrics[name]]) for name in names]
    return Table(title, ["metric"], [Column("value")], rows)


def _print(found: Findings, task: Task, folder: Path) -> None:
    if found.metrics:
        print_table(_table(found, task.name))
    if (folder / "report.html").exists():
        print(f"report: {folder / 'report.html'}")
