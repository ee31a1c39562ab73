"""One table over all jobs of a sweep, from the files that the jobs left."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.metrics.base import Estimate
from pipeline.report.files import write_text
from pipeline.report.glossary import in_order
from pipeline.report.jobs import Job
from pipeline.report.shards import one_per_configuration
from pipeline.report.table_data import to_csv, to_json
from pipeline.report.table_formats import to_html, to_latex, to_markdown
from pipeline.report.tables import Cell, Column, Missing, Row, Table

_OVERRIDES = Path(".hydra", "overrides.yaml")
_FORMATS = {
    "csv": to_csv,
    "md": to_markdown,
    "tex": to_latex,
    "html": to_html,
    "json": to_json,
}


def collate(sweep: Path) -> Table:
    """Write the table of a sweep beside its jobs, as ``table.{csv,md,tex,html,json}``.

    Raises:
        UserError: there is no job in the folder.
        OSError: a file cannot be written.
    """
    table = sweep_table(sweep)
    write_tables(table, sweep)
    return table


def sweep_table(sweep: Path) -> Table:
    """The table of a sweep: one row per job, one column per metric.

    Rows are labelled by the overrides that differ between jobs; those that all jobs share are
    named below. A job that failed or left nothing keeps its row, with the reason.

    Raises:
        UserError: there is no job in the folder.
    """
    jobs = read_jobs(sweep)
    if not jobs:
        raise UserError(
            f"There are no jobs in {sweep}: give the folder of a sweep (multirun), whose "
            f"subfolders hold metrics.json or {_OVERRIDES}."
        )
    keys = _varying(jobs)
    common = {k: v for k, v in jobs[0].overrides.items() if all(k in j.overrides for j in jobs)}
    shared = [f"{key}={text}" for key, text in common.items() if key not in keys]
    names = in_order(list(dict.fromkeys(name for job in jobs for name in job.metrics)))
    columns = [*map(Column.of_metric, names), Column("seconds", "time", "s")]
    return Table(
        title=f"{len(jobs)} jobs of {sweep.name}",
        headings=("job", *keys),
        columns=columns,
        rows=[_row(job, keys, names) for job in jobs],
        notes=[*([f"All jobs: {' '.join(shared)}."] if shared else []), *_gaps(sweep)],
    )


def write_tables(table: Table, folder: Path, name: str = "table") -> list[Path]:
    """Write ``name.{csv,md,tex,html,json}``, each all at once.

    Returns:
        The files written.

    Raises:
        OSError: one cannot be written.
    """
    paths = []
    for suffix, render in _FORMATS.items():
        paths.append(folder / f"{name}.{suffix}")
        write_text(render(table), paths[-1])
    return paths


def read_jobs(sweep: Path) -> list[Job]:
    """What every job of a sweep left, in the order of their numbers or names; shards as one."""
    jobs = [_read_job(folder, sweep) for folder in _job_folders(sweep)]
    return one_per_configuration(jobs, sweep, lambda folder: _read_job(folder, sweep))


def _job_folders(folder: Path) -> Iterator[Path]:
    """Folders that hold a job; what lies within a job is not looked at."""
    if not folder.is_dir():
        return
    for child in sorted(filter(Path.is_dir, folder.iterdir()), key=_natural):
        if any((child / mark).exists() for mark in (_OVERRIDES, "metrics.json", "status.json")):
            yield child
        elif not child.name.startswith("."):
            yield from _job_folders(child)


def _read_job(folder: Path, sweep: Path) -> Job:
    name, report = folder.relative_to(sweep), (folder / "report.html").is_file()
    job = Job(name, _overrides(folder / _OVERRIDES), {}, report=report, path=folder)
    status = _read_json(folder / "status.json")
    if status.get("status") == "failed":
        reason = " ".join(str(status.get("error", "no reason given")).split())
        return replace(job, problem=f"failed: {reason.rstrip('.')}")
    if not (folder / "metrics.json").is_file():
        known = f" (status: {status['status']})" if "status" in status else ""
        return replace(job, problem=f"left no metrics.json{known}")
    try:
        results = json.loads((folder / "metrics.json").read_text())
        metrics = {key: read_estimate(entry) for key, entry in results.pop("metrics").items()}
        seconds = sum(map(_number, results.get("timings", {"": None}).values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"metrics.json cannot be read ({type(error).__name__}: {error})"
        return replace(job, problem=problem)
    details = results | results.pop("details", {})
    return replace(job, metrics=metrics, seconds=seconds, details=details)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def read_estimate(entry: Mapping[str, Any]) -> Estimate:
    """An estimate as ``metrics.json`` holds it; null is NaN."""
    low, high = entry["ci95"]
    return Estimate(_number(entry["value"]), (_number(low), _number(high)), int(entry["n"]))


def _number(x: float | None) -> float:
    return math.nan if x is None else float(x)


def _overrides(path: Path) -> dict[str, str]:
    """Hydra's overrides, one ``key=value`` each; ``~key`` removes a key."""
    from omegaconf import OmegaConf
    from yaml import YAMLError

    try:
        lines = [str(line) for line in OmegaConf.load(path)]
    except (OSError, YAMLError):
        return {}
    pairs = (line.lstrip("+").partition("=") for line in lines)
    return {k.lstrip("~"): "removed" if k.startswith("~") else text for k, _, text in pairs}


def _varying(jobs: Sequence[Job]) -> list[str]:
    """Keys whose values differ between the jobs, or that some jobs lack."""
    keys = dict.fromkeys(key for job in jobs for key in job.overrides)
    return [key for key in keys if len({job.overrides.get(key) for job in jobs}) > 1]


def _row(job: Job, keys: Sequence[str], names: Sequence[str]) -> Row:
    labels = [job.folder.as_posix(), *(job.overrides.get(key, "") for key in keys)]
    link = f"{job.folder.as_posix()}/report.html" if job.report else None
    if job.problem is not None:
        return Row(labels, [Missing(job.problem)] * (len(names) + 1), link)
    cells: list[Cell] = [job.metrics.get(name, Missing("not measured")) for name in names]
    time = Missing("not recorded") if math.isnan(job.seconds) else job.seconds
    return Row(labels, [*cells, time], link)


def _gaps(sweep: Path) -> list[str]:
    """Jobs that left no folder, where folders are numbered."""
    names = [folder.relative_to(sweep).as_posix() for folder in _job_folders(sweep)]
    if not all(name.isdecimal() for name in names):
        return []
    numbers = set(map(int, names))
    lost = [str(n) for n in range(max(numbers)) if n not in numbers]
    return [f"No folder of job {', '.join(lost)}: it never started."] if lost else []


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts 10 behind 9."""
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in re.split(r"(\d+)", path.name)]
