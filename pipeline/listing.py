"""What can be asked for, read off the configuration: ``python run.py --list``.

Every choice is a file of ``conf/`` whose first sentence says what it is. Nothing is composed and no
network is loaded, so the answer comes at once.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from safetensors import safe_open

from pipeline.plugins import EXTRAS
from pipeline.weights.cache import COMMAND, find

CONF = Path(__file__).parents[1] / "conf"
REGRESSOR = Path(__file__).parent / "assets" / "procfaces_regressor.safetensors"
GROUPS = (
    "method",
    "region",
    "target",
    "generator",
    "dataset",
    "codes",
    "task",
    "experiment",
    "hydra/launcher",
    "hydra/sweeper",
)
METRICS = "metric"
WIDTH = 100
_PACKAGES = {"ray": "ray", "slurm": "submitit", "optuna": "optuna", "lmdb": "lmdb"}
_END = re.compile(r"(?<!al)(?<!Eq)(?<!Fig)(?<!Sec)\.(?=\s|$)|: (python|uv) | Needs ")


@dataclass(frozen=True)
class Choice:
    """Something that can be asked for by name.

    Attributes:
        group: what it is chosen for, e.g. ``method``.
        name: as it is typed.
        about: what it is, in a sentence.
        missing: what it needs and is not here; empty where nothing is.
    """

    group: str
    name: str
    about: str
    missing: str = ""


def listing() -> str:
    """Every choice by group, one line each, and how to type it."""
    parts = []
    for group in GROUPS:
        found = list(choices(group))
        parts.append(f"{group}=\n" + "\n".join(_line(choice, found) for choice in found))
    metrics: Any = OmegaConf.load(CONF / METRICS / "standard.yaml")
    parts.append(
        "metric.NAME=\n" + "\n".join(f"  {name}={value}" for name, value in metrics.items())
    )
    parts.append(f"attribute= (of the embedded domain)\n{_wrapped(attributes())}")
    return "\n\n".join(parts)


def choices(group: str) -> Iterator[Choice]:
    """The choices of a group of the configuration, those of its folders included."""
    folder = CONF / group
    for file in sorted(folder.rglob("*.yaml")):
        name = file.relative_to(folder).with_suffix("").as_posix()
        text = file.read_text("utf-8")
        yield Choice(group, name, first_sentence(text), _missing(group, name, text))


def attributes() -> list[str]:
    """The attributes that can be read off faces of the embedded domain, from their card."""
    with safe_open(REGRESSOR, "np") as file:
        names: list[str] = json.loads(file.metadata()["provenance"])["readable"]
    return sorted(names)


def first_sentence(text: str) -> str:
    """What the comment at the head of a configuration says it is."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            lines.append(line.lstrip("# "))
    whole = " ".join(lines)
    end = _END.search(whole)
    return whole[: end.start()] if end else whole


def _missing(group: str, name: str, text: str) -> str:
    """What a choice needs that is not on this machine."""
    options: Any = OmegaConf.create(text)
    weights = options.get("weights") if group == "generator" else None
    if weights is not None and find(str(weights)) is None:
        return f"needs weights: {COMMAND} {weights}"
    extra = EXTRAS.get(group, {}).get(name) or ("lmdb" if name == "lmdb" else None)
    if extra is not None and find_spec(_PACKAGES[extra]) is None:
        return f"needs a package: uv sync --extra {extra}"
    return ""


def _line(choice: Choice, beside: list[Choice]) -> str:
    width = max(len(each.name) for each in beside)
    needs = f"  [{choice.missing}]" if choice.missing else ""
    return f"  {choice.name:{width}}  {choice.about}{needs}"


def _wrapped(names: list[str]) -> str:
    lines = [" "]
    for name in names:
        if len(lines[-1]) + len(name) >= WIDTH:
            lines.append(" ")
        lines[-1] += f" {name}"
    return "\n".join(lines)
