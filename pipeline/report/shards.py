"""One job per configuration: what jobs measured of shares of the samples, joined before any table.

What one job would have left is kept in ``SWEEP/.merged/FOLDER OF THE FIRST SHARD``, and made again
when a shard changes.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pipeline.disk import replace_file
from pipeline.errors import UserError
from pipeline.report.jobs import Job
from pipeline.shard_files import join, marks, shard_notes

SHARD, SHARDS = "shard", "shards"
MERGED = ".merged"

Reader = Callable[[Path], Job]
"""Reads what lies in the folder of a job."""


def one_per_configuration(jobs: Sequence[Job], sweep: Path, read: Reader) -> list[Job]:
    """The jobs of a sweep with the shards of each configuration as one.

    A configuration of which a shard failed or has not ended has no numbers; its ``problem`` says
    which shards those are. Jobs that measured all of their samples stay as they are.

    Args:
        jobs: in their order; a configuration takes the place of its first shard.
        sweep: the folder that theirs are relative to.
        read: reads the folder that the joined numbers are written to.
    """
    groups: dict[object, list[Job]] = {}
    for job in jobs:
        groups.setdefault(_configuration(job), []).append(job)
    found = []
    for group in groups.values():
        count = _count(group, sweep)
        found += [_join(group, count, sweep, read)] if count > 1 else group
    return found


def _configuration(job: Job) -> object:
    """What the shards of one configuration have in common; whole jobs have it to themselves."""
    if SHARD not in job.overrides:
        return job.folder
    return tuple(item for item in sorted(job.overrides.items()) if item[0] != SHARD)


def _count(group: Sequence[Job], sweep: Path) -> int:
    """How many shards the configuration of some jobs was divided into."""
    for job in group:
        if notes := shard_notes(sweep / job.folder):
            return int(notes["shards"])
    said = group[0].overrides.get(SHARDS, "1")
    return int(said) if SHARD in group[0].overrides and said.isdecimal() else 1


def _join(group: Sequence[Job], count: int, sweep: Path, read: Reader) -> Job:
    """The job that the shards of a configuration make up."""
    by_shard = {job.overrides.get(SHARD, ""): job for job in group}
    first = replace(group[0], overrides={k: v for k, v in group[0].overrides.items() if k != SHARD})
    lost = {
        number: by_shard[number].problem if number in by_shard else "not there"
        for number in map(str, range(count))
    }
    reasons = [f"shard {number} of {count}: {why}" for number, why in lost.items() if why]
    if reasons:
        return replace(first, metrics={}, problem="; ".join(reasons))
    folders = [by_shard[number].path for number in map(str, range(count))]
    merged = sweep / MERGED / first.folder
    try:
        _keep(folders, merged)
    except (UserError, OSError) as error:
        return replace(first, metrics={}, problem=f"shards cannot be merged: {error}".rstrip("."))
    whole = read(merged)
    return replace(whole, folder=first.folder, overrides=first.overrides, report=first.report)


def _keep(folders: Sequence[Path], merged: Path) -> None:
    """Make sure that a folder holds the numbers of these shards, and the first one's pictures."""
    made_of = [marks(folder) for folder in folders]
    with suppress(OSError, ValueError):
        if json.loads((merged / "metrics.json").read_bytes()).get("made_of") == made_of:
            return
    merged.mkdir(parents=True, exist_ok=True)
    for picture in folders[0].glob("*.png"):
        replace_file(merged / picture.name, picture.read_bytes())
    join(folders, merged)
