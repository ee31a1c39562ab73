"""Every method on every generator: which there are, by the configuration, and in which settings."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from pipeline.config import Unit, register
from pipeline.datasets.rendered_maps import RenderedMaps
from pipeline.domains.procfaces import ProcFaces
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.generators.base import Generator
from pipeline.generators.weights import ASSETS
from pipeline.methods.base import Method
from pipeline.methods.catalog.activations import feature_layers
from pipeline.methods.edits import Edits
from pipeline.methods.reading import ReadingMethod
from pipeline.preflight import CONF
from pipeline.regions.box import Box
from tests.generators.conditional import small_pix2pixhd
from tests.generators.semantic_cases import random_network
from tests.methods.navigation import SMALL

TINY: Mapping[str, Any] = {
    "num_directions": 2, "num_codes": 1, "num_samples": 64, "share": 0.25, "jacobian_resolution": 8,
    "clusters": [3], "num_vectors": 400, "restarts": 1, "num_statistics": 16, "grid": 4,
    "target": "region", "min_rate": 0.0, "margin": 0.0, "num_candidates": 16, "num_examples": 4,
    "calibration_codes": 2, "steps": 2, "batch": 2, "vectors": 2, "hessian_resolution": 8,
    "codes_at_once": 2, "iterations": 2, "tolerance": 0.1, "conditions": ["age"],
    "resolution": 16,
}  # fmt: skip
"""Options by name, where a method has them: enough to see that it runs, and no more."""

MORE: Mapping[str, Mapping[str, Any]] = {"style_intervention": {"num_codes": 2}}
"""What a method needs more of."""

ATTRIBUTE = "smile"  # one that everything that reads or translates attributes knows
REGION = {"name": "mouth", "centre": [0.5, 0.5], "size": [0.8, 0.8]}


def _own_file(name: str) -> str | None:
    """The shipped file of a generator's configuration; None where its weights are elsewhere."""
    path = OmegaConf.load(CONF / "generator" / f"{name}.yaml").get("path")
    return path if path and (ASSETS / path).is_file() else None


def _choices(group: str) -> list[str]:
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


def _painter() -> Generator:
    network = small_pix2pixhd(torch.float32, input_channels=20, resolution=16)
    network.label_maps = RenderedMaps(count=64, size=16)
    return network


METHODS = _choices("method")
SHIPPED = [name for name in _choices("generator") if _own_file(name)]
RANDOM: Mapping[str, Callable[[], Generator]] = {
    **SMALL,
    "semantic_stylegan": random_network,
    "pix2pixhd": _painter,
}


@cache
def composed(group: str, name: str) -> dict[str, Any]:
    """A choice as a run of its own gets it."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", [f"{group}={name}", f"attribute={ATTRIBUTE}"])
    resolved: Any = OmegaConf.to_container(config[group], resolve=True)
    return {str(key): value for key, value in resolved.items()}


@cache
def generator_of(name: str) -> Generator:
    """A shipped generator by its configuration, or a small random one by its architecture."""
    if name in RANDOM:
        return RANDOM[name]().float()
    settings = composed("generator", name)
    made: Generator = instantiate({k: v for k, v in settings.items() if k != "domain"})
    return made


@cache
def domain() -> ProcFaces:
    """The embedded domain, whose networks are loaded once for all."""
    return ProcFaces(reference_samples=2)


def settings_of(method: str, generator: Generator, saved: Path) -> dict[str, Any]:
    """A method's options in a tiny setting that names layers of the generator's own."""
    given = composed("method", method)
    tiny = {key: value for key, value in TINY.items() if key in given}
    settings = given | tiny | MORE.get(method, {})
    if "layer" in given and generator.kernels:
        settings["layer"] = list(generator.kernels)[-1]
    if "clusters" in given and (layers := _features(generator)):
        settings["layers"] = [layers[len(layers) // 2]]
    if "path" in given:
        settings["path"] = str(saved)
    return settings


def experiment_of(method: str, generator: str, saved: Path) -> Experiment:
    """The pair as a job has it; nobody has asked yet whether the two fit.

    Args:
        method: its name.
        generator: its name.
        saved: a file of edits of this generator, for methods that take those of others.
    """
    network = generator_of(generator)
    settings = settings_of(method, network, saved)
    made: Method = instantiate(settings)
    if isinstance(made, ReadingMethod):
        made.reader = domain()
    return Experiment(
        domain(), network, Box(**REGION), made, domain().judges("none", "none", "none"), REGION,
        settings, (1.0,), Unit.LATENT, 1.0, torch.device("cpu"),
    )  # fmt: skip


def saved_edits(generator: str, path: Path) -> Path:
    """A file of edits that any generator can have: those of Poisson blending, of pixels alone."""
    if not path.exists():
        found = experiment_of("poisson_blending", generator, path)
        codes = found.generator.sample(2, torch.Generator().manual_seed(0))
        edits: Edits = found.method.discover(found.generator, codes, found.region)
        replace(edits, region="mouth").save(path)
    return path


def _features(generator: Generator) -> tuple[str, ...]:
    """Layers that can be clustered; none where the generator has no such."""
    try:
        return feature_layers(generator)
    except UserError:
        return ()
