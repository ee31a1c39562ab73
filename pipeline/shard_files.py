"""What a job that measured a share of the samples leaves for the others, and how shares are joined.

``shard.safetensors`` holds the states of all metrics, ``shard.json`` says what they are of.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load, save

from pipeline.absent import describe, described
from pipeline.disk import Place, replace_file
from pipeline.errors import UserError
from pipeline.measures import Measures
from pipeline.records import OUTPUT_KEY, write_json
from pipeline.sample_files import SAMPLES, write_samples
from pipeline.summaries import effect, numbers

if TYPE_CHECKING:
    from pipeline.outcome import Outcome

NOTES, STATES, REFERENCE = "shard.json", "shard.safetensors", "reference"
FORMAT = 1
DIVIDED = ("edit", "directions")  # stages that each job does its own part of


def write_shard(outcome: "Outcome", folder: Path) -> None:
    """Write what a job measured of its share.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    tensors = {
        f"{label}/{name}": tensor.contiguous()
        for label, measures in _labelled(outcome).items()
        for name, tensor in measures.state().items()
    }
    if (reference := outcome.factory.reference) is not None:
        tensors[f"{REFERENCE}/mean"] = reference.mean.contiguous()
        tensors[f"{REFERENCE}/covariance"] = reference.covariance.contiguous()
    data = save(tensors)
    with Place("output folder", folder, OUTPUT_KEY).writing():
        replace_file(folder / STATES, data)
    notes = {
        "format": FORMAT,
        **asdict(outcome.share),
        "of": outcome.key,
        "sha256": hashlib.sha256(data).hexdigest(),
        "outside": outcome.calibration.outside,
        **describe(outcome.factory),
    }
    write_json(folder / NOTES, notes)


def _labelled(outcome: "Outcome") -> dict[str, Measures]:
    """Measures by the name that their states are written under."""
    return {
        "unedited": outcome.unedited,
        **{f"strength.{s}": measures for s, measures in outcome.by_strength.items()},
        **{f"direction.{i}": measures for i, measures in enumerate(outcome.by_direction)},
    }


def shard_notes(folder: Path) -> dict[str, Any] | None:
    """What a job says of its share; None where it measured all samples, or has not ended."""
    try:
        notes = json.loads((folder / NOTES).read_bytes())
    except (OSError, ValueError):
        return None
    return notes if isinstance(notes, dict) and notes.get("format") == FORMAT else None


def join(folders: Sequence[Path], into: Path) -> None:
    """Leave ``metrics.json`` and ``samples.safetensors`` as one job would have for all samples.

    Args:
        folders: of the jobs, one for each share, in the order of the shares.
        into: the folder to write to; the numbers come last, and say what they were made of.

    Raises:
        UserError: they measured different things or too little, or a file cannot be read.
        OSError: a file cannot be written.
    """
    made_of = [marks(folder) for folder in folders]
    results, by_strength = _joined(folders)
    write_samples(by_strength, into / SAMPLES)
    write_json(into / "metrics.json", results | {"made_of": made_of})


def marks(folder: Path) -> dict[str, Any]:
    """What tells a shard from any other."""
    notes = shard_notes(folder) or {}
    return {key: notes.get(key) for key in ("shard", "of", "sha256")}


def _joined(folders: Sequence[Path]) -> tuple[dict[str, Any], dict[float, Measures]]:
    """The numbers of all samples, and the measures that they come from.

    Raises:
        UserError: they measured different things or too little, or a file cannot be read.
    """
    notes = [_notes(folder) for folder in folders]
    if len({note["of"] for note in notes}) > 1:
        raise UserError("the shards are of different runs: run the older ones again.")
    each = [_results(folder) for folder in folders]
    base, total = each[0], _total(folders, notes)
    seen, samples = len(total["unedited"].attributes), notes[0]["samples"]
    if seen != samples:
        raise UserError(f"the shards hold {seen} of {samples} samples: run the others too.")
    strengths = {float(s): total[f"strength.{float(s)}"] for s in base["strengths"]}
    directions = [
        row | effect(total[f"direction.{i}"], row["attribute"], notes[0]["outside"])
        for i, row in enumerate(base["directions"])
    ]
    results = base | {
        "samples": samples,
        "shards": [folder.name for folder in folders],
        **numbers(strengths, total["unedited"], float(base["headline_strength"])),
        "directions": directions,
        "timings": _timings(each),
        "from_store": {
            name: all(result["from_store"].get(name, True) for result in each)
            for name in base["from_store"]
        },
    }
    return results, strengths


def _total(folders: Sequence[Path], notes: Sequence[Mapping[str, Any]]) -> dict[str, Measures]:
    """Measures of all shards together by label, merged in the order of the samples."""
    total: dict[str, Measures] = {}
    for folder, note in zip(folders, notes, strict=True):
        for label, measures in _measures(folder, note).items():
            if label in total:
                total[label].merge(measures)
            else:
                total[label] = measures
    return total


def _measures(folder: Path, notes: Mapping[str, Any]) -> dict[str, Measures]:
    """What one job measured, by label; no network is needed to read it."""
    try:
        data = (folder / STATES).read_bytes()
        tensors = load(data)
    except (OSError, SafetensorError) as error:
        raise _damaged(folder, str(error)) from error
    if hashlib.sha256(data).hexdigest() != notes["sha256"]:
        raise _damaged(folder, f"{STATES} is not what was written")
    factory = described(notes, tensors)
    states: dict[str, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        label, _, rest = name.partition("/")
        states.setdefault(label, {})[rest] = tensor
    states.pop(REFERENCE, None)
    return {
        label: (factory.locality() if label.startswith("direction.") else factory).from_state(state)
        for label, state in states.items()
    }


def _timings(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Seconds per stage: of what the jobs divided the sum, of what they shared the longest."""
    rows = [result["timings"] for result in results]
    return {
        name: (sum if name in DIVIDED else max)(row.get(name, 0.0) for row in rows)
        for name in rows[0]
    }


def _notes(folder: Path) -> dict[str, Any]:
    notes = shard_notes(folder)
    if notes is None:
        raise _damaged(folder, f"{NOTES} is missing")
    return notes


def _results(folder: Path) -> dict[str, Any]:
    try:
        results: dict[str, Any] = json.loads((folder / "metrics.json").read_bytes())
    except (OSError, ValueError) as error:
        raise _damaged(folder, str(error)) from error
    return results


def _damaged(folder: Path, why: str) -> UserError:
    reason = (why.splitlines() or ["damaged"])[0]
    return UserError(f"the shard in {folder} cannot be read ({reason}): run that job again.")
