"""What jobs leave, made up: the folders of a sweep without the work."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from pipeline.metrics.intervals import mean_estimate
from pipeline.sample_files import SAMPLES
from pipeline.summaries import plain_estimates


def leave_cell(
    folder: Path,
    overrides: Mapping[str, str],
    samples: Mapping[float, Mapping[str, Tensor]],
    reached: bool = True,
    discovery: Mapping[str, float] | None = None,
) -> None:
    """A job that measured some numbers of samples at some strengths."""
    _overrides(folder, overrides)
    headline = 1.0 if 1.0 in samples else max(samples)
    means = {s: {k: mean_estimate(v) for k, v in n.items()} for s, n in samples.items()}
    plain = {s: plain_estimates(found) for s, found in means.items()}
    curves = {
        name: {
            "strength": [0.0, *samples],
            "value": [0.0, *(p[name]["value"] for p in plain.values())],
            "ci95": [[0.0, 0.0], *(p[name]["ci95"] for p in plain.values())],
            "n": [p[name]["n"] for p in [plain[headline], *plain.values()]],
        }
        for name in plain[headline]
    }
    results: dict[str, Any] = {
        "metrics": plain[headline],
        "headline_strength": headline,
        "curves": curves,
        "attribute": "eye_open",
        "change": -1,
        "attributes": {"eye_open": {"value": -0.98, "ci95": [-1.05, -0.91], "n": 50}},
        "reached": reached,
        "discovery": discovery or {"jacobian": 2.0, "solve": 0.5},
        "timings": {"edit": 3.0},
    }
    (folder / "metrics.json").write_text(json.dumps(results))
    index = torch.arange(len(next(iter(samples[headline].values()))))
    tensors = {
        f"{s:g}/{k}": v.clone()
        for s, n in samples.items()
        for k, v in {"index": index, **n}.items()
    }
    save_file(tensors, folder / SAMPLES)


def leave_failure(folder: Path, overrides: Mapping[str, str], error: str) -> None:
    """A job that failed."""
    _overrides(folder, overrides)
    (folder / "status.json").write_text(json.dumps({"status": "failed", "error": error}))


def _overrides(folder: Path, overrides: Mapping[str, str]) -> None:
    (folder / ".hydra").mkdir(parents=True)
    lines = "".join(f"- {key}={value}\n" for key, value in overrides.items())
    (folder / ".hydra" / "overrides.yaml").write_text(lines)
