"""Ask before you run: ``python run.py ... --validate`` checks every job and computes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from omegaconf import DictConfig, OmegaConf

from pipeline.errors import UserError, unknown_name
from pipeline.estimating import Past, estimate, past_runs, seconds_of
from pipeline.fitting import (
    EMBEDDED,
    check_attribute,
    check_parts,
    check_region,
    check_spaces,
    fit_of,
)
from pipeline.inversion.files import image_files
from pipeline.listing import CONF, attributes, first_sentence
from pipeline.machine import check_device, check_disk, check_memory
from pipeline.preflight import Plan, planned
from pipeline.weights.attributes import CLASSIFIERS, PREFIX
from pipeline.weights.cache import find, locate

FLAG = "--validate"
NOT_ASKED = (
    "Names of layers, sizes of networks and contents of files are checked when a job starts."
)
FILES = ("generator.checkpoint", "method.path", "method.catalog", "method.labels")
METRICS = {
    "fid": ("inception", ("inception_fid",)),
    "id": ("recognition", ("arcface_r50", "mobilefacenet")),
    "lpips": ("official", ("alexnet",)),
}


@dataclass(frozen=True)
class Verdict:
    """What is to be expected of one job.

    Attributes:
        job: its overrides.
        problem: why it cannot run, and what to type; empty where it can.
        seconds: how long a run of its kind took; None where nothing is known.
    """

    job: Sequence[str]
    problem: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Validation:
    """What is to be expected of a command line.

    Attributes:
        verdicts: one per job.
        time: how long those that can run will take, in words.
    """

    verdicts: Sequence[Verdict]
    time: str

    @property
    def good(self) -> bool:
        """Whether every job can run."""
        return not any(verdict.problem for verdict in self.verdicts)

    def lines(self) -> list[str]:
        """A line per job that cannot run, and the summary."""
        bad = [verdict for verdict in self.verdicts if verdict.problem]
        total = len(self.verdicts)
        lines = [f"cannot run: {' '.join(v.job) or 'the defaults'}: {v.problem}" for v in bad]
        return [
            *lines,
            f"{total} job{'s' * (total != 1)}, {total - len(bad)} can run",
            f"time: {self.time}",
            NOT_ASKED,
        ]


def validate(arguments: Sequence[str]) -> Validation:
    """Compose and check every job of a command line, and see what it would take.

    Raises:
        UserError: a mistake that concerns all jobs, in one line.
    """
    with planned([a for a in arguments if a != FLAG]) as plan:
        key, folder = plan.folder
        check_disk(folder, key, len(plan.jobs))
        store = Path(str(plan.base.store))
        past = past_runs({store.parent, folder.parent, folder.parent.parent})
        verdicts = [_verdict(plan, job, past) for job in plan.jobs]
        times = [v.seconds for v in verdicts if not v.problem]
        choices = plan.hydra.runtime.choices
        return Validation(verdicts, estimate(times, choices.get("experiment"), _at_once(plan)))


def _verdict(plan: Plan, job: Sequence[str], past: Sequence[Past]) -> Verdict:
    try:
        config = plan.checked(job)
        names = {str(group): str(name) for group, name in config.hydra.runtime.choices.items()}
        check_job(config, names, _folders(config), _at_once(plan))
    except UserError as error:
        return Verdict(job, str(error))
    return Verdict(job, seconds=seconds_of(config, names, past))


def check_job(
    config: DictConfig, names: Mapping[str, str], folders: Sequence[Path], at_once: int = 1
) -> None:
    """Refuse a job that cannot run here, as far as can be told without loading a network.

    Args:
        config: of the job.
        names: what was chosen of every group.
        folders: where configurations lie.
        at_once: how many jobs run side by side.

    Raises:
        UserError: the first reason found; says what to type.
    """
    _check_files(config)
    method, generator, frame = names["method"], names["generator"], frame_of(config)
    needs, has = fit_of("method", method, folders), fit_of("generator", generator, folders)
    check_spaces(method, needs, generator, has, config.method.get("space"))
    check_parts(method, needs, frame)
    check_attribute(method, needs, config.attribute, frame, readable(frame))
    region: Any = OmegaConf.to_container(config.region, resolve=True)
    check_region(region, frame)
    _check_metrics(config, frame)
    check_device(str(config.device))
    check_memory(config, _about(generator, folders), _pictures(config), at_once)
    check_disk(Path(str(config.store)), "store", 1)


def frame_of(config: DictConfig) -> str:
    """The kind of pictures that a job is about, by the name that regions know a box under."""
    if "frame" in config.dataset:
        return str(config.dataset.frame or "none")
    return EMBEDDED


def readable(frame: str) -> list[str]:
    """The attributes that can be read off pictures of a frame with what is here."""
    if frame == EMBEDDED:
        return attributes()
    if frame not in ("ffhq", "celebahq"):
        return []
    return [name.removeprefix(PREFIX) for name in CLASSIFIERS if find(name)]


def _check_metrics(config: DictConfig, frame: str) -> None:
    """Refuse a network that is asked for by name and is not here, or knows no such pictures."""
    for metric, (official, weights) in METRICS.items():
        wish = str(config.metric[metric])
        allowed = ("auto", official, "embedded", "none")
        if wish not in allowed:
            raise unknown_name(f"metric.{metric}", wish, allowed)
        if wish == official and not any(map(find, weights)):
            locate(weights[0])
        if wish == "embedded" and frame != EMBEDDED:
            raise UserError(
                f"metric.{metric}=embedded: that network knows the embedded domain's faces alone; "
                f"take metric.{metric}=auto."
            )


def _check_files(config: DictConfig) -> None:
    """Refuse files that are named and not there."""
    for key in FILES:
        value = OmegaConf.select(config, key)
        if value is not None and not Path(str(value)).expanduser().is_file():
            raise UserError(f"{key}={value}: there is no such file.")
    needed = {"generator.checkpoint": config.generator, "method.path": config.method}
    for key, node in needed.items():
        option = key.partition(".")[2]
        if option in node and node[option] is None:
            raise UserError(f"{key} is not given: add {key}=FILE.")


def _pictures(config: DictConfig) -> int:
    """How many pictures a job measures."""
    if "images" in config.codes:
        return len(image_files(config.codes.images))
    return int(config.codes.get("count") or config.samples)


def _about(generator: str, folders: Sequence[Path]) -> str:
    files = (folder / "generator" / f"{generator}.yaml" for folder in folders)
    return next((first_sentence(f.read_text("utf-8")) for f in files if f.is_file()), "")


def _folders(config: DictConfig) -> list[Path]:
    """Where configurations lie: the project's, and those of ``hydra.searchpath``."""
    own = [urlparse(str(path)) for path in config.hydra.searchpath or []]
    return [CONF, *(Path(u.netloc + u.path) for u in own if u.scheme in ("", "file"))]


def _at_once(plan: Plan) -> int:
    """How many jobs run side by side, where the launcher says."""
    count = OmegaConf.select(plan.hydra, "launcher.n_jobs")
    return int(count) if plan.sweep and isinstance(count, int) and count > 0 else 1
